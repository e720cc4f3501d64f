"""The web server's threads, against clients that stall, over real sockets."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from histoapp.embedded.leash import leashed
from histoapp.embedded.ports import free_ports

# One thread that a single client could hold, and a patience fit for a test.
CONFIG = """
from histoapp.gunicorn import *
from histoapp.gunicorn import PatientSocket
PatientSocket.PATIENCE_S = 0.5
PatientSocket.BYTES_PER_S = 1000
wsgi_app = "echo_length"
workers = threads = 1
"""
APPLICATION = """
def application(environ, start_response):
    length = 0
    while chunk := environ["wsgi.input"].read(1000):
        length += len(chunk)
    answer = str(length).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with one thread, which counts what it is sent."""
    folder = tmp_path_factory.mktemp("gunicorn")
    (folder / "conf.py").write_text(CONFIG)
    (folder / "echo_length.py").write_text(APPLICATION)
    (port,) = free_ports(1)
    command = ["-m", "gunicorn", "-c", str(folder / "conf.py")]
    environment = {**os.environ, "PORT": str(port), "PYTHONPATH": str(folder)}
    with subprocess.Popen(
        leashed([sys.executable, *command]), env=environment, cwd=Path.cwd()
    ) as process:
        try:
            wait_for_answer(port)
            yield port
        finally:
            process.terminate()


def wait_for_answer(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert ask(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"0")
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("gunicorn does not answer")


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        return b"".join(iter(lambda: client.recv(4096), b""))


def wait_for_hang_up(client: socket.socket) -> None:
    client.settimeout(20)
    try:
        while client.recv(4096):
            pass
    except ConnectionResetError:
        return


@pytest.mark.parametrize(
    "start",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nX-Half: ",
    ],
    ids=["body", "chunk", "header"],
)
def test_a_stalled_client_frees_its_thread(port: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as stalled:
        stalled.sendall(start)
        answer = ask(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.endswith(b"0")
        wait_for_hang_up(stalled)


def test_a_trickling_client_frees_its_thread(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as trickling:
        trickling.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n")
        for _ in range(200):
            try:
                trickling.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("it may trickle for ever")
        assert ask(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"0")


def test_a_slow_but_steady_upload_arrives_whole(port: int) -> None:
    size = 4000
    head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as steady:
        steady.sendall(head.encode())
        for _ in range(10):
            steady.sendall(b"x" * (size // 10))
            time.sleep(0.15)
        assert steady.recv(4096).endswith(b"4000")


def test_a_huge_header_is_refused(port: int) -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + b"x" * 9000 + b"\r\n\r\n"
    assert ask(port, request).startswith(b"HTTP/1.1 4")
