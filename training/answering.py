"""Answer an image with a model in this process, by the rules that serving follows."""

from typing import NamedTuple

import numpy as np

from serving.contract import Outcome, decide
from serving.export import LOGIT, MilModel
from training.recipes.bags import embed, tiles_of
from training.types import Floats, Pixels


class Answer(NamedTuple):
    """What the served model would say; attention (tiles,) sums to 1."""

    outcome: Outcome
    probability: float
    tissue: float
    attention: Floats


def answer(model: MilModel, image: Pixels, spacing_um: float) -> Answer:
    """Ask about one image. Raises serving.tiling.FieldRefusedError."""
    embeddings = embed(model.embedder, tiles_of(image, spacing_um, model.contract))
    bag = {
        name: np.asarray(value)
        for name, value in model.aggregator(embeddings, training=False).items()
    }
    logit = float(bag[LOGIT]) / model.temperature + model.bias
    probability = float(1 / (1 + np.exp(-logit)))
    tissue = float(np.clip(bag["tissue"], 0, 1))
    outcome = decide(model.contract, probability=probability, tissue=tissue)
    return Answer(outcome, probability, tissue, bag["attention"])
