"""Who looked at what: on the trail once per person and subject in a while.

A list is on the trail each time: what was on it changes.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import Laboratory
from predictions.services.audit import Entry, record_each, record_event
from predictions.services.rates import tally

# Leafing back and forth is one reading.
ONE_READING = timedelta(minutes=15)


@transaction.atomic
def record_reading(
    *, user: User, laboratory: Laboratory, subject: str, action: str = "image.read"
) -> bool:
    """Put on the trail that somebody opened it. False if that was said just now."""
    counted = tally(what=action, whom=f"{user.pk} {subject}", window=ONE_READING)
    if counted.count > 1:
        return False
    record_event(laboratory=laboratory, actor=user, action=action, subject=subject)
    return True


@transaction.atomic
def record_outsider_reading(
    *, user: User, laboratory: Laboratory, subject: str, action: str
) -> bool:
    """Put a superuser's look on the trail of a laboratory that is not theirs."""
    if Laboratory.objects.visible_to(user).filter(pk=laboratory.pk).exists():
        return False
    return record_reading(
        user=user, laboratory=laboratory, subject=subject, action=action
    )


@transaction.atomic
def record_outsider_list(*, user: User, model: str, rows: Mapping[UUID, int]) -> None:
    """Put a superuser's view of a list on the trail of each laboratory not theirs.

    model: whose list it was; rows: how many rows of it, by the laboratory's id.
    """
    own = Laboratory.objects.visible_to(user).values("pk")
    foreign = Laboratory.objects.filter(pk__in=rows).exclude(pk__in=own)
    entries = {
        laboratory: Entry(
            "list.read",
            f"laboratory:{laboratory.pk}",
            {"model": model, "rows": rows[laboratory.pk]},
        )
        for laboratory in foreign
    }
    if entries:
        record_each(actor=user, entries=entries)
