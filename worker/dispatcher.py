"""From rows to messages, and the clock. Any number of these may run.

`manage.py dispatch`. Woken by NOTIFY, or every second. The queue holds a
handful only, so that the order is decided here and not by who came first.
"""

import logging
import select
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from types import FrameType
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import Now, RowNumber
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from predictions.models import Analysis, JobStatus
from predictions.models.job import GIVE_UP_AFTER, MAX_ATTEMPTS
from predictions.services import analyses
from predictions.services.images import DOORBELL
from predictions.services.rates import forget_counters
from predictions.services.repeats import forget_repeats
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

LAPSED = (
    "The program analysing this image stopped {attempts} times in a row. The image may "
    "be what stops it. Export it again, upload it anew, or tell your administrator."
)
WAITED = (
    "No answer could be had within {hours} hours: the model server or its workers were "
    "away. Ask again once your administrator has them running."
)


class Dispatcher:
    """Publishes what is due, while it runs."""

    def __init__(self, *, slots: int) -> None:
        self._target = 2 * slots
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
        fail_overdue()
        if time.monotonic() - self._swept_at > SWEEP_EVERY_S:
            self._swept_at = time.monotonic()
            store().sweep_parts(older_than_s=ABANDONED_AFTER_S)
            forget_counters()
            forget_repeats()
        room = self._target - queue.waiting()
        if room > 0:
            ring(take_due(limit=room))

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


def take_due(*, limit: int) -> Sequence[UUID]:
    """Choose what to ring for, and push its next time forward.

    By priority, then fairly: a laboratory's n-th waiting analysis stands behind
    another's (n-1)-th, those in flight (rung for, or running) counted; then by age.
    """
    in_flight = _in_flight()
    with transaction.atomic():
        chosen = sorted(
            _next_in_each_laboratory(limit),
            key=lambda row: (row[1], row[3] + in_flight.get(row[2], 0), row[4]),
        )[:limit]
        # Locked and looked at again: another dispatcher may have been here.
        taken = (
            Analysis.objects.due()
            .filter(pk__in=[row[0] for row in chosen])
            .select_for_update(skip_locked=True)
            .values_list("pk", flat=True)
        )
        ids = set(taken)
        Analysis.objects.filter(pk__in=ids).update(next_at=Now() + RING_AGAIN_AFTER)
    return [row[0] for row in chosen if row[0] in ids]


def _in_flight() -> dict[UUID, int]:
    """By laboratory: how many are running, or rung for."""
    running = Q(status=JobStatus.RUNNING, lease_until__gte=Now())
    rung = Q(status=JobStatus.ACCEPTED, next_at__gt=Now())
    return dict(
        Analysis.objects.filter(running | rung)
        .order_by()
        .values_list("image__case__laboratory")
        .annotate(count=Count("pk"))
    )


def _next_in_each_laboratory(
    limit: int,
) -> Iterable[tuple[UUID, int, UUID, int, datetime]]:
    """(analysis, priority, laboratory, turn in its laboratory, since when)."""
    return (
        Analysis.objects.due()
        .annotate(
            laboratory=F("image__case__laboratory"),
            turn=Window(
                RowNumber(),
                partition_by=F("image__case__laboratory"),
                order_by=["priority", "created_at"],
            ),
        )
        .filter(turn__lte=limit)
        .values_list("pk", "priority", "laboratory", "turn", "created_at")
    )


def ring(analysis_ids: Sequence[UUID]) -> None:
    """Publish; what could not be published is due again at once."""
    for position, analysis_id in enumerate(analysis_ids):
        try:
            queue.publish(analysis_id)
        except AWAY:
            unsent = analysis_ids[position:]
            Analysis.objects.filter(pk__in=unsent).update(next_at=Now())
            raise


def fail_overdue() -> None:
    """The clock: no attempt left, or too long in the queue."""
    overdue = (
        Analysis.objects.lapsed_for_good() | Analysis.objects.waiting_in_vain()
    ).select_related("image__case__laboratory")
    for analysis in overdue[:100]:
        if analysis.attempt >= MAX_ATTEMPTS:
            reason = LAPSED.format(attempts=analysis.attempt)
        else:
            reason = WAITED.format(hours=int(GIVE_UP_AFTER.total_seconds() // 3600))
        analyses.fail_overdue(analysis=analysis, reason=reason)
