"""Who looked at what: on the trail once per person and subject in a while."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import Laboratory
from predictions.services.audit import record_event
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
