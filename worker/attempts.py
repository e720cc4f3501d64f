"""What every attempt needs, whatever is tried: a heartbeat, and one of three ends."""

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from django.db import InterfaceError, OperationalError, connection

from predictions.images.errors import ImageChildError, StoreFullError
from predictions.models.job import HEARTBEAT_S, MAX_ATTEMPTS, Job

logger = logging.getLogger(__name__)
T = TypeVar("T")
JobT = TypeVar("JobT", bound=Job)
JobT_contra = TypeVar("JobT_contra", bound=Job, contravariant=True)

DATABASE_PATIENCE_S = 25  # Less than a lease: after that the row is another's.

# Nobody's fault, and soon over: the attempt does not count.
FREE = (
    ImageChildError,
    StoreFullError,
    OSError,  # The disk is away: what is wrong with an image has names of its own.
    OperationalError,
    InterfaceError,
)


class Rows(Protocol[JobT_contra]):
    """The rows of one kind of job."""

    def beat(self, held: JobT_contra) -> bool: ...


class Verbs(Protocol[JobT_contra]):
    """The room of services/ that ends an attempt of one kind of job."""

    def give_back(self, *, held: JobT_contra, after: timedelta) -> bool: ...

    def retry_later(self, *, held: JobT_contra, after: timedelta) -> bool: ...

    def record_failure(self, *, held: JobT_contra, reason: str) -> bool: ...


class Heartbeat(threading.Thread, Generic[JobT]):
    """Extends the lease from within the task's own process, while it works.

    A killed or frozen process stops beating, and another takes the job up.
    """

    def __init__(self, held: JobT, rows: Rows[JobT]) -> None:
        super().__init__(name=f"heartbeat {held.pk}", daemon=True)
        self._held = held
        self._rows = rows
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(HEARTBEAT_S):
            try:
                if not self._rows.beat(self._held):
                    logger.warning("%s: no longer held", name_of(self._held))
                    break
            except (OperationalError, InterfaceError):
                connection.close()  # The next beat connects anew.
        connection.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self.join()


class Attempt(Generic[JobT]):
    """A job that this worker holds, and how its attempt may end."""

    def __init__(self, held: JobT, verbs: Verbs[JobT]) -> None:
        self.held = held
        self._verbs = verbs

    def give_back(self, error: Exception) -> None:
        """With jittered backoff; GIVE_UP_AFTER bounds it."""
        after_s = min(30.0, 0.5 * 2 ** min(self.held.given_back, 6))
        after_s *= random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret.
        logger.warning("%s: given back: %s", name_of(self.held), type(error).__name__)
        after = timedelta(seconds=after_s)
        self._write(lambda: self._verbs.give_back(held=self.held, after=after))

    def count(self, error: Exception, *, wait: timedelta, last_words: str) -> None:
        """This attempt counts; the last one ends it, in these words.

        wait: before the second attempt; before the third twice that, and so on.
        """
        held = self.held
        logger.warning(
            "%s: attempt %s: %s", name_of(held), held.attempt, type(error).__name__
        )
        if held.attempt >= MAX_ATTEMPTS:
            self.end(last_words.format(attempts=held.attempt, number=held.pk))
            return
        after = wait * held.attempt
        self._write(lambda: self._verbs.retry_later(held=held, after=after))

    def end(self, reason: str) -> None:
        """No attempt more: asking again cannot help."""
        self._write(lambda: self._verbs.record_failure(held=self.held, reason=reason))

    def _write(self, write: Callable[[], bool]) -> None:
        if not persist(write):
            self.say_late()

    def say_late(self) -> None:
        logger.warning("%s: a late write was refused", name_of(self.held))


def name_of(job: Job) -> str:
    """For the log: nothing but the id."""
    return f"{type(job).__name__.lower()} {job.pk}"


def persist(write: Callable[[], T]) -> T:
    """Write, and wait for PostgreSQL to come back if it is away."""
    give_up_at = time.monotonic() + DATABASE_PATIENCE_S
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.5)
