"""From rows to messages, and the clock. Any number of these may run.

`manage.py dispatch`. Woken by NOTIFY, or every second. The queue holds a
handful only, so that the order is decided here and not by who came first.
"""

import logging
import select
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import Now, RowNumber
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from predictions.models import Analysis, Fetch, JobStatus
from predictions.models.job import GIVE_UP_AFTER, MAX_ATTEMPTS, Job, JobQuerySet
from predictions.services import analyses, fetches
from predictions.services.images import DOORBELL
from predictions.services.rates import forget_counters
from predictions.services.repeats import forget_repeats
from predictions.services.sign_in import forget_sessions
from predictions.services.storage import store
from worker import queue

logger = logging.getLogger(__name__)

# A message is lost, or its worker frozen, when nobody claimed within this time.
RING_AGAIN_AFTER = timedelta(seconds=15)
TURN_S = 1.0
# What a killed process was receiving: an hour is longer than any upload may take.
SWEEP_EVERY_S = 600
ABANDONED_AFTER_S = 3600
AWAY = (OperationalError, InterfaceError, BrokerError, RedisError, OSError)

# A fetch waits for somebody else's server: no laboratory's may hold up the others'.
FETCHES_IN_FLIGHT = 2

LAPSED = (
    "The program analysing this image stopped {attempts} times in a row. The image may "
    "be what stops it. Export it again, upload it anew, or tell your administrator."
)
WAITED = (
    "No answer could be had within {hours} hours: the model server or its workers were "
    "away. Ask again once your administrator has them running."
)
FETCH_LAPSED = (
    "The program fetching this image stopped {attempts} times in a row. Download the "
    "image yourself and upload it, or tell your administrator."
)
FETCH_WAITED = (
    "This could not be fetched within {hours} hours: the workers or the disk were "
    "away. Ask again once your administrator has them running."
)

JobT = TypeVar("JobT", bound=Job)


@dataclass(frozen=True)
class Line(Generic[JobT]):
    """One kind of job, waiting for workers."""

    task: str
    rows: Callable[[], JobQuerySet[JobT]]
    priority: str  # The lookup path of it.
    lapsed: str
    waited: str
    fail_overdue: Callable[[JobT, str], bool]
    # Of one laboratory, how many may be running or rung for at a time.
    in_flight: int | None = None

    @property
    def laboratory(self) -> str:
        return self.rows().laboratory_path


ANALYSES = Line(
    queue.ANALYSE,
    Analysis.objects.all,
    priority="priority",
    lapsed=LAPSED,
    waited=WAITED,
    fail_overdue=lambda analysis, reason: analyses.fail_overdue(
        analysis=analysis, reason=reason
    ),
)
FETCHES = Line(
    queue.FETCH,
    Fetch.objects.all,
    priority="case__priority",
    lapsed=FETCH_LAPSED,
    waited=FETCH_WAITED,
    fail_overdue=lambda fetch, reason: fetches.fail_overdue(fetch=fetch, reason=reason),
    in_flight=FETCHES_IN_FLIGHT,
)


