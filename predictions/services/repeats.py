"""What may be sent twice and is done once: requests with an Idempotency-Key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from predictions.models import Repeat
from predictions.services.errors import ConflictError

FORGET_AFTER = timedelta(days=7)  # Longer than any program retries.

# A second one of the same key waits here until the first has committed or given up.
_BEGIN = """
INSERT INTO predictions_repeat (user_id, key, request_sha256, status, body, created_at)
VALUES (%s, %s, %s, 0, '{}', now())
ON CONFLICT (user_id, key) DO NOTHING
RETURNING id
"""


class KeyReusedError(ConflictError):
    """The Idempotency-Key was used before, for another request."""

    code = "idempotency_key_reused"
    title = "This key belongs to another request"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was sent before with another address or body. "
            "Nothing was done. Send a new key with each new request."
        )


@dataclass(frozen=True)
class Answer:
    """What a request is answered. `kept` is shown to its repeats: without secrets."""

    status: int
    body: Any
    kept: Any
    is_replayed: bool = False


@transaction.atomic
def answer_once(
    *, user: User, key: str, request_sha256: str, act: Callable[[], Answer]
) -> Answer:
    """Act and keep the answer, or give the answer that the key's first request had.

    All in one transaction: an `act` that raises leaves no trace, and may be repeated.
    Raises KeyReusedError, and whatever `act` raises.
    """
    repeat_id = _begin(user, key, request_sha256)
    if repeat_id is None:
        return _first_answer(user, key, request_sha256)
    answer = act()
    Repeat.objects.filter(pk=repeat_id).update(status=answer.status, body=answer.kept)
    return answer


def refuse_reuse(*, user: User, keys: list[str], request_sha256: str) -> None:
    """Raise KeyReusedError if one of the keys stands for another request."""
    known = Repeat.objects.filter(user=user, key__in=keys)
    if known.exclude(request_sha256=request_sha256).exists():
        raise KeyReusedError


def forget_repeats(*, now: datetime | None = None) -> int:
    """Drop the answers of keys that nobody sends any more. Says how many."""
    before = (now or timezone.now()) - FORGET_AFTER
    return Repeat.objects.filter(created_at__lt=before).delete()[0]


def _begin(user: User, key: str, request_sha256: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [user.pk, key, request_sha256])
        row: tuple[int] | None = cursor.fetchone()
    return row[0] if row else None


def _first_answer(user: User, key: str, request_sha256: str) -> Answer:
    first = Repeat.objects.get(user=user, key=key)
    if first.request_sha256 != request_sha256:
        raise KeyReusedError
    return Answer(first.status, first.body, first.body, is_replayed=True)
