"""A model that gives back what it gets, in every kind of tensor."""

from pathlib import Path
from typing import Any

import tensorflow as tf


def export_echo(base_path: Path, version: int = 1) -> Path:
    """Signatures: echo (float32 matrix), mixed (several inputs), picture, kinds, ..."""
    module = tf.Module()
    functions = {
        "serving_default": tf.function(
            lambda x: {"y": x * 1.0},
            input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")],
        ),
        "mixed": tf.function(
            lambda count, name, flag: {
                "count": count + 0,
                "name": tf.identity(name),
                "flag": tf.identity(flag),
            },
            input_signature=[
                tf.TensorSpec([None], tf.int64, name="count"),
                tf.TensorSpec([None], tf.string, name="name"),
                tf.TensorSpec([None], tf.bool, name="flag"),
            ],
        ),
        "picture": tf.function(
            lambda picture: {"picture_bytes": tf.identity(picture)},
            input_signature=[tf.TensorSpec([None], tf.string, name="picture")],
        ),
        "decode": tf.function(
            lambda picture: {"pixels": tf.io.decode_png(picture)},
            input_signature=[tf.TensorSpec([], tf.string, name="picture")],
        ),
        "kinds": tf.function(_kinds, input_signature=[tf.TensorSpec([None], tf.int32)]),
        "lopsided": tf.function(
            lambda x: {"one": x[:1], "all": x * 1.0},
            input_signature=[tf.TensorSpec([None], tf.float32, name="x")],
        ),
        "halves": tf.function(
            lambda x: {"halves": tf.identity(x)},
            input_signature=[tf.TensorSpec([None], tf.half, name="x")],
        ),
        "total": tf.function(
            lambda x: {"total": tf.reduce_sum(x)},
            input_signature=[tf.TensorSpec([None], tf.float32, name="x")],
        ),
        "empty": tf.function(
            lambda x: {"empty": x[:0]},
            input_signature=[tf.TensorSpec([None], tf.float32, name="x")],
        ),
    }
    module.functions = functions
    folder = base_path / str(version)
    tf.saved_model.save(
        module,
        str(folder),
        signatures={
            name: function.get_concrete_function()
            for name, function in functions.items()
        },
    )
    return folder


def _kinds(x: Any) -> dict[str, Any]:
    return {
        dtype.name: tf.cast(x, dtype)
        for dtype in (
            tf.int8,
            tf.uint8,
            tf.int16,
            tf.uint16,
            tf.int32,
            tf.uint32,
            tf.int64,
            tf.uint64,
            tf.float16,
            tf.bfloat16,
            tf.float32,
            tf.float64,
            tf.bool,
            tf.complex64,
            tf.complex128,
        )
    }
