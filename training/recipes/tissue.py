"""Fit what tissue looks like, so that everything else can be refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.contract import ModelContract
from training.architectures.tissue import GAUSSIANS, tissue_distances
from training.datasets import Field
from training.recipes.bags import embed, tiles_of
from training.recipes.corpus import coarsened, rescaled, restained
from training.types import Floats, Pixels

EMPTY_DENSITY = 0.08  # Mean optical density below which a tile shows glass alone.
SHRINKAGE = 0.01  # Of the mean variance: some directions hardly vary in the sample.
# Distances are multiplied: the generator has no other scanner to be generous to.
STRICTNESS = {"real": 1.0, "synthetic": 1.25, "glass": 1.0}
# A wrong spacing is not what the tissue score should refuse for.
SPACING_SPREAD, SPACING_LIMIT = 0.3, 0.7


def fit_tissue(
    encoder: Any,
    fields: Sequence[Field],
    synthetic: Sequence[Field],
    contract: ModelContract,
    *,
    seed: int,
) -> Any:
    """Fit the three Gaussians to tiles of real and synthetic fields, and to glass."""
    rng = np.random.default_rng([seed, 4])
    real = np.concatenate([_seen(rng, one, contract) for one in fields])
    drawn = np.concatenate([_seen(rng, one, contract) for one in synthetic])
    empty = np.array([is_empty(tile) for tile in real])
    drawn_empty = np.array([is_empty(tile) for tile in drawn])
    samples = (real[~empty], drawn[~drawn_empty], real[empty])
    distances = tissue_distances()
    for name, tiles in zip(GAUSSIANS, samples, strict=True):
        kernel, bias = _whitening(embed(encoder, tiles))
        strict = STRICTNESS[name]
        distances.get_layer(name).set_weights([strict * kernel, strict * bias])
    return distances


def is_empty(tile: Pixels) -> bool:
    """Say whether a tile shows nothing but glass."""
    density = -np.log((tile.astype(np.float32) + 1) / 256)
    return float(density.mean()) < EMPTY_DENSITY


def _seen(rng: np.random.Generator, one: Field, contract: ModelContract) -> Pixels:
    """See a field plainly, at half its size, and restained, coarser and rescaled."""
    wrong = np.clip(rng.normal(0, SPACING_SPREAD), -SPACING_LIMIT, SPACING_LIMIT)
    blurred = coarsened(one.image, float(rng.uniform(1.0, 2.0)))
    return np.concatenate(
        [
            tiles_of(one.image, one.spacing_um, contract),
            tiles_of(rescaled(one.image, 0.5), one.spacing_um * 2, contract),
            tiles_of(
                restained(rng, blurred, strength=1.5),
                one.spacing_um * float(np.exp(wrong)),
                contract,
            ),
        ]
    )


def _whitening(embeddings: Floats) -> list[Floats]:
    """Kernel and bias after which the embeddings have mean 0 and are white."""
    mean = embeddings.mean(0)
    values, vectors = np.linalg.eigh(np.cov(embeddings.T))
    kernel = vectors / np.sqrt(values + SHRINKAGE * values.mean())
    return [kernel, -mean @ kernel]
