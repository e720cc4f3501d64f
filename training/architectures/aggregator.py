"""What is asked of a bag: the classes, the attention, and whether it is tissue."""

from typing import Any

import keras

from training.architectures.tile_encoder import ATTENDED_DIM, EMBEDDING_DIM
from training.architectures.tissue import bag_tissue


def aggregator(mil: Any, tissue: Any) -> Any:
    """Join both for one bag, whose tiles are the batch: see serving.export.MilModel."""
    embeddings = keras.Input((EMBEDDING_DIM,))
    weights = keras.Input((None,))
    answer = mil(keras.ops.expand_dims(embeddings[:, :ATTENDED_DIM], 0))
    attention, votes = answer["attention"][0], answer["votes"][0]
    columns = keras.ops.transpose(weights)
    heads = (columns @ (attention * votes)) / (columns @ attention)
    return keras.Model(
        [embeddings, weights],
        {
            "logits": keras.ops.mean(heads, axis=-1),
            "attention": keras.ops.mean(attention, axis=-1),
            "tissue": bag_tissue(tissue(embeddings)),
        },
        name="aggregator",
    )
