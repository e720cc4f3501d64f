"""Blocks that learn fast: fed with white features, answering in unit scale.

A block of the encoder is wrapped in two fixed linear maps, taken from the statistics
of the features that it will see: one whitens what comes in, one scales what goes out.
Gradient descent then needs far fewer steps. Both maps are linear, so that afterwards
they are multiplied into the block's own weights, and nothing of them remains.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from training.architectures.tile_encoder import BLOCKS, block, is_residual
from training.types import Floats

SAMPLE = 400  # Tiles: enough for statistics.


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the features at one border: means and covariance over all positions."""

    mean: Floats
    covariance: Floats

    @property
    def whitening(self) -> Floats:
        """The matrix W with which (x - mean) W is white; shrunk: some hardly vary."""
        values, vectors = np.linalg.eigh(self.covariance)
        floor = 0.003 * values.mean() + 1e-9
        return np.asarray(vectors / np.sqrt(values + floor) @ vectors.T, np.float32)


def statistics(features: Floats) -> Statistics:
    """Measure at one border: features (b, h, w, channels)."""
    flat = features[:SAMPLE].astype(np.float32).reshape(-1, features.shape[-1])
    return Statistics(flat.mean(0), np.asarray(np.cov(flat.T), np.float32))


def added_spread(seen: list[Floats], index: int) -> Floats:
    """Measure how strong a block's own contribution is, channel by channel."""
    added: Floats = seen[index + 2][:SAMPLE].astype(np.float32)
    if is_residual(index):
        added = added - seen[index + 1][:SAMPLE]
    return np.asarray(added.std((0, 1, 2)) + 1e-3, np.float32)


def conditioned(index: int, entering: Statistics, spread: Floats) -> Any:
    """Wrap a new block. The very first takes features that cannot be shifted."""
    plain = block(index)
    if BLOCKS[index].expansion == 1:
        return plain
    features = keras.Input((None, None, len(entering.mean)))
    whiten = keras.layers.Conv2D(len(entering.mean), 1, trainable=False, name="whiten")
    scale = keras.layers.Rescaling(spread)
    outcome = whiten(features)
    for layer in _own_layers(plain):
        outcome = layer(outcome)
    outcome = scale(outcome)
    if is_residual(index):
        outcome = features + outcome
    whitening = entering.whitening
    whiten.set_weights([whitening[None, None], -entering.mean @ whitening])
    return keras.Model(features, outcome, name=f"conditioned_{index}")


def folded(index: int, trained: Any, spread: Floats) -> Any:
    """Give the plain block that answers as the wrapped one does."""
    plain = block(index)
    if BLOCKS[index].expansion == 1:
        plain.set_weights(trained.get_weights())
        return plain
    whitening, shift = (
        np.asarray(weight) for weight in trained.get_layer("whiten").get_weights()
    )
    convolutions = [
        layer for layer in trained.layers if layer.weights and layer.name != "whiten"
    ]
    weights = [np.asarray(w) for layer in convolutions for w in layer.get_weights()]
    expand, expand_bias, depth, depth_bias, project, project_bias = weights
    plain.set_weights(
        [
            (whitening[0, 0] @ expand[0, 0])[None, None],
            shift @ expand[0, 0] + expand_bias,
            depth,
            depth_bias,
            project * spread,
            project_bias * spread,
        ]
    )
    return plain


def _own_layers(plain: Any) -> list[Any]:
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.ReLU)
    return [layer for layer in plain.layers if isinstance(layer, kinds)]
