"""One process of the stack: how it starts, where it logs, how it ends."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.identity import CLONE

MAX_LOG_BYTES = 5_000_000  # One older log of this size is kept beside the newest.


def always() -> bool:
    """Ready as soon as it runs."""
    return True


def nothing() -> None:
    """Nothing to do before it starts."""


@dataclass(frozen=True)
class Service:
    """A program that runs as long as the stack does."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = always
    before_start: Callable[[], None] = nothing
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10
    address: str = ""  # Shown to a person, as is the hint after a failed start.
    hint: str = ""


class Running:
    """A process of ours, in a session of its own, writing to its own log."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        logs: Path,
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.started_at = time.monotonic()
        _rotate(self.log)
        with self.log.open("ab") as log:
            self._start_byte = log.tell()
            # A session of its own: Ctrl-C reaches the supervisor alone, who ends
            # the processes in order.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                cwd=CLONE,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def ended(self) -> str | None:
        """How it ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    @property
    def age_s(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.started_at

    def last_words(self) -> str:
        """The last line of its log that says something."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 4096))
            lines = log.read().decode(errors="replace").splitlines()
        telling = [line.strip() for line in lines if line.strip()]
        grave = [line for line in telling if "FATAL" in line or "PANIC" in line]
        chosen = (grave or telling or ["it said nothing"])[-1]
        return chosen[:300]

    def said(self) -> list[str]:
        """Its lines since it was started."""
        with self.log.open("rb") as log:
            log.seek(self._start_byte)
            return log.read().decode(errors="replace").splitlines()

    def stop(self, stop_signal: signal.Signals, *, grace_s: float) -> None:
        """Ask it to end, and after a while insist; its children go with it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, stop_signal)
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.sweep()

    def sweep(self) -> None:
        """End what is left of its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self, *, timeout_s: float) -> None:
        """Wait for it to do its work. Raises EmbeddedError if it could not."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGTERM, grace_s=5)
            raise EmbeddedError(
                f"{self.name} was not done in time: see {self.log}."
            ) from None
        if code:
            raise EmbeddedError(
                f"{self.name} failed: {self.last_words()} (all of it in {self.log})"
            )


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
