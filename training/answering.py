"""Answer an image with a model in this process, by the rules that serving follows."""

from typing import NamedTuple

import numpy as np

from serving.contract import (
    ATTENTION,
    INTERVAL_HIGH,
    INTERVAL_LOW,
    PROBABILITY,
    TISSUE,
    Outcome,
    decide,
)
from serving.mil import MilModel, aggregated
from training.recipes.bags import embed, tiles_of
from training.types import Floats, Pixels


class Answer(NamedTuple):
    """What the served model would say; attention (tiles,) sums to 1.

    interval: 90 % interval around the probability, over resamples of the tiles.
    """

    outcome: Outcome
    probability: float
    interval: tuple[float, float]
    tissue: float
    attention: Floats


def answer(model: MilModel, image: Pixels, spacing_um: float) -> Answer:
    """Ask about one image. Raises serving.tiling.FieldRefusedError."""
    embeddings = embed(model.embedder, tiles_of(image, spacing_um, model.contract))
    return answer_bag(model, embeddings)


def answer_bag(model: MilModel, embeddings: Floats) -> Answer:
    """Ask about the embeddings of one image's tiles."""
    bag = {
        name: np.asarray(value) for name, value in aggregated(model, embeddings).items()
    }
    probability, tissue = float(bag[PROBABILITY]), float(np.clip(bag[TISSUE], 0, 1))
    return Answer(
        outcome=decide(model.contract, probability=probability, tissue=tissue),
        probability=probability,
        interval=(float(bag[INTERVAL_LOW]), float(bag[INTERVAL_HIGH])),
        tissue=tissue,
        attention=bag[ATTENTION],
    )
