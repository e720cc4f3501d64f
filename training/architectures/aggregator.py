"""What is asked of a bag: the classes, the attention, and whether it is tissue."""

from typing import Any

import keras

from training.architectures.tile_encoder import ATTENDED_DIM, EMBEDDING_DIM
from training.architectures.tissue import bag_tissue


def aggregator(mil: Any, tissue: Any) -> Any:
    """Join both for one bag, whose tiles are the batch: (n, d) -> scalars."""
    embeddings = keras.Input((EMBEDDING_DIM,))
    answer = mil(keras.ops.expand_dims(embeddings[:, :ATTENDED_DIM], 0))
    return keras.Model(
        embeddings,
        {
            "logit": keras.ops.mean(answer["logits"]),
            "attention": keras.ops.mean(answer["attention"][0], axis=-1),
            "tissue": bag_tissue(tissue(embeddings)),
        },
        name="aggregator",
    )
