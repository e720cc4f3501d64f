"""A piece of the internet: real servers on loopback, under names of the test's own."""

import socket
import socketserver
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from typing import Any, Self

from predictions.addresses import is_public
from worker.fetching import Web

OUTSIDE, INSIDE = "127.0.0.77", "127.0.0.1"
Say = Callable[[socket.socket], None]


def answer(
    body: bytes = b"", *, status: str = "200 OK", headers: Sequence[str] = ()
) -> bytes:
    """A whole answer, as its length says."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(status=status, headers=[f"Location: {location}"])


class Site:
    """A server that says what the test wants, and remembers what it was asked."""

    def __init__(self, address: str, secured: ssl.SSLContext | None = None) -> None:
        self.says: dict[str, bytes | Say] = {}
        self.asked: list[str] = []
        site = self

        class Visit(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                site._visit(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Being hung up on is what most tests are about."""

        self._secured = secured
        self._server = Server((address, 0), Visit)
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _visit(self, visitor: socket.socket) -> None:
        if self._secured is not None:
            with self._secured.wrap_socket(visitor, server_side=True) as secured:
                self._answer(secured)
                return
        self._answer(visitor)

    def _answer(self, visitor: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            if not (read := visitor.recv(4096)):
                return
            request += read
        text = request.decode("ascii")
        self.asked.append(text)
        said = self.says[text.split(" ")[1]]
        if isinstance(said, bytes):
            visitor.sendall(said)
        else:
            said(visitor)


@dataclass
class Names:
    """A name server: what each name resolves to, look-up by look-up."""

    known: dict[str, list[list[str]]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.looked_up.append(host)
        answers = self.known.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def is_public_here(address: str) -> bool:
    """The real rule, but that one loopback address plays the public server."""
    return address == OUTSIDE or is_public(address)


def make_web(names: Names, **facts: Any) -> Web:
    return Web(**{"resolve": names, "is_allowed": is_public_here, **facts})
