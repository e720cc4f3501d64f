"""What any HTTP client of TensorFlow Serving may rely on."""

import base64
import math
from typing import Any

import pytest

from tests.conformance.conftest import Target

upstream = pytest.mark.upstream
BLACK_BOX = "model_servers/tensorflow_model_server_test.py"
HANDLER = "model_servers/http_rest_api_handler.cc"
JSON_TENSOR = "util/json_tensor.cc"
HALF = "/v1/models/half_plus_two"
ECHO = "/v1/models/echo:predict"


# --- Paths ----------------------------------------------------------------------


@upstream(BLACK_BOX, "testPredictREST")
@pytest.mark.parametrize(
    "path",
    [
        f"{HALF}:predict",
        f"{HALF}:PREDICT",
        f"{HALF}/versions/123:predict",
        f"{HALF}/labels/stable:predict",
        "/v1/models/half%5Fplus%5Ftwo:predict",
    ],
)
def test_predict(target: Target, path: str) -> None:
    reply = target.rest("POST", path, {"instances": [2.0, 3.0, 4.0]})
    assert reply == (200, "application/json", {"predictions": [3.0, 3.5, 4.0]})


@upstream(HANDLER, "ProcessRequest")
@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/other", 400, "Malformed request: GET /v1/other"),
        ("POST", HALF, 400, f"Malformed request: POST {HALF}"),
        ("POST", f"{HALF}:guess", 400, f"Malformed request: POST {HALF}:guess"),
        ("GET", "/v1/models/none", 404, "Could not find any versions of model none"),
        ("GET", f"{HALF}/labels/none", 400, "Unrecognized servable version label"),
    ],
)
def test_paths_that_lead_nowhere(
    target: Target, method: str, path: str, status: int, words: str
) -> None:
    reply = target.rest(method, path, {} if method == "POST" else None)
    assert reply[:2] == (status, "application/json")
    assert words in reply.body["error"]


@upstream("model_servers/http_server.cc", "the dispatcher of paths under /v1/")
def test_outside_of_v1_nothing_is_found(target: Target) -> None:
    assert target.rest("GET", "/other").status == 404


# --- Predict --------------------------------------------------------------------


@upstream(BLACK_BOX, "testPredictColumnarREST")
def test_columns(target: Target) -> None:
    reply = target.rest("POST", f"{HALF}:predict", {"inputs": [2.0, 3.0, 4.0]})
    assert reply.body == {"outputs": [3.0, 3.5, 4.0]}


@upstream("util/json_tensor_test.cc", "SingleInput and MultipleInputs")
def test_several_outputs_are_named(target: Target) -> None:
    rows = [
        {"count": 1, "name": "a", "flag": True},
        {"count": 2, "name": "b", "flag": False},
    ]
    columns = {"count": [1, 2], "name": ["a", "b"], "flag": [True, False]}
    by_row = target.rest("POST", ECHO, {"signature_name": "mixed", "instances": rows})
    assert by_row.body == {"predictions": rows}
    asked = {"signature_name": "mixed", "inputs": columns}
    by_column = target.rest("POST", ECHO, asked)
    assert by_column.body == {"outputs": columns}


@upstream("util/json_tensor_test.cc", "Base64")
def test_bytes_travel_as_base64(target: Target) -> None:
    picture: Any = {"b64": base64.b64encode(b"\xff\x00\xd8").decode()}
    asked: Any = {"signature_name": "picture", "instances": [picture]}
    assert target.rest("POST", ECHO, asked).body == {"predictions": [picture]}


@upstream("util/json_tensor_test.cc", "FloatNan and FloatInf")
def test_what_is_no_number_travels_too(target: Target) -> None:
    body = b'{"instances": [[NaN, Infinity], [-Infinity, 1]]}'
    (first, second) = target.rest("POST", ECHO, body).body["predictions"]
    assert math.isnan(first[0])
    assert (first[1], second) == (math.inf, [-math.inf, 1.0])


@upstream(JSON_TENSOR, "FillPredictRequestFromJson")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error"),
        (b"{}", "Missing 'inputs' or 'instances' key"),
        (b'{"inputs": [[1, 2]], "instances": [[1, 2]]}', ""),
        (b'{"instances": []}', ""),
        (b'{"instances": 3}', ""),
        (b'{"instances": [[1, 2], [3]]}', ""),
        (b'{"instances": [["a", "b"]]}', ""),
        (b'{"inputs": {"z": [[1, 2]]}}', ""),
        (b'{"signature_name": "mixed", "inputs": [1]}', ""),
        (b'{"signature_name": "none", "inputs": [[1, 2]]}', '"none" not found'),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused(target: Target, body: bytes, words: str) -> None:
    reply = target.rest("POST", ECHO, body)
    assert reply[:2] == (400, "application/json")
    assert words in reply.body["error"]


# --- Examples, metadata, status -------------------------------------------------


@upstream(BLACK_BOX, "testClassifyREST")
def test_classify(target: Target) -> None:
    asked = {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]}
    reply = target.rest("POST", f"{HALF}:classify", asked)
    assert reply[::2] == (200, {"results": [[["", 3.0]]]})


@upstream(BLACK_BOX, "testRegressREST")
def test_regress(target: Target) -> None:
    asked = {"signature_name": "regress_x_to_y", "examples": [{"x": 2.0}, {"x": 4.0}]}
    reply = target.rest("POST", f"{HALF}:regress", asked)
    assert reply[::2] == (200, {"results": [3.0, 4.0]})


@upstream("util/json_tensor_test.cc", "ClassifyRegressRequest with a context")
def test_a_context_is_common_to_all(target: Target) -> None:
    asked = {
        "signature_name": "regress_x_to_y",
        "context": {"x": 2.0},
        "examples": [{}],
    }
    reply = target.rest("POST", f"{HALF}:regress", asked)
    assert reply[::2] == (200, {"results": [3.0]})


@upstream(HANDLER, "ProcessModelMetadataRequest")
def test_metadata(target: Target) -> None:
    reply = target.rest("GET", f"{HALF}/metadata")
    assert reply.status == 200
    assert reply.body["model_spec"]["name"] == "half_plus_two"
    assert reply.body["model_spec"]["version"] == "123"
    assert "serving_default" in reply.body["metadata"]["signature_def"]["signature_def"]


@upstream(BLACK_BOX, "testGetStatusREST")
@pytest.mark.parametrize("which", ["", "/versions/123", "/labels/stable"])
def test_status(target: Target, which: str) -> None:
    assert target.rest("GET", HALF + which).body == {
        "model_version_status": [
            {
                "version": "123",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
