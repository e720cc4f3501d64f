"""Wrong predict requests, refused in the words of util/json_tensor.cc."""

import json

import pytest

from serving.server.models import Models
from serving.server.rest_api import answer

FAILED = "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "


def post(models: Models, body: bytes) -> tuple[int, str]:
    reply = answer(models, "POST", "/v1/models/echo:predict", body)
    return reply.status, json.loads(reply.body)["error"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"  \n", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error"),
        (b"\xff", "JSON Parse error"),
        (b"[" * 100_000, "JSON Parse error"),
        (b"[]", "JSON Value: [] Is not object"),
        (b"{}", "Missing 'inputs' or 'instances' key"),
        (
            b'{"inputs": 1, "instances": [1]}',
            "Not formatted correctly expecting only one of 'inputs' or 'instances' key",
        ),
        (b'{"instances": []}', "No values in 'instances' array"),
        (b'{"instances": 3}', "Excepting 'instances' to be an list/array"),
        (b'{"signature_name": 3, "inputs": 1}', "key must be a string value."),
        (
            b'{"signature_name": "no", "inputs": 1}',
            'Serving signature name: "no" not found in signature def',
        ),
        (
            b'{"signature_name": "mixed", "inputs": [1]}',
            "inputs is a plain value/list, but expecting an object as multiple",
        ),
        (
            b'{"signature_name": "mixed", "instances": [1]}',
            "instances is a plain list, but expecting list of objects as multiple",
        ),
        (
            b'{"signature_name": "lopsided", "instances": [1, 2]}',
            "Tensor name: one has inconsistent batch size: 1 expecting: 2",
        ),
    ],
    ids=str,
)
def test_a_wrong_body(models: Models, asked: bytes, words: str) -> None:
    status, message = post(models, asked)

    assert status == 400
    assert words in message


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("[[1, 2], [3]]", "element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "),
        ("[[1, 2], [3]]", "Expecting tensor size: 2 but got: 1"),
        ("[[1, 2], 3]", "Expecting tensor size: 2 but got: 1"),
        ("[[1, 2], [[1, 2]]]", "Expecting shape [2] but got: [1,2]"),
        (
            "[[1, [2]]]",
            f"{FAILED}Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            '[["a", "b"]]',
            f'{FAILED}JSON Value: "a" Type: String is not of expected type: float',
        ),
        ("[[true, 1]]", "JSON Value: true Type: True is not of expected type: float"),
        ("[[null, 1]]", "JSON Value: null Type: Null is not of expected type: float"),
        ("[{}]", "JSON object: {} must only have keys: x"),
        (
            '[{"z": [1, 2]}]',
            (
                "Failed to process element: 0 key: z of 'instances' list. Error: "
                "INVALID_ARGUMENT: JSON object: does not have named input: z"
            ),
        ),
        (
            '[{"x": [1]}, {"x": ["a"]}]',
            "Failed to process element: 1 key: x of 'instances' list. Error: ",
        ),
        ('[{"x": [1, 2]}, 3]', "Expecting object but got list at item 1 of input list"),
        ('[3, {"x": [1]}]', "Expecting value/list but got object at item 1 of input"),
        (
            "[[16777217, 0]]",
            "Cannot convert JSON value: 16777217 to float without loss of precision.",
        ),
        ("[[1e39, 0]]", "to float without loss of precision."),
        ("[[-1e39, 0]]", "to float without loss of precision."),
        (f"{'[' * 70}1{']' * 70}", "Encountered 69 lists in each other"),
    ],
)
def test_wrong_rows(models: Models, rows: str, words: str) -> None:
    status, message = post(models, f'{{"instances": {rows}}}'.encode())

    assert status == 400
    assert words in message


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("[[1, 2], [3]]", "list at unexpected size: 1 at level: 1 expected size: 2"),
        (
            "[[1, 2], 3]",
            (
                "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. "
                "Expected at level: 2"
            ),
        ),
        ('{"x": [["a", 1]]}', 'JSON Value: "a" Type: String is not of expected type'),
        ('{"z": [[1, 2]]}', "Missing named input: x in 'inputs' object."),
        ('{"x": [[1, 2]], "z": 1}', "Sent extra: {z}"),
    ],
)
def test_wrong_columns(models: Models, columns: str, words: str) -> None:
    status, message = post(models, f'{{"inputs": {columns}}}'.encode())

    assert status == 400
    assert words in message


@pytest.mark.parametrize(
    ("signature", "inputs", "status", "words"),
    [
        ("picture", '[{"b64": "*"}]', 400, "Unable to base64 decode"),
        ("picture", '[{"b64": 1}]', 400, "not formatted correctly for base64 data"),
        ("picture", "[1]", 400, "Type: Number is not of expected type: string"),
        ("kinds", "[2147483648]", 400, "is not of expected type: int32"),
        ("kinds", "[1.0]", 400, "is not of expected type: int32"),
        ("kinds", "[1]", 400, "Failed to write JSON value for tensor type: bfloat16"),
        ("halves", "[1]", 501, "Conversion of JSON Value: 1 to type: half"),
    ],
)
def test_a_wrong_kind_of_value(
    models: Models, signature: str, inputs: str, status: int, words: str
) -> None:
    body = f'{{"signature_name": "{signature}", "inputs": {inputs}}}'
    answered, message = post(models, body.encode())

    assert answered == status
    assert words in message


@pytest.mark.parametrize(
    ("signature", "rows", "words"),
    [
        ("total", "[1, 2]", "Tensor name: total has no shape information "),
        ("empty", "[1]", "Tensor name: empty has invalid batch size: 0"),
    ],
)
def test_answers_that_are_no_rows(
    models: Models, signature: str, rows: str, words: str
) -> None:
    body = f'{{"signature_name": "{signature}", "instances": {rows}}}'

    assert post(models, body.encode()) == (400, words)


def test_a_wrong_model_is_named_after_the_json_is_read(models: Models) -> None:
    """As in http_rest_api_handler.cc."""
    reply = answer(models, "POST", "/v1/models/none:predict", b"{")

    assert reply.status == 400
    assert "JSON Parse error" in reply.body


def test_no_depth_of_lists_breaks_the_server(models: Models) -> None:
    for depth in (100, *range(850, 1000)):
        nested = b"[" * depth + b"]" * depth
        for given in (nested, b'{"inputs": ' + nested + b"}"):
            assert post(models, given)[0] == 400
