"""A model of signatures that can be batched, and of some that cannot."""

from pathlib import Path
from typing import Any

import tensorflow as tf

NUMBERS = {"x": tf.TensorSpec([None], tf.float32)}
SIGNATURES: dict[str, tuple[Any, dict[str, Any]]] = {
    "double": (lambda x: {"y": x * 2.0}, NUMBERS),
    "double_rows": (
        lambda x: {"y": x * 2.0},
        {"x": tf.TensorSpec([None, None], tf.float32)},
    ),
    "parse": (
        lambda x: {"y": tf.strings.to_number(x)},
        {"x": tf.TensorSpec([None], tf.string)},
    ),
    "pair": (
        lambda x, z: {"y": tf.size(x) + tf.size(z)},
        NUMBERS | {"z": NUMBERS["x"]},
    ),
    "pool": (lambda x: {"y": tf.reduce_sum(x), "weights": tf.nn.softmax(x)}, NUMBERS),
    "first": (lambda x: {"y": x[:1]}, NUMBERS),
    "scalar": (lambda x: {"y": tf.stack([x])}, {"x": tf.TensorSpec([], tf.float32)}),
}


def export_batched(folder: Path) -> Path:
    """Write the model into `folder`."""
    module = tf.Module()
    module.functions = {
        name: tf.function(
            function,
            input_signature=[
                tf.TensorSpec(spec.shape, spec.dtype, name=alias)
                for alias, spec in specs.items()
            ],
        )
        for name, (function, specs) in SIGNATURES.items()
    }
    signatures = {
        name: function.get_concrete_function()
        for name, function in module.functions.items()
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder
