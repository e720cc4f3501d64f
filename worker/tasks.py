"""When to try, when to try again, what to record. Safe to deliver twice."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from predictions.images.errors import (
    DecodeCrashedError,
    ImageChildError,
    ImageError,
    StoreFullError,
)
from predictions.models import Analysis
from predictions.models.job import HEARTBEAT_S, MAX_ATTEMPTS
from predictions.services import analyses
from predictions.services.analyses import (
    Answer,
    StaleAnswerError,
    UnknownModelVersionError,
)
from predictions.services.storage import store
from serving.client import ServingClient
from serving.errors import (
    ServingBrokenError,
    ServingRejectedError,
    ServingUnreachableError,
    ServingVersionGoneError,
)
from worker import pipeline, queue
from worker.app import app
from worker.requests import Doorbell

if TYPE_CHECKING:
    from celery import Task

logger = logging.getLogger(__name__)
T = TypeVar("T")

# From the second break on, an image is asked about alone: see `asking`.
ALONE_FROM_BREAKS = 2
ASKING_LOCK = 0x68697374  # One number for the installation: "hist".
ASKING_WAIT = "60s"
DATABASE_PATIENCE_S = 25  # Less than a lease: after that the row is another's.

BROKE_OFF = (
    "The model server broke off {attempts} times while it was asked about this image. "
    "Ask again; if it happens again, tell your administrator this number: {number}."
)
READER_BROKE = (
    "Reading this image broke the image reader {attempts} times. Export it again and "
    "upload the new file."
)
TOOK_TOO_LONG = (
    "Analysing this image took longer than is allowed, {attempts} times. Upload a "
    "smaller field, or tell your administrator."
)
REJECTED = (
    "The model server refused this image ({why}). Tell your administrator: the image "
    "and the model do not fit each other."
)
CHANGED = (
    "The stored file is not the one that was uploaded. Tell your administrator to run "
    "manage.py check_integrity, and upload the image again."
)


@app.task(name=queue.ANALYSE, bind=True, Request=Doorbell)
def analyse(self: "Task[..., None]", analysis_id: str) -> None:
    """Claim, try, record. A doubled or late message finds nothing to claim."""
    held = Analysis.objects.claim(analysis_id)
    if held is None:
        return
    with Heartbeat(held):
        try:
            with asking(alone=held.breaks >= ALONE_FROM_BREAKS):
                serving = _serving(settings.SERVING_ADDRESS, held.model_name)
                finding = pipeline.answer(_question(held), serving=serving)
            _record_finding(held, finding)
        except FREE as error:
            _give_back(held, error)
        except (ServingBrokenError, DecodeCrashedError, SoftTimeLimitExceeded) as error:
            _count(held, error)
        except (
            ServingRejectedError,
            ImageError,
            UnknownModelVersionError,
            pipeline.ImageChangedError,
        ) as error:
            _end(held, _reason(error))


# Nobody's fault, and soon over: the attempt does not count.
FREE = (
    ServingUnreachableError,
    ServingVersionGoneError,
    ImageChildError,
    StoreFullError,
    OSError,  # The disk is away: what is wrong with an image has names of its own.
    OperationalError,
    InterfaceError,
)


class Heartbeat(threading.Thread):
    """Extends the lease from within the task's own process, while it works.

    A killed or frozen process stops beating, and another takes the analysis up.
    """

    def __init__(self, held: Analysis) -> None:
        super().__init__(name=f"heartbeat {held.pk}", daemon=True)
        self._held = held
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(HEARTBEAT_S):
            try:
                if not Analysis.objects.beat(self._held):
                    logger.warning("analysis %s: no longer held", self._held.pk)
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


@contextmanager
def asking(*, alone: bool) -> Iterator[None]:
    """Hold the model server together with others, or alone.

    When it breaks, everything asked at that moment counts a break. What was asked
    alone is then known to be the cause, and its neighbours are spared.
    """
    kind = "" if alone else "_shared"
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [ASKING_WAIT])
        cursor.execute(f"SELECT pg_advisory_lock{kind}(%s)", [ASKING_LOCK])
    try:
        yield
    finally:
        _persist(lambda: _let_go(kind))


def _let_go(kind: str) -> None:
    """Where the connection broke meanwhile, the lock went with it."""
    if connection.connection is not None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_unlock{kind}(%s)", [ASKING_LOCK])


def _question(held: Analysis) -> pipeline.Question:
    image = held.image
    return pipeline.Question(
        path=store().local(image.stored_file),
        sha256=image.sha256_stored,
        width_px=image.width_px,
        height_px=image.height_px,
        spacing_um=image.spacing_um,
    )


@cache
def _serving(address: str, model_name: str) -> ServingClient:
    """One channel a process and model, made after the fork."""
    return ServingClient(
        address,
        model_name,
        timeout_s=30,  # A batch of tiles takes a second on two cores.
        connect_timeout_s=2,
    )


def _record_finding(held: Analysis, finding: pipeline.Finding) -> None:
    """Keep the heatmap, then write the answer; a stale one leaves nothing."""
    found = asdict(finding)
    png = found.pop("heatmap_png")
    heatmap_file = store().keep_bytes(png) if png else None
    answer = Answer(**found, heatmap_file=heatmap_file)
    try:
        _persist(lambda: analyses.record_answer(held=held, answer=answer))
    except (StaleAnswerError, UnknownModelVersionError) as error:
        # A COMMIT whose reply was cut looks stale when it is tried again.
        if _persist(lambda: analyses.was_answered_by(held)):
            return
        if heatmap_file is not None:
            store().drop(heatmap_file)
        if isinstance(error, UnknownModelVersionError):
            raise
        _say_if_late(held, written=False)


def _give_back(held: Analysis, error: Exception) -> None:
    """With jittered backoff; GIVE_UP_AFTER bounds it."""
    after_s = min(30.0, 0.5 * 2 ** min(held.given_back, 6))
    after_s *= random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret.
    logger.warning("analysis %s: given back: %s", held.pk, type(error).__name__)
    after = timedelta(seconds=after_s)
    written = _persist(lambda: analyses.give_back(held=held, after=after))
    _say_if_late(held, written=written)


def _count(held: Analysis, error: Exception) -> None:
    """An attempt that this image may have spoilt itself."""
    logger.warning(
        "analysis %s of image %s: attempt %s: %s",
        held.pk,
        held.image_id,
        held.attempt,
        type(error).__name__,
    )
    if isinstance(error, ServingBrokenError):
        _persist(lambda: Analysis.objects.count_break(held))
    if held.attempt < MAX_ATTEMPTS:
        after = timedelta(seconds=held.attempt)
        written = _persist(lambda: analyses.retry_later(held=held, after=after))
        _say_if_late(held, written=written)
        return
    words = {
        ServingBrokenError: BROKE_OFF,
        DecodeCrashedError: READER_BROKE,
    }.get(type(error), TOOK_TOO_LONG)
    _end(held, words.format(attempts=held.attempt, number=held.pk))


def _end(held: Analysis, reason: str) -> None:
    written = _persist(lambda: analyses.record_failure(held=held, reason=reason))
    _say_if_late(held, written=written)


def _say_if_late(held: Analysis, *, written: bool) -> None:
    if not written:
        logger.warning("analysis %s: a late write was refused", held.pk)


def _reason(error: Exception) -> str:
    if isinstance(error, ServingRejectedError):
        return REJECTED.format(why=error)
    if isinstance(error, pipeline.ImageChangedError):
        return CHANGED
    return error.message if isinstance(error, ImageError) else str(error)


def _persist(write: Callable[[], T]) -> T:
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
