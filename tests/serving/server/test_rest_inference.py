"""classify, regress and metadata over REST.

The first tests are those of TensorFlow Serving's http_rest_api_handler_test.cc.
"""

import json
from typing import Any

import pytest

from serving.server.models import Models
from serving.server.rest_api import answer

URL = "/v1/models/half_plus_two"


def post(models: Models, verb: str, asked: Any, url: str = URL) -> tuple[int, Any]:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    reply = answer(models, "POST", f"{url}:{verb}", body)
    return reply.status, json.loads(reply.body)


def test_regress(half_plus_two: Models) -> None:
    asked = {"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}]}

    assert post(half_plus_two, "regress", asked) == (200, {"results": [42.0]})


def test_classify(half_plus_two: Models) -> None:
    asked = {"signature_name": "classify_x_to_y", "examples": [{"x": 20.0}]}

    for url in (URL, "/v1/models/half%5Fplus%5Ftwo/versions/123"):
        assert post(half_plus_two, "Classify", asked, url) == (
            200,
            {"results": [[["", 12.0]]]},
        )


def test_every_example_has_its_classes(half_plus_two: Models) -> None:
    asked = {"signature_name": "both", "examples": [{"x": 2.0}, {"x": [4.0]}]}

    assert post(half_plus_two, "classify", asked) == (
        200,
        {"results": [[["2.0", 3.0], ["2.0", 2.0]], [["4.0", 4.0], ["4.0", 2.0]]]},
    )


def test_a_context_counts_for_every_example(half_plus_two: Models) -> None:
    asked = {
        "signature_name": "regress_x2_to_y",
        "context": {"x2": 6.0},
        "examples": [{"x": 1.0}, {"x": 1.0, "x2": 8.0}],
    }

    assert post(half_plus_two, "regress", asked) == (200, {"results": [5.0, 6.0]})


def test_numbers_are_written_as_short_as_they_are_read_back(
    half_plus_two: Models,
) -> None:
    body = (
        b'{"signature_name": "regress_x_to_y", '
        b'"examples": [{"x": 0.2}, {"x": NaN}, {"x": -Infinity}]}'
    )
    reply = answer(half_plus_two, "POST", f"{URL}:regress", body)

    assert "".join(reply.body.split()) == '{"results":[2.1,NaN,-Infinity]}'


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"[]", "JSON Value: [] Is not object"),
        (b'{"signature_name": 3}', "'signature_name' key must be a string value."),
        (b"{}", "When method is classify, key 'examples' is expected and was not"),
        (b'{"examples": 3}', "Expecting 'examples' value to be an list/array"),
        (b'{"examples": []}', "'examples' value is an empty array"),
        (b'{"examples": [3]}', "Example must be JSON object but got JSON Number"),
        (b'{"context": true}', "Example must be JSON object but got JSON True"),
        (b'{"examples": [{"x": null}]}', "has element with unexpected JSON type: Null"),
        (b'{"examples": [{"x": [[1]]}]}', "Feature: x has element with unexpected"),
        (b'{"examples": [{"x": {"y": 1}}]}', "unexpected JSON type: Object"),
        (
            b'{"examples": [{"x": [1.0, "a"]}]}',
            "Unexpected element type in feature: x expecting type: float",
        ),
        (b'{"examples": [{"x": [1, 1.5]}]}', "expecting type: int64"),
        (b'{"examples": [{"x": ["a", true]}]}', "expecting type: bytes"),
        (
            b'{"examples": [{"x": 18446744073709551615}]}',
            "Feature: x has uint64 element. Only int64 is supported.",
        ),
        (b'{"examples": [{"x": 1e39}]}', "to float without loss of precision."),
        (b'{"examples": [{"x": {"b64": "*"}}]}', "Unable to base64 decode"),
        (b'{"examples": [{"x": 1.0}]}', "signature method_name to be"),
    ],
    ids=str,
)
@pytest.mark.parametrize("verb", ["classify", "regress"])
def test_a_wrong_request_is_refused_as_in_json_tensor_cc(
    half_plus_two: Models, verb: str, asked: bytes, words: str
) -> None:
    status, answered = post(half_plus_two, verb, asked)

    assert (status, list(answered)) == (400, ["error"])
    assert words in answered["error"]


def test_features_are_read_as_what_they_look_like(half_plus_two: Models) -> None:
    """The graph's parser names the kind of feature that it got."""
    for value, kind in (
        (3, "int64"),
        (True, "int64"),
        ("a", "string"),
        ({"b64": "YQ"}, "string"),
    ):
        asked = {"signature_name": "labels", "examples": [{"x": value}]}
        status, answered = post(half_plus_two, "classify", asked)
        assert status == 400
        assert kind in answered["error"]


@pytest.mark.parametrize("path", ["/metadata", "/versions/123/metadata"])
def test_the_signatures_are_told(half_plus_two: Models, path: str) -> None:
    reply = answer(half_plus_two, "GET", URL + path, b"")
    told = json.loads(reply.body)

    assert reply.status == 200
    assert told["model_spec"] == {
        "name": "half_plus_two",
        "signature_name": "",
        "version": "123",
    }
    signature = told["metadata"]["signature_def"]["signature_def"]["classify_x_to_y"]
    assert signature["method_name"] == "tensorflow/serving/classify"
    assert signature["inputs"]["inputs"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": "examples:0",
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/models/none/metadata", 404, "request: Latest(none)"),
        ("GET", f"{URL}/versions/9/metadata", 404, "Specific(half_plus_two, 9)"),
        ("POST", f"{URL}/metadata", 400, "Malformed request: POST"),
        ("POST", f"{URL}:multi", 400, "Malformed request: POST"),
        ("GET", f"{URL}:classify", 400, "Malformed request: GET"),
        (
            "POST",
            f"{URL}/versions/{2**64 - 1}:regress",
            400,
            f"Failed to convert version: {2**64 - 1} to numeric.",
        ),
        ("GET", f"{URL}/versions/{'9' * 5000}", 400, "Failed to convert version"),
        ("GET", f"{URL}/versions/{2**63}", 400, "Failed to convert version"),
        (
            "POST",
            "/v1/models/none:regress",
            404,
            "Servable not found for request: Latest(none)",
        ),
    ],
)
def test_a_wrong_path_is_refused(
    half_plus_two: Models, method: str, path: str, status: int, words: str
) -> None:
    reply = answer(half_plus_two, method, path, b'{"examples": [{"x": 1.0}]}')

    assert reply.status == status
    assert words in json.loads(reply.body)["error"]


def test_the_path_may_shout(half_plus_two: Models) -> None:
    asked = {"signature_name": "flat", "examples": [{"x": 2.0}]}

    url = "/V1/Models/half_plus_two"
    assert post(half_plus_two, "REGRESS", asked, url) == (200, {"results": [3.0]})
