"""When to try, when to try again, what to record. Safe to deliver twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import connection

from predictions.images.errors import DecodeCrashedError, ImageError
from predictions.models import Analysis
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
from worker import attempts, pipeline, queue
from worker.app import app
from worker.attempts import Attempt, Heartbeat, persist
from worker.requests import Doorbell

if TYPE_CHECKING:
    from celery import Task

# From the second break on, an image is asked about alone: see `asking`.
ALONE_FROM_BREAKS = 2
ASKING_LOCK = 0x68697374  # One number for the installation: "hist".
ASKING_WAIT = "60s"

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
    attempt = Attempt(held, analyses)
    with Heartbeat(held, Analysis.objects):
        try:
            with asking(alone=held.breaks >= ALONE_FROM_BREAKS):
                serving = _serving(settings.SERVING_ADDRESS, held.model_name)
                finding = pipeline.answer(_question(held), serving=serving)
            _record_finding(attempt, finding)
        except FREE as error:
            attempt.give_back(error)
        except (ServingBrokenError, DecodeCrashedError, SoftTimeLimitExceeded) as error:
            _count(attempt, error)
        except (
            ServingRejectedError,
            ImageError,
            UnknownModelVersionError,
            pipeline.ImageChangedError,
        ) as error:
            attempt.end(_reason(error))


# Nobody's fault, and soon over: the attempt does not count.
FREE = (*attempts.FREE, ServingUnreachableError, ServingVersionGoneError)


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
        persist(lambda: _let_go(kind))


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
        authority=settings.SERVING_AUTHORITY,
    )


def _record_finding(attempt: Attempt[Analysis], finding: pipeline.Finding) -> None:
    """Keep the heatmap, then write the answer; a stale one leaves nothing."""
    held = attempt.held
    found = asdict(finding)
    png = found.pop("heatmap_png")
    heatmap_file = store().keep_bytes(png) if png else None
    answer = Answer(**found, heatmap_file=heatmap_file)
    try:
        persist(lambda: analyses.record_answer(held=held, answer=answer))
    except (StaleAnswerError, UnknownModelVersionError) as error:
        # A COMMIT whose reply was cut looks stale when it is tried again.
        if persist(lambda: analyses.was_answered_by(held)):
            return
        if heatmap_file is not None:
            store().drop(heatmap_file)
        if isinstance(error, UnknownModelVersionError):
            raise
        attempt.say_late()


def _count(attempt: Attempt[Analysis], error: Exception) -> None:
    """An attempt that this image may have spoilt itself."""
    if isinstance(error, ServingBrokenError):
        persist(lambda: Analysis.objects.count_break(attempt.held))
    words = {
        ServingBrokenError: BROKE_OFF,
        DecodeCrashedError: READER_BROKE,
    }.get(type(error), TOOK_TOO_LONG)
    attempt.count(error, wait=timedelta(seconds=1), last_words=words)


def _reason(error: Exception) -> str:
    if isinstance(error, ServingRejectedError):
        return REJECTED.format(why=error)
    if isinstance(error, pipeline.ImageChangedError):
        return CHANGED
    return error.message if isinstance(error, ImageError) else str(error)
