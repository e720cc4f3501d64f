"""The REST API: predict and status."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, NamedTuple
from urllib.parse import unquote

from serving.server.json_tensors import read_request, write_answer
from serving.server.models import Asked, Models, State
from serving.server.predict import choose_outputs, run
from serving.server.status import StatusError, invalid

logger = logging.getLogger(__name__)

PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
    r"(?:/(?P<metadata>metadata)|:(?P<verb>[a-zA-Z]+))?"
)
MAX_VERSION = 2**63 - 1
MAX_BODY_BYTES = 2**31 - 1  # As large as a message of the gRPC API can be.


class Reply(NamedTuple):
    """An HTTP status and a JSON text."""

    status: int
    body: str


def answer(models: Models, method: str, path: str, body: bytes) -> Reply:
    """Answer one request."""
    if not path.startswith("/v1/"):
        return Reply(404, _error("Not found"))
    try:
        return Reply(200, _route(models, method, path, body))
    except StatusError as error:
        return Reply(error.http_status, _error(error.message))


def _route(models: Models, method: str, path: str, body: bytes) -> str:
    malformed = invalid(f"Malformed request: {method} {path}")
    matched = PATH.fullmatch(path)
    if method == "GET" and path.rstrip("/") == "/v1/models":
        raise invalid("Missing model name in request.")
    if matched is None:
        raise malformed
    name = unquote(matched["name"])
    version = _version(matched)
    if isinstance(version, int) and version > MAX_VERSION:
        raise malformed
    verb = (matched["verb"] or "").lower()
    if method == "POST" and verb == "predict":
        return _predict(models, name, version, body)
    if method == "GET" and not verb and not matched["metadata"]:
        return _status(models, name, version)
    raise malformed


def _version(matched: re.Match[str]) -> Asked:
    if matched["label"]:
        return unquote(matched["label"])
    return int(matched["version"]) if matched["version"] else None


def _predict(models: Models, name: str, version: Asked, body: bytes) -> str:
    with models.hold(name, version) as held:
        asked = read_request(body, held.servable)
        wanted = choose_outputs(asked.signature, [])
        outputs = run(held.servable, asked.signature, asked.feeds, wanted)
    return write_answer(outputs, by_row=asked.by_row)


def _status(models: Models, name: str, version: Asked) -> str:
    listed = []
    for status in models.statuses(name, version):
        error = status.error
        listed.append(
            {
                "version": str(status.number),
                "state": State(status.state).name,
                "status": {
                    "error_code": error.code.name if error else "OK",
                    "error_message": error.message if error else "",
                },
            }
        )
    return json.dumps({"model_version_status": listed}, indent=1)


def _error(message: str) -> str:
    return json.dumps({"error": message}, indent=4)


class RestServer:
    """The REST API in threads of its own; nothing if the port is 0."""

    def __init__(self, models: Models, host: str, port: int) -> None:
        """Take the port. Raises OSError."""
        self._server = _Server((host, port), models) if port else None
        self._thread: Thread | None = None

    def start(self) -> None:
        """Answer from now on."""
        if self._server is not None:
            self._thread = Thread(target=self._server.serve_forever, args=(0.1,))
            self._thread.start()

    def stop(self, *, drain_s: float) -> None:
        """Answer what was asked, then close."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.drain(drain_s)
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # An idle connection holds up no ending; drain() waits.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], models: Models) -> None:
        super().__init__(address, _Handler)
        self.models = models
        self._answering = 0
        self._changed = Condition()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Mark an answer as under way."""
        with self._changed:
            self._answering += 1
        try:
            yield
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    def drain(self, timeout_s: float) -> None:
        """Wait for the answers under way."""
        with self._changed:
            self._changed.wait_for(lambda: self._answering == 0, timeout_s)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # Of a client that stalls, or keeps an idle connection.
    server: _Server

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._reply(Reply(411, _error("A Content-Length is needed.")))
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        with self.server.answering():
            self._reply(answer(self.server.models, self.command, path, body))

    def _reply(self, reply: Reply) -> None:
        content = reply.body.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name that BaseHTTPRequestHandler gives it)
        logger.debug(format, *args)
