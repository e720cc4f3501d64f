"""The parent's hold on a decode child: start it, read from it with patience, end it."""

import importlib.util
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from predictions.images.errors import (
    REFUSALS,
    DecodeCrashedError,
    ImageChildError,
    ImageRefusedError,
    StoreFullError,
)
from predictions.images.lean import BOOT, HEADER_BYTES

PATIENCE_S = 30.0
_REPOSITORY = Path(__file__).resolve().parent.parent.parent


def _folders() -> str:
    """Where the child imports from: ours and Pillow's, nothing else."""
    pillow = importlib.util.find_spec("PIL")
    if pillow is None or pillow.origin is None:
        raise ImageChildError("Pillow is not installed")
    return f"{_REPOSITORY}:{Path(pillow.origin).parent.parent}"


class Child:
    """One child and its pipe. Leaving the `with` block ends it in any case.

    patience_s: how long it may keep us waiting, all waits together.
    """

    def __init__(
        self,
        job: str,
        image_format: str,
        files: Sequence[int],
        *,
        numbers: Sequence[int] = (),
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._patience_s = patience_s
        self._has_spoken = False
        with ExitStack() as theirs, ExitStack() as ours:
            try:
                self._pipe, stdout = os.pipe()
                theirs.callback(os.close, stdout)
                ours.callback(os.close, self._pipe)
                stdin = os.memfd_create("job")
                theirs.callback(os.close, stdin)
                os.write(stdin, " ".join(map(str, numbers)).encode("ascii"))
                os.lseek(stdin, 0, os.SEEK_SET)
                words = [job, image_format, *map(str, files)]
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", BOOT, _folders(), *words],
                    stdin=stdin,
                    stdout=stdout,
                    stderr=subprocess.DEVNULL,  # libtiff quotes from the file there.
                    pass_fds=files,
                    cwd="/",
                    env=_environment(),
                )
                ours.pop_all()
            except OSError as error:
                raise ImageChildError(f"could not start: {error}") from error

    def header(self) -> list[str]:
        """The words after "ok". Raises the error that the child's verdict names."""
        line = self.read(HEADER_BYTES).decode("ascii", "replace")
        verdict, *words = line.split() or ["nothing"]
        self._has_spoken = True
        if verdict == "ok":
            return words
        if verdict == "refused" and words and words[0] in REFUSALS:
            raise ImageRefusedError(words[0])
        if verdict == "full":
            raise StoreFullError
        if verdict == "unavailable":
            raise ImageChildError(" ".join(words))
        raise DecodeCrashedError(" ".join([verdict, *words]))

    def read(self, size: int) -> bytes:
        """Exactly this many bytes. Raises what the child's death or delay means."""
        buffer = bytearray(size)
        rest = memoryview(buffer)
        while rest:
            count = os.readv(self._ready(), [rest])
            if not count:
                raise self._death()
            rest = rest[count:]
        return bytes(buffer)

    def expect_end(self) -> None:
        """Nothing may follow. Raises DecodeCrashedError if something does."""
        if os.read(self._ready(), 1):
            raise DecodeCrashedError("the child wrote more than it was asked for")
        if self._wait():
            raise self._death()

    def _ready(self) -> int:
        """The pipe, once there is something to read from it."""
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        begun = time.monotonic()
        if self._patience_s <= 0 or not poll.poll(self._patience_s * 1000):
            raise ImageRefusedError("too_slow")
        self._patience_s -= time.monotonic() - begun
        return self._pipe

    def _wait(self) -> int:
        try:
            return self._process.wait(max(self._patience_s, 0.1))
        except subprocess.TimeoutExpired:
            raise ImageRefusedError("too_slow") from None

    def _death(self) -> Exception:
        """What the end of a child that had more to say means."""
        status = self._wait()
        if status == -signal.SIGXCPU:
            return ImageRefusedError("too_slow")
        if status < 0 or self._has_spoken:
            return DecodeCrashedError(f"ended early, with status {status}")
        return ImageChildError(f"ended before it began, with status {status}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._pipe)


def _environment() -> dict[str, str]:
    """Nothing of ours: it holds secrets. Only where a shared libpython may lie."""
    kept = ("LD_LIBRARY_PATH",)
    return {name: os.environ[name] for name in kept if name in os.environ}
