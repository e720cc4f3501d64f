import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from serving.server.models import Models
from serving.server.rest_api import RestServer, answer
from tests.model_server import free_port

URL = "/v1/models/echo:predict"


def post(models: Models, asked: Any, url: str = URL) -> tuple[int, Any]:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    reply = answer(models, "POST", url, body)
    return reply.status, json.loads(reply.body)


def test_rows_are_answered_in_rows(models: Models) -> None:
    assert post(models, {"instances": [[1, 2.5], [3, -4]]}) == (
        200,
        {"predictions": [[1.0, 2.5], [3.0, -4.0]]},
    )


def test_columns_are_answered_in_columns(models: Models) -> None:
    assert post(models, {"inputs": [[1, 2]]}) == (200, {"outputs": [[1.0, 2.0]]})
    assert post(models, {"inputs": {"x": [[1, 2]]}}) == (
        200,
        {"outputs": [[1.0, 2.0]]},
    )


def test_several_outputs_are_named(models: Models) -> None:
    rows = [
        {"count": 1, "name": "a", "flag": True},
        {"count": 2, "name": "b", "flag": False},
    ]
    columns = {"count": [1, 2], "name": ["a", "b"], "flag": [True, False]}
    mixed = {"signature_name": "mixed"}

    assert post(models, {**mixed, "instances": rows}) == (200, {"predictions": rows})
    assert post(models, {**mixed, "inputs": columns}) == (200, {"outputs": columns})


def test_bytes_go_in_and_out_as_base64(models: Models) -> None:
    picture: Any = {"b64": base64.b64encode(b"\xff\x00\xd8").decode()}
    asked: Any = {"signature_name": "picture", "instances": [picture]}

    assert post(models, asked) == (200, {"predictions": [picture]})
    asked = {"signature_name": "picture", "inputs": {"picture": [picture]}}
    assert post(models, asked) == (200, {"outputs": [picture]})


def test_numbers_are_written_as_tensorflow_serving_writes_them(models: Models) -> None:
    body = b'{"instances": [[NaN, Infinity], [-Infinity, 1e-8], [0.1, 100]]}'
    reply = answer(models, "POST", URL, body)

    assert reply.body.replace("\n", "").replace(" ", "") == (
        '{"predictions":[[NaN,Infinity],[-Infinity,1e-08],[0.1,100.0]]}'
    )


def test_padding_of_base64_may_be_left_out(models: Models) -> None:
    asked: Any = {"signature_name": "picture", "instances": [{"b64": "YQ"}]}

    assert post(models, asked) == (200, {"predictions": [{"b64": "YQ=="}]})


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/other", 400, "Malformed request: GET /v1/other"),
        ("GET", "/v1/models/echo:predict", 400, "Malformed request: GET /v1/models/"),
        ("POST", "/v1/models/echo", 400, "Malformed request: POST /v1/models/echo"),
        ("POST", "/v1/models/echo/versions/x:predict", 400, "Malformed request"),
        ("GET", f"/v1/models/echo/versions/{2**64}", 400, "Failed to convert version"),
        ("GET", "/other", 404, "Not found"),
        ("GET", "/v1/models/none", 404, "Could not find any versions of model none"),
        (
            "GET",
            "/v1/models/echo/versions/9",
            404,
            "Could not find version 9 of model echo",
        ),
        (
            "POST",
            "/v1/models/none:predict",
            404,
            "Servable not found for request: Latest(none)",
        ),
        (
            "POST",
            "/v1/models/echo/versions/9:predict",
            404,
            "Servable not found for request: Specific(echo, 9)",
        ),
        (
            "POST",
            "/v1/models/echo/labels/best%20one:predict",
            400,
            "Unrecognized servable version label: best one",
        ),
    ],
)
def test_a_wrong_path_is_refused(
    models: Models, method: str, path: str, status: int, words: str
) -> None:
    reply = answer(models, method, path, b"{}")

    assert reply.status == status
    assert words in json.loads(reply.body)["error"]


def test_the_path_may_name_the_version_and_shout(models: Models) -> None:
    url = "/v1/models/%65cho/versions/123:PREDICT"

    assert post(models, {"inputs": [[1, 2]]}, url)[0] == 200


@pytest.mark.parametrize("path", ["/v1/models/echo", "/v1/models/echo/versions/123"])
def test_the_status_is_told(models: Models, path: str) -> None:
    reply = answer(models, "GET", path, b"")

    assert json.loads(reply.body) == {
        "model_version_status": [
            {
                "version": "123",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


@pytest.fixture
def connection(models: Models) -> Iterator[HTTPConnection]:
    port = free_port()
    server = RestServer(models, "127.0.0.1", port)
    server.start()
    made = HTTPConnection("127.0.0.1", port, timeout=10)
    yield made
    made.close()
    server.stop(drain_s=10)


def test_one_connection_carries_several_requests(connection: HTTPConnection) -> None:
    for _ in range(2):
        connection.request("POST", URL, b'{"inputs": [[1, 2]]}')
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json"
        assert json.load(response) == {"outputs": [[1.0, 2.0]]}
    connection.request("GET", "/v1/models/echo?x=y")
    assert connection.getresponse().status == 200


def test_a_body_of_unknown_length_is_refused(connection: HTTPConnection) -> None:
    connection.putrequest("POST", URL)
    connection.endheaders()
    assert connection.getresponse().status == 411


def test_an_idle_connection_does_not_hold_up_the_end(models: Models) -> None:
    server = RestServer(models, "127.0.0.1", port := free_port())
    server.start()
    idle = HTTPConnection("127.0.0.1", port, timeout=10)
    idle.request("GET", "/v1/models/echo")
    idle.getresponse().read()

    server.stop(drain_s=10)
    idle.close()
