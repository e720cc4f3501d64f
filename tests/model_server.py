"""The real model server with the tiny real model, as a child process of a test."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from serving.client import ServingClient
from serving.errors import ServingError
from tests.data import REPOSITORY

MODEL = "tiny-mil"


def export_tiny_model(
    base_path: Path, version: int = 1, name: str = MODEL, *, poison: bool = True
) -> Path:
    """Export in a child, so that the test process stays without TensorFlow."""
    command = [sys.executable, "-m", "tests.tiny_model", str(base_path), str(version)]
    options = ["--name", name] + ([] if poison else ["--no-poison"])
    subprocess.run(
        [*command, *options], cwd=REPOSITORY, check=True, capture_output=True
    )
    return base_path / str(version)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ModelServer:
    """`python -m serving.server`, on the same ports each time it is started.

    base_path: the folder of the versions. flags: more flags for the server.
    """

    def __init__(self, base_path: Path, name: str = MODEL, *flags: str) -> None:
        """Choose the ports; start nothing yet."""
        self.base_path = base_path
        self.name = name
        self.port = free_port()
        self.rest_port = free_port()
        self.log = base_path.parent / f"server-{self.port}.log"
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where its gRPC API is."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The running server's process id."""
        assert self._process is not None, "not started"
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(signal.SIGKILL)

    def start(self, *, wait_s: float = 60) -> None:
        """Start it; return once the model answers (at once if `wait_s` is 0)."""
        command = [
            *(sys.executable, "-m", "serving.server"),
            f"--port={self.port}",
            f"--rest_api_port={self.rest_port}",
            f"--model_name={self.name}",
            f"--model_base_path={self.base_path.absolute()}",
            *self._flags,
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=log, stderr=log
            )
        if wait_s:
            self.wait_until_available(wait_s=wait_s)

    def wait_until_available(self, *, version: int = 0, wait_s: float = 60) -> None:
        """Return once the model (or at least this version of it) is served."""
        deadline = time.monotonic() + wait_s
        with ServingClient(
            self.address, self.name, timeout_s=10, connect_timeout_s=0.2
        ) as client:
            while time.monotonic() < deadline:
                assert self.returncode() is None, self.log.read_text()
                try:
                    if client.describe().version >= version:
                        return
                except ServingError:
                    pass
                time.sleep(0.05)
        raise AssertionError(f"not served within {wait_s} s: {self.log.read_text()}")

    def returncode(self) -> int | None:
        """How it ended, None while it runs."""
        return None if self._process is None else self._process.poll()

    def wait(self, *, wait_s: float = 60) -> int:
        """Wait until it has ended by itself."""
        assert self._process is not None, "not started"
        return self._process.wait(wait_s)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a stop has taken effect, in every thread, on return."""
        assert self._process is not None, "not started"
        self._process.send_signal(number)
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, wait for that; nothing if it has ended already."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(60)
