"""The audit trail: append an event, verify a chain."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import OuterRef, Subquery
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
    _hold([laboratory])
    last = AuditEvent.objects.chain(laboratory).last()
    events = []
    for entry in entries:
        last = _next_link(last, entry, laboratory=laboratory, actor=actor)
        events.append(last)
    return AuditEvent.objects.bulk_create(events)


def record_each(
    *, actor: User | None, entries: Mapping[Laboratory, Entry]
) -> list[AuditEvent]:
    """Append one link to each of several chains, under the rules of one.

    As many queries as for one chain.
    """
    _hold(entries)
    newest = AuditEvent.objects.filter(laboratory=OuterRef("pk")).order_by("-sequence")
    chains = Laboratory.objects.filter(pk__in=[lab.pk for lab in entries])
    lasts = {
        event.laboratory_id: event
        for event in AuditEvent.objects.filter(
            pk__in=chains.annotate(newest=Subquery(newest.values("pk")[:1])).values(
                "newest"
            )
        )
    }
    return AuditEvent.objects.bulk_create(
        [
            _next_link(lasts.get(lab.pk), entry, laboratory=lab, actor=actor)
            for lab, entry in entries.items()
        ]
    )


def _hold(laboratories: Iterable[Laboratory | None]) -> None:
    """Make these chains the transaction's own; in one order, so that none waits in a
    circle.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("An event needs its transaction.")
    chains = sorted(str(lab.pk) if lab else "installation" for lab in laboratories)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(chain, 0)) "
            "FROM unnest(%s::text[]) AS chain",
            [[f"audit:{chain}" for chain in chains]],
        )


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


class Tail(NamedTuple):
    """How the newest links of a chain are: `broken` is None where all is well."""

    head: Head
    checked: int
    broken: BrokenLink | None


def check_tail(*, laboratory: Laboratory | None, most: int = 100) -> Tail | None:
    """Recompute a chain's newest links; None where it has not begun.

    `verify_chains` does all of it, and takes as long as a chain is.
    """
    newest = list(AuditEvent.objects.chain(laboratory).reverse()[: most + 1])[::-1]
    if not newest:
        return None
    head = Head(laboratory, newest[-1].sequence, newest[-1].hash)
    before = newest.pop(0) if len(newest) > most else None
    return Tail(head, len(newest), _verify_links(laboratory, newest, after=before))


def _verify_chain(laboratory: Laboratory | None) -> BrokenLink | None:
    events = AuditEvent.objects.chain(laboratory).iterator()
    return _verify_links(laboratory, events, after=None)


def _verify_links(
    laboratory: Laboratory | None,
    events: Iterable[AuditEvent],
    *,
    after: AuditEvent | None,
) -> BrokenLink | None:
    previous_hash = after.hash if after else GENESIS
    first = after.sequence + 1 if after else 1
    for sequence, event in enumerate(events, start=first):
        if event.sequence != sequence:
            return BrokenLink(laboratory, sequence, "is missing")
        if event.previous_hash != previous_hash:
            return BrokenLink(laboratory, sequence, "does not follow the one before")
        if event.hash != event.expected_hash():
            return BrokenLink(laboratory, sequence, "was changed")
        previous_hash = event.hash
    return None
