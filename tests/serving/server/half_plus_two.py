"""Half of x plus two, for every API; and signatures that no API can use.

Modelled on the model that TensorFlow's own tests use
(cc/saved_model/testdata/half_plus_two).
"""

from pathlib import Path
from typing import Any

import tensorflow as tf

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
PREDICT = "tensorflow/serving/predict"


def export_half_plus_two(base_path: Path, version: int = 1) -> Path:
    """Features: x, and x2 that is 0 unless given."""
    folder = base_path / str(version)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        half = v1.get_variable("half", initializer=0.5)
        examples = v1.placeholder(tf.string, [None], "examples")
        others = v1.placeholder(tf.string, [None], "others")
        numbers = v1.placeholder(tf.float32, [None, 1], "numbers")
        parsed = tf.io.parse_example(
            examples,
            {
                "x": tf.io.FixedLenFeature([1], tf.float32),
                "x2": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0]),
            },
        )
        score = parsed["x"] * half + 2.0
        score_of_x2 = parsed["x2"] * half + 2.0
        label = tf.strings.as_string(parsed["x"], precision=1)
        tensors = {
            "examples": examples,
            "others": others,
            "numbers": numbers,
            "score": score,
            "score of x2": score_of_x2,
            "pair of scores": tf.concat([score, score_of_x2], 1),
            "pair of labels": tf.concat([label, label], 1),
            "label": label,
            "flat": score[:, 0],
            "cube": score[:, :, tf.newaxis],
            "whole": tf.cast(score, tf.int32),
            "first": score[:1],
            "two": numbers * half + 2.0,
            "other score": tf.zeros_like(tf.strings.length(others), tf.float32),
        }
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session, ["serve"], signature_def_map=_signatures(tensors)
        )
        with tf.device("/cpu:0"):
            builder.save()
    return folder


def _signatures(tensors: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _signature(tensors, method, inputs, outputs)
        for name, (method, inputs, outputs) in SIGNATURES.items()
    }


def _signature(tensors: dict[str, Any], method: str, inputs: str, outputs: str) -> Any:
    v1 = tf.compat.v1.saved_model
    return v1.build_signature_def(
        *(
            {
                alias.strip(): v1.build_tensor_info(tensors[tensor.strip()])
                for alias, tensor in (pair.split("=") for pair in pairs.split(","))
            }
            for pairs in (inputs, outputs)
        ),
        method,
    )


EXAMPLES = "inputs=examples"

SIGNATURES = {
    "serving_default": (PREDICT, "x=numbers", "y=two"),
    "classify_x_to_y": (CLASSIFY, EXAMPLES, "scores=score"),
    "labels": (CLASSIFY, EXAMPLES, "classes=label"),
    "both": (CLASSIFY, EXAMPLES, "classes=pair of labels, scores=pair of scores"),
    "regress_x_to_y": (REGRESS, EXAMPLES, "outputs=score"),
    "regress_x2_to_y": (REGRESS, EXAMPLES, "outputs=score of x2"),
    "flat": (REGRESS, EXAMPLES, "outputs=flat"),
    "regress_others": (REGRESS, "inputs=others", "outputs=other score"),
    "classify_flat": (CLASSIFY, EXAMPLES, "scores=flat"),
    "classify_whole": (CLASSIFY, EXAMPLES, "scores=whole"),
    "classify_first": (CLASSIFY, EXAMPLES, "scores=first"),
    "classify_uneven": (CLASSIFY, EXAMPLES, "classes=label, scores=pair of scores"),
    "classify_misnamed": (CLASSIFY, EXAMPLES, "marks=score"),
    "classify_input": (CLASSIFY, "x=examples", "scores=score"),
    "classify_inputs": (CLASSIFY, "inputs=examples, x=numbers", "scores=score"),
    "classify_three": (CLASSIFY, EXAMPLES, "scores=score, classes=label, c=flat"),
    "regress_cube": (REGRESS, EXAMPLES, "outputs=cube"),
    "regress_whole": (REGRESS, EXAMPLES, "outputs=whole"),
    "regress_first": (REGRESS, EXAMPLES, "outputs=first"),
    "regress_misnamed": (REGRESS, EXAMPLES, "y=score"),
    "regress_input": (REGRESS, "x=examples", "outputs=score"),
    "regress_inputs": (REGRESS, "inputs=examples, x=numbers", "outputs=score"),
    "regress_two": (REGRESS, EXAMPLES, "outputs=score, more=flat"),
    "odd": ("odd", "x=numbers", "y=two"),
}
