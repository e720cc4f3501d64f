"""Teach a small head which tiles are H&E tissue."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from serving.contract import ModelContract
from training.architectures.gated_attention import tissue_head
from training.datasets import Field
from training.generator.nontissue import DRAWINGS, nontissue
from training.recipes.attend import fold_scaling
from training.recipes.bags import embed
from training.recipes.corpus import (
    coarsened,
    random_tiles,
    rescaled,
    restained,
)
from training.recipes.tiles import synthetic_images
from training.types import Floats, Pixels

# Of the model's spacing. A wrong spacing is not what this head should refuse for.
SCALES = (0.5, 0.7, 1.0, 1.5, 2.2, 3.5)
EMPTY_DENSITY = 0.08  # Mean optical density below which a tile shows glass alone.
TILES_EACH = 4000
EPOCHS = 25


def train_tissue(
    encoder: Any, fields: Sequence[Field], contract: ModelContract, *, seed: int
) -> Any:
    """Train on tiles of real and synthetic tissue against drawings of other things."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng([seed, 4])
    side_px = contract.tile_side_px
    positive = _tissue_tiles(rng, fields, contract)
    negative = [
        tile
        for number in range(TILES_EACH)
        for tile in _other_tiles(rng, number, side_px)
    ]
    embeddings = np.concatenate(
        [embed(encoder, positive), embed(encoder, np.stack(negative))]
    )
    truth = np.zeros(len(embeddings), np.float32)
    truth[: len(positive)] = 1
    return fit_head(embeddings, truth)


def fit_head(embeddings: Floats, truth: Floats) -> Any:
    """Fit the head to standardised embeddings, then fold the scaling in."""
    mean, spread = embeddings.mean(0), embeddings.std(0) + 1e-3
    head = tissue_head()
    head.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=1e-2),
        loss=keras.losses.BinaryCrossentropy(label_smoothing=0.02),
    )
    head.fit(
        (embeddings - mean) / spread,
        truth,
        batch_size=128,
        epochs=EPOCHS,
        shuffle=True,
        verbose=0,
    )
    fold_scaling(head.get_layer("hidden"), mean, spread)
    return head


def _tissue_tiles(
    rng: np.random.Generator, fields: Sequence[Field], contract: ModelContract
) -> Pixels:
    images = []
    for source in fields:
        native = source.spacing_um / contract.spacing_um
        images += [rescaled(source.image, native * scale) for scale in SCALES]
        images.append(coarsened(images[-4], 2.0))
    synthetic = synthetic_images(24, spacing_um=contract.spacing_um)
    shares = ((images, TILES_EACH * 3 // 4), (synthetic, TILES_EACH // 4))
    kept = [
        restained(rng, tile, strength=1.6)
        for source, count in shares
        for tile in random_tiles(
            rng, source, count=count, side_px=contract.tile_side_px
        )
        if not is_empty(tile)
    ]
    return np.stack(kept)


def is_empty(tile: Pixels) -> bool:
    """Say whether a tile shows nothing but glass."""
    density = -np.log((tile.astype(np.float32) + 1) / 256)
    return float(density.mean()) < EMPTY_DENSITY


def _other_tiles(rng: np.random.Generator, number: int, side_px: int) -> list[Pixels]:
    """Cut a tile from a drawing at a scale of chance, restained as tissue is."""
    drawn_px = int(side_px * rng.choice([1.0, 1.5, 3.0]))
    # The drawing's kind and tint follow from its seed: walk through all of them.
    image = nontissue(
        number + 1000 * len(DRAWINGS), width_px=drawn_px, height_px=drawn_px
    )
    if rng.random() < 0.3:
        image = coarsened(image, float(rng.uniform(1.2, 3)))
    tiles = random_tiles(rng, [image], count=1, side_px=side_px)
    return [restained(rng, tile) for tile in tiles]
