"""The audit trail: append an event, verify a chain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from predictions.models import AuditEvent, Laboratory
from predictions.models.audit import GENESIS


@dataclass(frozen=True)
class Entry:
    """What an event tells of. Ids and words, nothing identifying."""

    action: str
    subject: str
    detail: dict[str, object] = field(default_factory=dict)


def record_event(
    *,
    laboratory: Laboratory | None,
    actor: User | None,
    action: str,
    subject: str,
    detail: dict[str, object] | None = None,
) -> AuditEvent:
    """Append a link to the laboratory's chain (None: the installation's).

    Call it last in the transaction that does what it tells of: from here to COMMIT
    the chain is this transaction's alone. Raises outside of a transaction.
    """
    (event,) = record_events(
        laboratory=laboratory,
        actor=actor,
        entries=[Entry(action, subject, detail or {})],
    )
    return event


def record_events(
    *, laboratory: Laboratory | None, actor: User | None, entries: Sequence[Entry]
) -> list[AuditEvent]:
    """Append several links in one go, under the rules of one."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event needs its transaction.")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"audit:{laboratory.pk if laboratory else 'installation'}"],
        )
    last = AuditEvent.objects.chain(laboratory).last()
    events = []
    for entry in entries:
        last = _next_link(last, entry, laboratory=laboratory, actor=actor)
        events.append(last)
    return AuditEvent.objects.bulk_create(events)


def _next_link(
    last: AuditEvent | None,
    entry: Entry,
    *,
    laboratory: Laboratory | None,
    actor: User | None,
) -> AuditEvent:
    """An event after the last one, or the chain's first; unsaved."""
    event = AuditEvent(
        laboratory=laboratory,
        sequence=last.sequence + 1 if last else 1,
        actor_id=actor.pk if actor else None,
        actor=actor.get_username() if actor else "system",
        action=entry.action,
        subject=entry.subject,
        detail=entry.detail,
        at=timezone.now(),
        previous_hash=last.hash if last else GENESIS,
    )
    event.hash = event.expected_hash()
    return event


class BrokenLink(NamedTuple):
    """The first row of a chain that is not what was written."""

    laboratory: Laboratory | None
    sequence: int
    why: str


def verify_chains() -> Iterator[BrokenLink]:
    """Recompute every chain; yield each one's first broken link."""
    for laboratory in [None, *Laboratory.objects.all()]:
        broken = _verify_chain(laboratory)
        if broken:
            yield broken


class Head(NamedTuple):
    """The newest link of a chain: kept elsewhere, it tells when a tail is cut off."""

    laboratory: Laboratory | None
    sequence: int
    hash: str


def chain_heads() -> Iterator[Head]:
    """The newest link of every chain that has begun."""
    for laboratory in [None, *Laboratory.objects.all()]:
        last = AuditEvent.objects.chain(laboratory).last()
        if last:
            yield Head(laboratory, last.sequence, last.hash)


def _verify_chain(laboratory: Laboratory | None) -> BrokenLink | None:
    previous_hash = GENESIS
    events = AuditEvent.objects.chain(laboratory).iterator()
    for sequence, event in enumerate(events, start=1):
        if event.sequence != sequence:
            return BrokenLink(laboratory, sequence, "is missing")
        if event.previous_hash != previous_hash:
            return BrokenLink(laboratory, sequence, "does not follow the one before")
        if event.hash != event.expected_hash():
            return BrokenLink(laboratory, sequence, "was changed")
        previous_hash = event.hash
    return None
