"""JSON <-> tf.Examples, for classify and regress.

As TensorFlow Serving's util/json_tensor.cc, and in its words.
"""

from typing import Any

import numpy as np

from serving.server.inference_messages import (
    ClassificationResult,
    Example,
    Feature,
    Input,
    RegressionResult,
)
from serving.server.json_elements import FINITE, INTEGERS
from serving.server.json_tensors import joined, wrapped
from serving.server.json_values import (
    bad_format,
    decode_base64,
    float_texts,
    is_base64,
    quoted,
    string_text,
    type_name,
)
from serving.server.status import invalid

KIND_NAMES = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def read_input(asked: dict[str, Any]) -> Input:
    """Read "examples" and, if there is one, their "context". Raises StatusError."""
    given = Input()
    if "context" in asked:
        context = given.example_list_with_context.context
        context.CopyFrom(_example(asked["context"]))
    if "examples" not in asked:
        # TensorFlow Serving says classify for regress too.
        raise bad_format(
            asked,
            "When method is classify, key 'examples' is expected and was not found",
        )
    examples = asked["examples"]
    if not isinstance(examples, list):
        raise bad_format(asked, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise bad_format(asked, "'examples' value is an empty array")
    has_context = given.WhichOneof("kind") is not None
    listed = given.example_list_with_context if has_context else given.example_list
    listed.examples.extend(_example(value) for value in examples)
    return given


def _example(value: Any) -> Example:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_name(value)}")
    example = Example()
    for name, content in value.items():
        feature = example.features.feature[name]
        for element in content if isinstance(content, list) else [content]:
            _add(element, name, feature)
    return example


def _add(value: Any, name: str, feature: Feature) -> None:
    """Add a value of the same kind as those before it. Raises StatusError."""
    kind, converted = _converted(value, name)
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise invalid(
            f"Unexpected element type in feature: {name} expecting type: "
            f"{KIND_NAMES[present]}"
        )
    getattr(feature, kind).value.append(converted)


def _converted(value: Any, name: str) -> tuple[str, Any]:
    if isinstance(value, str):
        return "bytes_list", value.encode(errors="replace")
    if is_base64(value):
        return "bytes_list", decode_base64(value)
    if isinstance(value, int):
        if value not in INTEGERS["int64"]:
            raise invalid(
                f"Feature: {name} has uint64 element. Only int64 is supported."
            )
        return "int64_list", int(value)
    if isinstance(value, float):
        if abs(value) > FINITE["float32"] and abs(value) != np.inf:
            raise invalid(
                f"Cannot convert JSON value: {quoted(value)} to float without loss of "
                "precision."
            )
        return "float_list", value
    raise invalid(
        f"Feature: {name} has element with unexpected JSON type: {type_name(value)}"
    )


def write_classifications(result: ClassificationResult) -> str:
    """Write [label, score] for every class of every example."""
    return wrapped(
        "results",
        joined(
            [
                [
                    [string_text(one.label.encode()), _float_text(one.score)]
                    for one in classifications.classes
                ]
                for classifications in result.classifications
            ]
        ),
    )


def write_regressions(result: RegressionResult) -> str:
    """Write a number for every example."""
    return wrapped(
        "results",
        joined([_float_text(regression.value) for regression in result.regressions]),
    )


def _float_text(value: float) -> str:
    return str(float_texts(np.array(value, np.float32)))
