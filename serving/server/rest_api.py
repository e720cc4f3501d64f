"""The REST API: predict, classify, regress, status, metadata; and metrics."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, NamedTuple
from urllib.parse import unquote

from serving.server import metrics
from serving.server.classify import classify
from serving.server.inference_messages import ClassificationRequest, RegressionRequest
from serving.server.json_examples import (
    read_input,
    write_classifications,
    write_regressions,
)
from serving.server.json_tensors import read_request, write_answer
from serving.server.json_values import parse_object, signature_name
from serving.server.metadata import describe_json
from serving.server.models import Asked, Models, State
from serving.server.predict import choose_outputs, run
from serving.server.regress import regress
from serving.server.status import StatusError, invalid

logger = logging.getLogger(__name__)

PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
    r"(?:/(?P<metadata>metadata)|:(?P<verb>predict|classify|regress))?",
    re.IGNORECASE,
)
MAX_VERSION = 2**63 - 1
MAX_DIGITS = len(str(MAX_VERSION))  # Python refuses to read a number of thousands.
MAX_BODY_BYTES = 2**31 - 1  # As large as a message of the gRPC API can be.


class Reply(NamedTuple):
    """An HTTP status and a text, usually JSON."""

    status: int
    body: str
    content_type: str = "application/json"


def answer(models: Models, method: str, path: str, body: bytes) -> Reply:
    """Answer one request."""
    if not path.lower().startswith("/v1/"):
        return Reply(404, _error("Not found"))
    try:
        return Reply(200, _route(models, method, path, body))
    except StatusError as error:
        return Reply(error.http_status, _error(error.message))


def _route(models: Models, method: str, path: str, body: bytes) -> str:
    malformed = invalid(f"Malformed request: {method} {path}")
    matched = PATH.fullmatch(path)
    if method == "GET" and path.lower().rstrip("/") == "/v1/models":
        raise invalid("Missing model name in request.")
    if matched is None:
        raise malformed
    name = unquote(matched["name"])
    version = _version(matched)
    verb = (matched["verb"] or "").lower()
    if method == "POST" and verb:
        with metrics.counted_request(name, verb, "REST"):
            return VERBS[verb](models, name, version, body)
    if method == "GET" and not verb:
        return (_metadata if matched["metadata"] else _status)(models, name, version)
    raise malformed


def _version(matched: re.Match[str]) -> Asked:
    if matched["label"]:
        return unquote(matched["label"])
    text = matched["version"]
    if text is None:
        return None
    if len(text.lstrip("0")) > MAX_DIGITS or int(text) > MAX_VERSION:
        raise invalid(f"Failed to convert version: {text} to numeric.")
    return int(text)


def _predict(models: Models, name: str, version: Asked, body: bytes) -> str:
    parsed = parse_object(body)
    with models.hold(name, version) as held:
        asked = read_request(parsed, held.servable)
        wanted = choose_outputs(asked.signature, [])
        with metrics.timed_run(name, "Predict"):
            outputs = run(held.servable, asked.signature, asked.feeds, wanted)
    return write_answer(outputs, by_row=asked.by_row)


def _of_examples(request: Any, name: str, body: bytes) -> Any:
    asked = parse_object(body)
    request.model_spec.name = name
    request.model_spec.signature_name = signature_name(asked)
    request.input.CopyFrom(read_input(asked))
    return request


def _classify(models: Models, name: str, version: Asked, body: bytes) -> str:
    request = _of_examples(ClassificationRequest(), name, body)
    with models.hold(name, version) as held:
        return write_classifications(classify(held.servable, request))


def _regress(models: Models, name: str, version: Asked, body: bytes) -> str:
    request = _of_examples(RegressionRequest(), name, body)
    with models.hold(name, version) as held:
        return write_regressions(regress(held.servable, request))


VERBS: dict[str, Callable[[Models, str, Asked, bytes], str]] = {
    "predict": _predict,
    "classify": _classify,
    "regress": _regress,
}


def _metadata(models: Models, name: str, version: Asked) -> str:
    with models.hold(name, version) as held:
        return describe_json(held)


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

    def __init__(
        self, models: Models, host: str, port: int, metrics_path: str = ""
    ) -> None:
        """Take the port. Raises OSError.

        metrics_path: where the metrics are shown; nowhere if empty.
        """
        self._server = _Server((host, port), models, metrics_path) if port else None
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

    def __init__(
        self, address: tuple[str, int], models: Models, metrics_path: str
    ) -> None:
        super().__init__(address, _Handler)
        self.models = models
        self.metrics_path = metrics_path
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
        if path == self.server.metrics_path:
            self._reply(Reply(200, metrics.page(), "text/plain"))
            return
        with self.server.answering():
            self._reply(answer(self.server.models, self.command, path, body))

    def _reply(self, reply: Reply) -> None:
        content = reply.body.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name that BaseHTTPRequestHandler gives it)
        logger.debug(format, *args)
