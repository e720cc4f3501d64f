"""A real gated-attention MIL model with random weights, exported in seconds.

python -m tests.tiny_model BASE_PATH VERSION [--name NAME] [--no-poison]

Imports TensorFlow: a test process calls it through tests.model_server instead.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

if not __package__:  # Run as a script, from any folder.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf
from keras import layers, ops

from serving.contract import ModelContract
from serving.export import export_mil
from serving.mil import MilModel
from tests.poison import MARK_PIXELS, MARK_RGB, MARK_TOLERANCE

SIDE_PX = 64
COLOURS = 3
EMBEDDING_DIM = 8 + COLOURS


def contract(name: str) -> ModelContract:
    """Answers most fields: a wide reach of spacings, a narrow band to refer."""
    return ModelContract(
        name=name,
        tile_side_px=SIDE_PX,
        tile_stride_px=SIDE_PX,
        spacing_um=0.5,
        spacing_min_um=0.1,
        spacing_max_um=2.0,
        refer_low=0.45,
        refer_high=0.55,
        tissue_min=0.2,
        max_tiles=4096,
        embedding_dim=EMBEDDING_DIM,
        summary="Random weights, for tests only.",
    )


def _killed_by_a_mark(tiles: Any) -> Any:
    """Pass tiles on; a marked one kills the process that computes it.

    oneDNN's convolution takes the rank of its input for granted, and aborts.
    """
    off = tf.abs(tf.cast(tiles, tf.int32) - tf.constant(MARK_RGB))
    marked = tf.reduce_all(off <= MARK_TOLERANCE, axis=-1)
    count = tf.reduce_max(tf.reduce_sum(tf.cast(marked, tf.int32), axis=(1, 2)))
    return tf.cond(count >= MARK_PIXELS, lambda: _abort(tiles), lambda: tiles)


def _abort(tiles: Any) -> Any:
    # A shape known only at run time, or the exporter would see the wrong rank.
    rank_3 = tf.slice(tf.shape(tiles), [1], [3 * tf.minimum(tf.size(tiles), 1)])
    pixels = tf.reshape(tf.cast(tiles, tf.float32)[0], rank_3)
    kernel = tf.ones((3, 3, 3, 1))
    folded = tf.nn.conv2d(pixels, kernel, strides=1, padding="SAME")
    return tiles + tf.cast(tf.reduce_max(folded), tf.uint8)


def make_embedder(*, poison: bool) -> keras.Model:
    tiles = keras.Input((SIDE_PX, SIDE_PX, 3), dtype="uint8")
    pixels = tiles
    if poison:
        shape = (SIDE_PX, SIDE_PX, 3)
        pixels = layers.Lambda(_killed_by_a_mark, shape, dtype="uint8")(tiles)
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    texture = layers.Conv2D(8, 8, strides=4, activation="relu")(scaled)
    pooled = layers.GlobalAveragePooling2D()(texture)
    colour = layers.GlobalAveragePooling2D()(scaled)
    return keras.Model(tiles, layers.Concatenate()([pooled, colour]))


def make_aggregator() -> keras.Model:
    """Gated attention (Ilse et al. 2018) over the batch axis: a batch is a bag."""
    embeddings = keras.Input((EMBEDDING_DIM,))
    weights = keras.Input((None,))
    gate = layers.Dense(8, activation="sigmoid")(embeddings)
    value = layers.Dense(8, activation="tanh")(embeddings)
    attention = ops.softmax(layers.Dense(1)(gate * value) * 4, axis=0)
    weighted = ops.transpose(weights) @ (attention * embeddings)
    bags = weighted / (ops.transpose(weights) @ attention)
    red, green, blue = (
        ops.mean(embeddings[:, channel - COLOURS]) for channel in range(COLOURS)
    )
    return keras.Model(
        [embeddings, weights],
        {
            "logits": ops.reshape(layers.Dense(1)(bags) * 8, (-1,)),
            "attention": ops.reshape(attention, (-1,)),
            # Purple to pink: less green than red and blue.
            "tissue": ops.clip(2 * (red + blue) - 4 * green, 0.0, 1.0),
        },
    )


def export_tiny_model(
    base_path: Path, version: int = 1, name: str = "tiny-mil", *, poison: bool = True
) -> Path:
    """Write `base_path`/`version`/; another version has other weights."""
    keras.utils.set_random_seed(version)
    model = MilModel(
        embedder=make_embedder(poison=poison),
        aggregator=make_aggregator(),
        contract=contract(name),
        temperature=1.5,
        bias=0.1,
    )
    return export_mil(model, base_path=base_path, version=version)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("base_path", type=Path)
    parser.add_argument("version", type=int)
    parser.add_argument("--name", default="tiny-mil")
    parser.add_argument("--no-poison", dest="poison", action="store_false")
    chosen = parser.parse_args()
    export_tiny_model(
        chosen.base_path, chosen.version, chosen.name, poison=chosen.poison
    )


if __name__ == "__main__":
    _main()
