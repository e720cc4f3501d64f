"""From an address that a person gave to bytes. No Django, no Celery.

Whoever can make a server fetch will try to make it fetch from inside its own network.
So a name is resolved once, every address of it must be public, and the connection goes
to the very address that was looked at; and so again at each redirect.

Over httpcore, httpx's own engine, and not httpx: that one reads proxies and .netrc from
the environment, keeps cookies, unpacks, takes URLs apart once more in its own way, and
writes each into the log. What is not done here is not done at all.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import httpcore

from predictions.addresses import (
    AddressRefusedError,
    Target,
    check_url,
    follow_redirect,
    is_public,
)
from predictions.images.store import Part

MAX_REDIRECTS = 3
REDIRECTS = {301, 302, 303, 307, 308}
STALL_S = 20  # Without a single byte: the server is not there any more.
TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
HEADERS: Mapping[bytes | str, bytes | str] = {
    "Accept": "image/png, image/jpeg, image/tiff",
    "Accept-Encoding": "identity",
    "Connection": "close",
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
    certificates: str | None = None  # A file; None trusts what Mozilla trusts.


def download(
    url: str, part: Part, *, allowed_hosts: Sequence[str], max_bytes: int, web: Web
) -> None:
    """Write what the address leads to into the part.

    Raises AddressRefusedError, FetchEndedError, FetchBrokenError, StoreFullError.
    """
    deadline = Deadline(web.deadline_s)
    for _ in range(1 + MAX_REDIRECTS):
        target = check_url(url, allowed_hosts=allowed_hosts)
        with _asked(target, web, deadline) as answer:
            location = _header(answer, "Location")
            if location is None or answer.status not in REDIRECTS:
                _receive(answer, part, max_bytes=max_bytes)
                return
        url = follow_redirect(url, location)
    raise AddressRefusedError


@contextmanager
def _asked(
    target: Target, web: Web, deadline: "Deadline"
) -> Iterator[httpcore.Response]:
    """One request, with nothing remembered of any other. Errors are ours."""
    stalled = dict.fromkeys(("connect", "read", "write", "pool"), STALL_S)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=_certificates(web.certificates),
                network_backend=_Guard(web, deadline),
            ) as pool,
            pool.stream(
                "GET",
                httpcore.URL(
                    scheme=target.scheme,
                    host=target.host,
                    port=target.port,
                    target=target.resource,
                ),
                headers={**HEADERS, "Host": target.authority},
                extensions={"timeout": stalled},
            ) as answer,
        ):
            yield answer
    except (httpcore.TimeoutException, httpcore.NetworkError) as error:
        deadline.left_s()  # Raises where that was the reason.
        raise FetchBrokenError from error
    except httpcore.ProtocolError as error:
        raise FetchBrokenError from error


def _header(answer: httpcore.Response, name: str) -> str | None:
    """The first of that name; Latin-1, as the bytes are."""
    wanted = name.lower().encode()
    for found, said in answer.headers:
        if found.lower() == wanted:
            return said.decode("latin-1")
    return None


def _receive(answer: httpcore.Response, part: Part, *, max_bytes: int) -> None:
    """Nothing larger is received, whatever the server says of the size."""
    if answer.status in TRANSIENT or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise FetchBrokenError
    if answer.status != HTTPStatus.OK:
        raise FetchEndedError(ANSWERED.format(status=answer.status))
    if (_header(answer, "Content-Encoding") or "identity").lower() != "identity":
        raise FetchEndedError(PACKED)
    if int(_header(answer, "Content-Length") or 0) > max_bytes:
        raise _too_large(max_bytes)
    for chunk in answer.iter_stream():
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
    """Whom to trust; TLS then checks the name that was asked for, not the address."""
    if file is None:
        return httpcore.default_ssl_context()
    return ssl.create_default_context(cafile=file)
