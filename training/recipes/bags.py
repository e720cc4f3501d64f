"""Fields as bags of embeddings, each seen in several ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.contract import ModelContract
from serving.tiling import lay_out
from training.datasets import Field
from training.recipes.corpus import FILTERS, coarsened, resized, restained, turned
from training.types import Flags, Floats, Pixels

BATCH = 128


@dataclass(frozen=True, slots=True)
class Bags:
    """views[i]: every view of field i, each (tiles, d); the first is the plain one."""

    views: list[list[Floats]]
    malignant: Flags
    groups: list[str]

    def only(self, chosen: Flags) -> "Bags":
        """Keep some of the fields."""
        return Bags(
            [views for views, kept in zip(self.views, chosen, strict=True) if kept],
            self.malignant[chosen],
            [group for group, kept in zip(self.groups, chosen, strict=True) if kept],
        )


def joined(first: Bags, second: Bags) -> Bags:
    """Put the fields of the second behind those of the first."""
    return Bags(
        first.views + second.views,
        np.concatenate([first.malignant, second.malignant]),
        first.groups + second.groups,
    )


def make_bags(
    encoder: Any,
    fields: Sequence[Field],
    contract: ModelContract,
    *,
    views: int,
    seed: int,
) -> Bags:
    """Embed every field plainly and in `views` other ways."""
    rng = np.random.default_rng([seed, 2])
    return Bags(
        [
            [embed(encoder, tiles_of(source.image, source.spacing_um, contract))]
            + [embed(encoder, _other_view(rng, source, contract)) for _ in range(views)]
            for source in fields
        ],
        np.array([source.malignant for source in fields]),
        [source.group for source in fields],
    )


def tiles_of(
    image: Pixels, spacing_um: float, contract: ModelContract, *, resample: int = 3
) -> Pixels:
    """Cut an image into the tiles that the model would be asked about."""
    height, width = image.shape[:2]
    layout = lay_out(
        width_px=width, height_px=height, spacing_um=spacing_um, contract=contract
    )
    scaled = resized(image, layout.size_px, resample=resample)
    return np.stack(
        [
            scaled[box.top : box.top + box.side, box.left : box.left + box.side]
            for box in layout.boxes
        ]
    )


def embed(encoder: Any, tiles: Pixels) -> Floats:
    """Ask the encoder about tiles, a batch at a time."""
    answers = [
        np.asarray(encoder(tiles[at : at + BATCH], training=False))
        for at in range(0, len(tiles), BATCH)
    ]
    return np.concatenate(answers)


def _other_view(
    rng: np.random.Generator, source: Field, contract: ModelContract
) -> Pixels:
    """See a field restained, turned, coarser, and with its spacing slightly wrong."""
    image = restained(rng, source.image)
    if rng.random() < 0.5:
        image = coarsened(image, float(rng.uniform(1.2, 2.0)))
    image = turned(image, int(rng.integers(8)))
    spacing_um = source.spacing_um * float(np.exp(rng.normal(0, 0.12)))
    resample = FILTERS[int(rng.integers(len(FILTERS)))]
    return tiles_of(
        np.ascontiguousarray(image), spacing_um, contract, resample=resample
    )
