"""An attention-based multiple-instance-learning model, and its signatures' functions.

Everything between stored pixels and the calibrated answer is put into the graph.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from serving.contract import (
    AGGREGATE,
    ATTENTION,
    CONTRACT,
    DESCRIBE,
    EMBED,
    EMBEDDINGS,
    INTERVAL_HIGH,
    INTERVAL_LOW,
    PROBABILITY,
    SERVING_DEFAULT,
    TISSUE,
    ModelContract,
)
from serving.resampling import interval, tile_weights

LOGITS = "logits"


@dataclass(frozen=True, kw_only=True)
class MilModel:
    """The trained parts of an attention-based multiple-instance-learning model.

    embedder: (n, side, side, 3) uint8 RGB -> (n, d) float32. Scaling is inside.
    aggregator: [embeddings (n, d), weights (n, m)] -> {"logits": (m,), "attention":
    (n,), "tissue": ()}, all float32; its batch axis is the bag's tiles. Each column of
    weights multiplies the attention before that is normalised, and gives one logit.
    Attention is answered unweighted and sums to 1; tissue is in [0, 1].
    temperature, bias: probability = sigmoid(logit / temperature + bias), fitted on
    cases that the weights have not seen.
    """

    embedder: keras.Model
    aggregator: keras.Model
    contract: ModelContract
    temperature: float = 1.0
    bias: float = 0.0


def aggregated(model: MilModel, embeddings: Any) -> dict[str, Any]:
    """Answer about one bag (n, d), as the signature `aggregate` does."""
    embeddings = tf.convert_to_tensor(embeddings)
    weights = tile_weights(tf.shape(embeddings)[0])
    bag = model.aggregator([embeddings, weights], training=False)
    calibrated = tf.sigmoid(bag[LOGITS] / model.temperature + model.bias)
    low, high = interval(calibrated)
    return {
        PROBABILITY: calibrated[0],
        INTERVAL_LOW: low,
        INTERVAL_HIGH: high,
        ATTENTION: bag[ATTENTION],
        TISSUE: bag[TISSUE],
    }


def functions(model: MilModel) -> dict[str, Callable[..., dict[str, Any]]]:
    """The signatures, as TensorFlow functions of their inputs in order."""
    written_contract = model.contract.to_json()

    def describe(ask: Any) -> dict[str, Any]:
        return {CONTRACT: tf.constant(written_contract)}

    def embed(tiles: Any) -> dict[str, Any]:
        return {EMBEDDINGS: model.embedder(tiles, training=False)}

    def aggregate(embeddings: Any) -> dict[str, Any]:
        return aggregated(model, embeddings)

    return {
        DESCRIBE: describe,
        EMBED: embed,
        SERVING_DEFAULT: embed,
        AGGREGATE: aggregate,
    }
