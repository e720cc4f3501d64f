"""Gated attention over the tiles of a bag (Ilse, Tomczak & Welling 2018).

a_i = softmax_i(w' (tanh(V h_i) * sigmoid(U h_i))),  z = sum_i a_i h_i,  logit = c' z,
or, as everything after the attention is linear, logit = sum_i a_i (c' h_i): a tile's
vote, weighed by the attention.
Several small heads, each such a network of its own, vote: with few bags, their mean
depends less on how the weights happened to start.
"""

from typing import Any

import keras

from training.architectures.tile_encoder import ATTENDED_DIM

HEADS, HIDDEN, GATE = 8, 16, 12


def gated_attention() -> Any:
    """Build (b, n, ATTENDED_DIM) -> logits (b, HEADS); attention, votes (b, n, HEADS).

    logits = sum over n of attention * votes.
    """
    bags = keras.Input((None, ATTENDED_DIM))
    hidden = keras.layers.Dense(HEADS * HIDDEN, name="project")(bags)
    hidden = keras.layers.Reshape((-1, HEADS, HIDDEN))(hidden)
    turned = _per_head(hidden, GATE, "tanh", name="turn")
    gate = _per_head(hidden, GATE, "sigmoid", name="gate")
    score = keras.layers.EinsumDense("bnhl,hl->bnh", (None, HEADS), name="score")(
        turned * gate
    )
    attention = keras.ops.softmax(score, axis=1)
    votes = keras.layers.EinsumDense(
        "bnhk,hk->bnh", (None, HEADS), bias_axes="h", name="classify"
    )(hidden)
    logits = keras.ops.sum(attention * votes, axis=1)
    return keras.Model(
        bags, {"logits": logits, "attention": attention, "votes": votes}, name="mil"
    )


def _per_head(hidden: Any, size: int, activation: str, *, name: str) -> Any:
    return keras.layers.EinsumDense(
        "bnhk,hkl->bnhl", (None, HEADS, size), activation=activation, name=name
    )(hidden)
