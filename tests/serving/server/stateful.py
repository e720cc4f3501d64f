"""A model of signatures with and without a state."""

from pathlib import Path
from typing import Any

import tensorflow as tf

PIXELS = tf.TensorSpec([None, 8, 8, 3], tf.float32, name="x")
ROWS = tf.TensorSpec([None, 4], tf.float32, name="x")


class Stateful:
    """Each method that answers is a signature."""

    def __init__(self) -> None:
        random = tf.random.Generator.from_seed(7)
        self.kernel = tf.Variable(random.normal([3, 3, 3, 5]))
        self.shared = tf.Variable(random.normal([4, 3]))
        self.calls = tf.Variable(0.0)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["benign"], [1]), -1
        )

    def convolve(self, x: Any) -> dict[str, Any]:
        return {"y": tf.nn.softmax(tf.nn.conv2d(x, self.kernel, 1, "SAME"))}

    def multiply(self, x: Any) -> dict[str, Any]:
        return {"y": x @ self.shared, "name": tf.constant("rows")}

    def ignore(self, x: Any) -> dict[str, Any]:
        return {"y": tf.constant(3.0)}

    def count(self, x: Any) -> dict[str, Any]:
        self.calls.assign_add(1.0)
        return {"y": x[:, 0] * 0 + self.calls}

    def count_silently(self, x: Any) -> dict[str, Any]:
        self.calls.assign_add(1.0)
        return {"y": x + 1}

    def draw(self, x: Any) -> dict[str, Any]:
        return {"y": x + tf.random.uniform([4])}

    def look_up(self, x: Any) -> dict[str, Any]:
        return {"y": self.table.lookup(x)}

    def gather(self, x: Any) -> dict[str, Any]:
        return {"y": tf.gather(self.shared, x)}


STATELESS = {"convolve": PIXELS, "multiply": ROWS, "ignore": ROWS}
STATEFUL = {
    "count": ROWS,
    "count_silently": ROWS,
    "draw": ROWS,
    "look_up": tf.TensorSpec([None], tf.string, name="x"),
    "gather": tf.TensorSpec([None], tf.int32, name="x"),
}


def export_stateful(folder: Path) -> Path:
    """Write the model into `folder`."""
    module, state = tf.Module(), Stateful()
    module.kept = [state.kernel, state.shared, state.calls, state.table]
    module.functions = {
        name: tf.function(getattr(state, name), input_signature=[spec])
        for name, spec in (STATELESS | STATEFUL).items()
    }
    signatures = {
        name: function.get_concrete_function()
        for name, function in module.functions.items()
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


def export_first_generation(folder: Path) -> Path:
    """Write a model as TensorFlow 1 did: a reference variable, a feed half way."""
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        weight = v1.get_variable("weight", initializer=3.0, use_resource=False)
        middle = tf.identity(x * 2, name="middle")
        y = tf.identity(middle * weight, name="y")
        session.run(v1.global_variables_initializer())
        signatures = {
            "whole": _signature({"x": x}, {"y": y}),
            "half": _signature({"x": middle}, {"y": y}),
        }
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    return folder


def _signature(inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
    return tf.compat.v1.saved_model.predict_signature_def(inputs, outputs)
