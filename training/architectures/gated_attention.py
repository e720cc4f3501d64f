"""Gated attention over the tiles of a bag (Ilse, Tomczak & Welling 2018).

a_i = softmax_i(w' (tanh(V h_i) * sigmoid(U h_i))),  z = sum_i a_i h_i,  logit = c' z.
Several small heads, each such a network of its own, vote: with few bags, their mean
depends less on how the weights happened to start.
"""

from typing import Any

import keras

from training.architectures.tile_encoder import ATTENDED_DIM, EMBEDDING_DIM

HEADS, HIDDEN, GATE = 8, 16, 12


def gated_attention() -> Any:
    """Build (b, n, ATTENDED_DIM) -> logits (b, HEADS), attention (b, n, ...)."""
    bags = keras.Input((None, ATTENDED_DIM))
    hidden = keras.layers.Dense(HEADS * HIDDEN, name="project")(bags)
    hidden = keras.layers.Reshape((-1, HEADS, HIDDEN))(hidden)
    turned = _per_head(hidden, GATE, "tanh", name="turn")
    gate = _per_head(hidden, GATE, "sigmoid", name="gate")
    score = keras.layers.EinsumDense("bnhl,hl->bnh", (None, HEADS), name="score")(
        turned * gate
    )
    attention = keras.ops.softmax(score, axis=1)
    bag = keras.ops.einsum("bnh,bnhk->bhk", attention, hidden)
    logits = keras.layers.EinsumDense(
        "bhk,hk->bh", (HEADS,), bias_axes="h", name="classify"
    )(bag)
    return keras.Model(bags, {"logits": logits, "attention": attention}, name="mil")


def tissue_head() -> Any:
    """Build (m, EMBEDDING_DIM) -> (m,): is each tile H&E tissue, in [0, 1]."""
    embeddings = keras.Input((EMBEDDING_DIM,))
    hidden = keras.layers.Dense(32, activation="relu", name="hidden")(embeddings)
    score = keras.layers.Dense(1, activation="sigmoid", name="score")(hidden)
    return keras.Model(embeddings, keras.ops.squeeze(score, -1), name="tissue")


def aggregator(mil: Any, tissue: Any) -> Any:
    """Join both for one bag, whose tiles are the batch: (n, d) -> scalars.

    The bag's tissue score is the mean over the surest quarter of its tiles: a field
    may be half empty glass, but something in it must look like tissue.
    """
    embeddings = keras.Input((EMBEDDING_DIM,))
    answer = mil(keras.ops.expand_dims(embeddings[:, :ATTENDED_DIM], 0))
    ranked = keras.ops.flip(keras.ops.sort(tissue(embeddings), axis=0), axis=0)
    ones = keras.ops.ones_like(ranked)  # A bag's length is known only when asked.
    surest = keras.ops.cumsum(ones) <= keras.ops.ceil(keras.ops.sum(ones) / 4)
    counted = keras.ops.cast(surest, "float32")
    return keras.Model(
        embeddings,
        {
            "logit": keras.ops.mean(answer["logits"]),
            "attention": keras.ops.mean(answer["attention"][0], axis=-1),
            "tissue": keras.ops.sum(ranked * counted) / keras.ops.sum(counted),
        },
        name="aggregator",
    )


def _per_head(hidden: Any, size: int, activation: str, *, name: str) -> Any:
    return keras.layers.EinsumDense(
        "bnhk,hkl->bnhl", (None, HEADS, size), activation=activation, name=name
    )(hidden)