class Dispatcher:
    """Publishes what is due, while it runs."""

    def __init__(self, *, slots: int) -> None:
        self._target = 2 * slots
        self._fetching = max(1, slots // 2)  # The others are for analyses.
        self._stopping = False
        self._listening_on: Any = None
        self._swept_at = -float(SWEEP_EVERY_S)

    def run(self) -> None:
        while not self._stopping:
            try:
                self.turn()
                self._wait()
            except AWAY as error:
                logger.warning("database or queue away: %s", type(error).__name__)
                connection.close()
                time.sleep(TURN_S)

    def stop(self, signum: int, frame: FrameType | None) -> None:
        self._stopping = True

    def turn(self) -> None:
        """End what is overdue; fill the queue up."""
        for line in (ANALYSES, FETCHES):
            fail_overdue(line)
        if time.monotonic() - self._swept_at > SWEEP_EVERY_S:
            self._swept_at = time.monotonic()
            store().sweep_parts(older_than_s=ABANDONED_AFTER_S)
            forget_counters()
            forget_repeats()
            forget_sessions()
        room = self._target - queue.waiting()
        if room > 0:
            ring(FETCHES, take_due(FETCHES, limit=self._fetching - _busy(FETCHES)))
            ring(ANALYSES, take_due(ANALYSES, limit=room))

    def _wait(self) -> None:
        """Sleep until somebody rings, a second at most."""
        connection.ensure_connection()
        raw: Any = connection.connection  # psycopg2's own: it knows notifications.
        if raw is not self._listening_on:  # The first time, or after a reconnection.
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {DOORBELL}")
            self._listening_on = raw
            return
        with connection.wrap_database_errors:  # Ours to read from, as Django would.
            if not raw.notifies:  # A query of this turn may have brought one along.
                select.select([raw], [], [], TURN_S)
                raw.poll()
            raw.notifies.clear()


def take_due(line: Line[Any], *, limit: int) -> Sequence[UUID]:
    """Choose what to ring for, and push its next time forward.

    By priority, then fairly: a laboratory's n-th waiting job stands behind another's
    (n-1)-th, those in flight (rung for, or running) counted; then by age.
    """
    if limit <= 0:
        return []
    in_flight = _in_flight(line)
    with transaction.atomic():
        waiting = [
            Waiting(job, priority, laboratory, place + in_flight.get(laboratory, 0), at)
            for job, priority, laboratory, place, at in _next(line, limit)
        ]
        chosen = sorted(
            (job for job in waiting if job.place <= (line.in_flight or job.place)),
            key=lambda job: (job.priority, job.place, job.since),
        )[:limit]
        # Locked and looked at again: another dispatcher may have been here.
        taken = (
            line.rows()
            .due()
            .filter(pk__in=[job.pk for job in chosen])
            .select_for_update(skip_locked=True)
            .values_list("pk", flat=True)
        )
        ids = set(taken)
        _ring_at(line, ids, Now() + RING_AGAIN_AFTER)
    return [job.pk for job in chosen if job.pk in ids]


@dataclass(frozen=True)
class Waiting:
    """A due job; its place in its laboratory, behind those in flight."""

    pk: UUID
    priority: int
    laboratory: UUID
    place: int
    since: datetime


def _busy(line: Line[Any]) -> int:
    return sum(_in_flight(line).values())


def _in_flight(line: Line[Any]) -> dict[UUID, int]:
    """By laboratory: how many are running, or rung for."""
    running = Q(status=JobStatus.RUNNING, lease_until__gte=Now())
    rung = Q(status=JobStatus.ACCEPTED, next_at__gt=Now())
    return dict(
        line.rows()
        .filter(running | rung)
        .order_by()
        .values_list(line.laboratory)
        .annotate(count=Count("pk"))
    )


def _next(line: Line[Any], limit: int) -> Iterable[tuple[Any, ...]]:
    """(job, priority, laboratory, place in its laboratory, since when)."""
    return (
        line.rows()
        .due()
        .annotate(
            laboratory=F(line.laboratory),
            place=Window(
                RowNumber(),
                partition_by=F(line.laboratory),
                order_by=[line.priority, "created_at"],
            ),
        )
        .filter(place__lte=limit)
        .values_list("pk", line.priority, "laboratory", "place", "created_at")
    )


def _ring_at(line: Line[Any], ids: Iterable[UUID], at: Any) -> None:
    line.rows().filter(pk__in=ids).update(next_at=at)


def ring(line: Line[Any], job_ids: Sequence[UUID]) -> None:
    """Publish; what could not be published is due again at once."""
    for position, job_id in enumerate(job_ids):
        try:
            queue.publish(line.task, job_id)
        except AWAY:
            _ring_at(line, job_ids[position:], Now())
            raise


def fail_overdue(line: Line[Any]) -> None:
    """The clock: no attempt left, or too long in the queue."""
    overdue = (
        line.rows().lapsed_for_good() | line.rows().waiting_in_vain()
    ).select_related(line.laboratory)
    for job in overdue[:100]:
        if job.attempt >= MAX_ATTEMPTS:
            reason = line.lapsed.format(attempts=job.attempt)
        else:
            reason = line.waited.format(
                hours=int(GIVE_UP_AFTER.total_seconds() // 3600)
            )
        line.fail_overdue(job, reason)
