"""From an address that a person gave to bytes. No Django, no Celery.

Whoever can make a server fetch will try to make it fetch from inside its own network.
So a name is resolved once, every address of it must be public, and the connection goes
to the very address that was looked at; and so again at each redirect. Nothing of the
environment (proxies, .netrc) is read, no cookie is kept, nothing is unpacked.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import httpcore
import httpx

from predictions.addresses import (
    AddressRefusedError,
    check_url,
    follow_redirect,
    is_public,
)
from predictions.images.store import Part

MAX_REDIRECTS = 3
STALL_S = 20  # Without a single byte: the server is not there any more.
TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
HEADERS = {
    "Accept": "image/png, image/jpeg, image/tiff",
    "Accept-Encoding": "identity",
    "User-Agent": "histoapp",
}

INSTEAD = "Or download the image yourself and upload it."
TOO_SLOW = (
    "The image did not arrive within {seconds:g} seconds. Ask again later. " + INSTEAD
)
TOO_LARGE = "The file is larger than {megabytes:g} MB. Fetch a smaller field."
PACKED = "The server sent the image packed, though it was asked not to. " + INSTEAD
ANSWERED = (
    "The server answered {status}, not with an image. Check the address: it must lead "
    "to the image itself, without signing in. " + INSTEAD
)


class FetchEndedError(Exception):
    """Asking the same again does not help; says what does."""


class FetchBrokenError(Exception):
    """The server could not be reached, or broke off: asking again may help."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Every IP address of a name, as this machine sees it. Raises socket.gaierror."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [_with_scope(*entry[4]) for entry in found]


def _with_scope(address: Any, port: Any, flow: Any = 0, scope: Any = 0) -> str:
    return f"{address}%{scope}" if scope and "%" not in address else str(address)


@dataclass(frozen=True)
class Web:
    """The network as a fetch may use it; a test puts its own in place of a part."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    is_allowed: Callable[[str], bool] = is_public
    deadline_s: float = 120  # 100 MB at 7 Mbit/s.
    certificates: str | None = None  # A file; None trusts what httpx trusts.


def download(
    url: str, part: Part, *, allowed_hosts: Sequence[str], max_bytes: int, web: Web
) -> None:
    """Write what the address leads to into the part.

    Raises AddressRefusedError, FetchEndedError, FetchBrokenError, StoreFullError.
    """
    deadline = Deadline(web.deadline_s)
    for _ in range(1 + MAX_REDIRECTS):
        check_url(url, allowed_hosts=allowed_hosts)
        with _asked(url, web, deadline) as answer:
            if not answer.has_redirect_location:
                _receive(answer, part, max_bytes=max_bytes)
                return
            url = follow_redirect(url, answer.headers["Location"])
    raise AddressRefusedError


@contextmanager
def _asked(url: str, web: Web, deadline: "Deadline") -> Iterator[httpx.Response]:
    """One request, with nothing remembered of any other. Errors are ours."""
    transport = GuardedTransport(web, deadline)
    try:
        with (
            httpx.Client(
                transport=transport, trust_env=False, headers=HEADERS, timeout=STALL_S
            ) as client,
            client.stream("GET", url) as answer,
        ):
            yield answer
    except httpx.InvalidURL as error:
        raise AddressRefusedError from error
    except (httpcore.TimeoutException, httpcore.NetworkError) as error:
        deadline.left_s()  # Raises where that was the reason.
        raise FetchBrokenError from error
    except (httpcore.ProtocolError, httpx.HTTPError) as error:
        raise FetchBrokenError from error


def _receive(answer: httpx.Response, part: Part, *, max_bytes: int) -> None:
    """Nothing larger is received, whatever the server says of the size."""
    status = answer.status_code
    if status in TRANSIENT or answer.is_server_error:
        raise FetchBrokenError
    if status != HTTPStatus.OK:
        raise FetchEndedError(ANSWERED.format(status=status))
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchEndedError(PACKED)
    if int(answer.headers.get("Content-Length", 0)) > max_bytes:
        raise _too_large(max_bytes)
    for chunk in answer.iter_raw():
        if part.size_bytes + len(chunk) > max_bytes:
            raise _too_large(max_bytes)
        part.write(chunk)


def _too_large(max_bytes: int) -> FetchEndedError:
    return FetchEndedError(TOO_LARGE.format(megabytes=max_bytes / 1_000_000))


class Deadline:
    """One for everything: names, connections, redirects, the last byte."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def left_s(self, at_most_s: float | None = None) -> float:
        """Raises FetchEndedError when none is left."""
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise FetchEndedError(TOO_SLOW.format(seconds=self._seconds))
        return left_s if at_most_s is None else min(left_s, at_most_s)


class GuardedTransport(httpx.BaseTransport):
    """HTTP over connections that were looked at; TLS checks the name, not the address.

    Errors are httpcore's: nobody above needs httpx's names for them.
    """

    def __init__(self, web: Web, deadline: Deadline) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_certificates(web.certificates),
            max_keepalive_connections=0,
            network_backend=_Guard(web, deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=url.raw_scheme,
                    host=url.raw_host,
                    port=url.port,
                    target=url.raw_path,
                ),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer)
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Guard(httpcore.NetworkBackend):
    """Resolves a name once, looks at every address, connects to one of those."""

    def __init__(self, web: Web, deadline: Deadline) -> None:
        self._web, self._deadline = web, deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._resolved(host, port)
        if not addresses or not all(map(self._web.is_allowed, addresses)):
            raise AddressRefusedError
        failure: Exception = httpcore.ConnectError()
        for address in addresses:
            left_s = self._deadline.left_s(timeout)
            try:
                stream = self._sockets.connect_tcp(address, port, left_s)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Timed(stream, self._deadline)
        raise failure

    def _resolved(self, host: str, port: int) -> Sequence[str]:
        """A name that does not exist is refused as one that lies inside is."""
        try:
            return self._web.resolve(host, port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:  # The name server itself is away.
                raise FetchBrokenError from error
            raise AddressRefusedError from error


class _Timed(httpcore.NetworkStream):
    """A connection that the deadline ends, though a byte may come now and then."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left_s = self._deadline.left_s(timeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return _Timed(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@cache
def _certificates(file: str | None) -> ssl.SSLContext:
    if file is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=file)
