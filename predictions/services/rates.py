"""How often something may be done: counted in PostgreSQL, for every process at once."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from predictions.models import Counter
from predictions.services.errors import ServiceError

FORGET_AFTER = timedelta(days=2)

# A window begins where the clock says, the same for every process.
_COUNT = """
INSERT INTO predictions_counter AS counter (key, began_at, count)
VALUES (%s, date_bin(make_interval(secs => %s), now(), 'epoch'), %s)
ON CONFLICT (key, began_at) DO UPDATE SET count = counter.count + excluded.count
RETURNING counter.count,
    extract(epoch FROM counter.began_at + make_interval(secs => %s) - now())
"""


class TooManyError(ServiceError):
    """Asking the same again helps, after `retry_after_s`."""

    status = 429
    code = "too_many"
    title = "Too often"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Tally:
    """What was counted in this window, and for how long it still runs."""

    count: int
    remaining_s: int


def tally(*, what: str, whom: object, window: timedelta, by: int = 1) -> Tally:
    """Count once more (by=0: only look) and tell how often it was in this window.

    One statement: parallel callers each get a count of their own.
    """
    key = hashlib.sha256(f"{what}\0{whom}".encode()).hexdigest()
    with connection.cursor() as cursor:
        window_s = window.total_seconds()
        cursor.execute(_COUNT, [key, window_s, by, window_s])
        count, remaining_s = cursor.fetchone()
    return Tally(count, max(1, math.ceil(remaining_s)))


def spend(*, what: str, whom: object, limit: int, window: timedelta) -> None:
    """Count once more; raise TooManyError beyond the limit."""
    counted = tally(what=what, whom=whom, window=window)
    if counted.count > limit:
        raise TooManyError(
            f"That was asked too often. Try again in {counted.remaining_s} s.",
            retry_after_s=counted.remaining_s,
        )


def forget_counters(*, now: datetime | None = None) -> int:
    """Drop the counts of windows that are long over. Says how many."""
    before = (now or timezone.now()) - FORGET_AFTER
    return Counter.objects.filter(began_at__lt=before).delete()[0]
