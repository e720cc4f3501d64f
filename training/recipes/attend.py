"""Train the gated attention on bags, and measure it on groups it has not seen."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.architectures.gated_attention import HEADS, gated_attention
from training.architectures.tile_encoder import ATTENDED_DIM
from training.recipes.bags import Bags, joined
from training.types import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """How the attention learns."""

    steps: int = 300
    rate: float = 2e-3
    decay: float = 3e-2
    tiles: int = 48  # Drawn from each bag at each step: no tile may be relied upon.
    extra_weight: float = 0.2  # Of a synthetic bag.
    noise: float = 0.3  # Added to embeddings of unit variance.


def train_attention(
    bags: Bags, regime: Regime, *, seed: int, extra: Bags | None = None
) -> Any:
    """Train a new model on all these bags; it takes embeddings as they come.

    extra: synthetic bags, which count for less than real ones.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng([seed, 3])
    everything = np.concatenate([view for views in bags.views for view in views])
    everything = everything[:, :ATTENDED_DIM]
    if extra is not None:
        bags = joined(bags, extra)
    mean, spread = everything.mean(0), everything.std(0) + 1e-3
    model = gated_attention()
    step = _training_step(model, bags, regime, extra)
    for _ in range(regime.steps):
        batch = np.stack([_drawn_tiles(rng, views, regime) for views in bags.views])
        batch = (batch - mean) / spread
        batch += regime.noise * rng.standard_normal(batch.shape)
        step(tf.constant(batch, tf.float32))
    fold_scaling(model.get_layer("project"), mean, spread)
    return model


def out_of_fold(
    bags: Bags,
    regime: Regime,
    *,
    repeats: int,
    seed: int,
    extra: Bags | None = None,
) -> Floats:
    """Score every field by models that saw no field of its group: (repeats, fields)."""
    groups = np.array(bags.groups)
    logits = np.zeros((repeats, len(groups)), np.float32)
    for repeat in range(repeats):
        for number, group in enumerate(sorted(set(bags.groups))):
            model = train_attention(
                bags.only(groups != group),
                regime,
                seed=seed + 100 * repeat + number,
                extra=extra,
            )
            for index in np.flatnonzero(groups == group):
                logits[repeat, index] = bag_logit(model, bags.views[index][0])
    return logits


def bag_logit(model: Any, embeddings: Floats) -> float:
    """Score one bag: the mean of the heads."""
    return float(
        np.mean(model(embeddings[None, :, :ATTENDED_DIM], training=False)["logits"])
    )


def fold_scaling(layer: Any, mean: Floats, spread: Floats) -> None:
    """Put (x - mean) / spread into a dense layer's own weights."""
    kernel, bias = layer.get_weights()
    scaled = kernel / spread[:, None]
    layer.set_weights([scaled, bias - mean @ scaled])


def _training_step(model: Any, bags: Bags, regime: Regime, extra: Bags | None) -> Any:
    truth = tf.constant(bags.malignant.astype(np.float32))[:, None]
    # As much weight to the rarer class as to the other.
    share = float(bags.malignant.mean())
    weight = truth / (2 * share) + (1 - truth) / (2 * (1 - share))
    if extra is not None:
        count = len(extra.groups)
        real = tf.ones((len(bags.groups) - count, 1))
        weight *= tf.concat([real, tf.fill((count, 1), regime.extra_weight)], axis=0)
    smooth = 0.9 * truth + 0.05
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(regime.rate, regime.steps),
        weight_decay=regime.decay,
    )
    optimizer.build(model.trainable_variables)

    def descend(batch: Any) -> None:
        with tf.GradientTape() as tape:
            logits = model(batch, training=True)["logits"]
            losses = tf.nn.sigmoid_cross_entropy_with_logits(
                tf.repeat(smooth, HEADS, axis=1), logits
            )
            # Summed over heads: each learns as if it were alone.
            loss = tf.reduce_sum(tf.reduce_mean(losses * weight, axis=0))
        slopes = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))

    return tf.function(descend, autograph=False)


def _drawn_tiles(
    rng: np.random.Generator, views: list[Floats], regime: Regime
) -> Floats:
    view = views[int(rng.integers(len(views)))]
    return view[rng.integers(len(view), size=regime.tiles), :ATTENDED_DIM]
