"""The endless stream of tiles that the encoder learns from."""

from collections.abc import Iterator, Sequence

import numpy as np

from training.datasets import Field
from training.generator import field
from training.generator.nontissue import nontissue
from training.recipes.corpus import (
    FILTERS,
    coarsened,
    random_tiles,
    rescaled,
    restained,
)
from training.types import Pixels

SCALES = (1.0, 0.7, 0.85, 1.2, 1.45)  # Of the model's spacing: cells differ in size.


def tile_stream(
    fields: Sequence[Field], *, spacing_um: float, side_px: int, batch: int, seed: int
) -> Iterator[Pixels]:
    """Give batches of tiles without end: 3/4 real, 1/8 synthetic, 1/8 no tissue.

    Real fields are seen without their labels.
    """
    rng = np.random.default_rng([seed, 1])
    real = [image for source in fields for image in _at_scales(rng, source, spacing_um)]
    synthetic = synthetic_images(24, spacing_um=spacing_um)
    other = [nontissue(seed) for seed in range(260)]
    shares = ((real, batch * 3 // 4), (synthetic, batch // 8), (other, batch // 8))
    while True:
        tiles = [
            restained(rng, tile, strength=0.7)
            for images, count in shares
            for tile in random_tiles(rng, images, count=count, side_px=side_px)
        ]
        yield np.stack(tiles)


def synthetic_images(count: int, *, spacing_um: float) -> list[Pixels]:
    """Draw fields, benign and malignant in turn, at the model's spacing."""
    return [
        field(
            10_000 + number,
            width_px=640,
            height_px=512,
            spacing_um=spacing_um,
            malignant=bool(number % 2),
        ).image
        for number in range(count)
    ]


def _at_scales(
    rng: np.random.Generator, source: Field, spacing_um: float
) -> list[Pixels]:
    images = []
    for scale in SCALES:
        resample = FILTERS[int(rng.integers(len(FILTERS)))]
        factor = scale * source.spacing_um / spacing_um
        images.append(rescaled(source.image, factor, resample=resample))
    images.append(coarsened(images[0], 2.0))
    return images
