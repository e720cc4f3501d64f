"""The server under test: ours, or a real one at CONFORMANCE_GRPC and _REST.

Every test says what it was read from: `upstream("file", "test or function")` in
tensorflow/serving, or `upstream(None)` where that is this product's own promise.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest

from tests.data import REPOSITORY
from tests.model_server import free_port
from tests.threads import wait_until

HERE = Path(__file__).parent


class Reply(NamedTuple):
    """What REST answered; `body` read as JSON, or as text where it is none."""

    status: int
    kind: str
    body: Any


class Target:
    """A running server, and how to speak with it."""

    def __init__(self, grpc_address: str, rest_address: str) -> None:
        self.channel = grpc.insecure_channel(grpc_address)
        self._rest_address = rest_address

    def call(self, method: str, request: Any, response_class: Any) -> Any:
        """One gRPC call; `method`: Service/Method of tensorflow.serving."""
        asked = self.channel.unary_unary(
            f"/tensorflow.serving.{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response_class.FromString,
        )
        return asked(request, timeout=30)

    def rest(self, method: str, path: str, asked: Any = None) -> Reply:
        """One HTTP request; `asked` as JSON unless it is bytes."""
        connection = HTTPConnection(self._rest_address, timeout=30)
        body = asked
        if asked is not None and not isinstance(asked, bytes):
            body = json.dumps(asked).encode()
        connection.request(method, path, body)
        answered = connection.getresponse()
        text = answered.read().decode()
        connection.close()
        kind = answered.headers.get("Content-Type", "")
        try:
            return Reply(answered.status, kind, json.loads(text))
        except ValueError:
            return Reply(answered.status, kind, text)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that does not say what it was read from."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("upstream") is None:
            raise pytest.UsageError(f"{item.name} does not say what it was read from")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Started once, unless there is one already."""
    if "CONFORMANCE_GRPC" in os.environ:
        yield Target(os.environ["CONFORMANCE_GRPC"], os.environ["CONFORMANCE_REST"])
        return
    folder = tmp_path_factory.mktemp("conformance")
    subprocess.run(
        [sys.executable, "-m", "tests.conformance.models", str(folder)],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    port, rest_port = free_port(), free_port()
    command = [
        *(f"{REPOSITORY}/serving/tensorflow_model_server", f"--port={port}"),
        *(
            f"--rest_api_port={rest_port}",
            "--allow_version_labels_for_unavailable_models",
        ),
        f"--model_config_file={folder}/models.config",
    ]
    with (folder / "log").open("wb") as log:
        python = os.environ | {"PYTHON": sys.executable}
        server = subprocess.Popen(
            command, cwd=folder, env=python, stdout=log, stderr=log
        )
        try:
            made = Target(f"127.0.0.1:{port}", f"127.0.0.1:{rest_port}")
            wait_until(lambda: is_open(made, server), "the server did not open")
            yield made
        finally:
            server.kill()
            server.wait()


def is_open(target: Target, server: "subprocess.Popen[bytes]") -> bool:
    assert server.poll() is None, "the server ended"
    try:
        return target.rest("GET", "/v1/models/echo").status == 200
    except OSError:
        return False


def refused(target: Target, method: str, request: Any, kind: Any) -> tuple[Any, str]:
    """The code and words of a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        target.call(method, request, kind)
    error: Any = caught.value
    return error.code(), error.details()
