"""The real web server, and uploads of which only the head is sent."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from predictions.models import Case, Laboratory, Role
from predictions.services.cases import open_case
from predictions.services.laboratories import create_laboratory
from predictions.services.tokens import issue_token
from tests.predictions.records import make_person
from tests.servers import REPOSITORY, free_port

STARTED_S = 30  # A generous deadline: it takes about one second.
ANSWERED_S = 15
BODY_BYTES = 50_000_000


@dataclass(frozen=True)
class Web:
    """The web server, and what is in its record."""

    port: int
    case: Case
    laboratory: Laboratory

    def open(self, *headers: str) -> socket.socket:
        """Send the head of an upload, and keep the body."""
        client = socket.create_connection(("127.0.0.1", self.port), ANSWERED_S)
        head = [
            f"POST /api/v1/cases/{self.case.pk}/images HTTP/1.1",
            "Host: 127.0.0.1",
            *headers,
        ]
        client.sendall("\r\n".join([*head, "", ""]).encode())
        return client

    def refuse(self, *headers: str, size_bytes: int = BODY_BYTES) -> int:
        """The status that is answered to a head alone."""
        with self.open(*headers, f"Content-Length: {size_bytes}") as client:
            status, problem = read_answer(client)
        assert problem["status"] == status
        return status


def read_answer(client: socket.socket) -> tuple[int, dict[str, object]]:
    """The final answer: a 100 (Continue) may come before it."""
    received = b""
    while not (
        answer := re.search(
            rb"HTTP/1.1 ([2-5]\d\d).*?Content-Length: (\d+)\r\n.*?\r\n\r\n(.*)",
            received,
            re.DOTALL | re.IGNORECASE,
        )
    ) or len(answer[3]) < int(answer[2]):
        chunk = client.recv(65536)
        assert chunk, received
        received += chunk
    return int(answer[1]), json.loads(answer[3])


def token_of(user: User) -> str:
    _, secret = issue_token(user=user, name="a program")
    return f"Authorization: Bearer {secret}"


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTED_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            assert server.poll() is None
            time.sleep(0.1)
        else:
            return
    pytest.fail("the web server did not start")


@contextmanager
def running_web(folder: Path) -> Iterator[Web]:
    """The web server over the test's own database; its files are under `folder`."""
    laboratory = create_laboratory(name="North", default_spacing_um=0.5)
    case = open_case(
        laboratory=laboratory,
        opened_by=make_person("alice", laboratory, Role.TECHNICIAN),
        accession_number="S26-0001",
        patient_code="P-0001",
    )
    port = free_port()
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:histoapp.gunicorn"],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "HTTPS": "0",
                "PORT": str(port),
                "STORAGE_ROOT": str(folder / "files"),
            },
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(port, server)
        yield Web(port, case, laboratory)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
