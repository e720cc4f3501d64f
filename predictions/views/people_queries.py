"""What the pages about people read."""

from datetime import date, datetime, time, timedelta

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from predictions.models import (
    ApiToken,
    AuditEvent,
    Invitation,
    Laboratory,
    Membership,
)


def known_laboratories(user: User) -> QuerySet[Laboratory]:
    """Those whose being there is no secret to the person."""
    if user.is_superuser:
        return Laboratory.objects.all()
    return Laboratory.objects.visible_to(user)


def administered_laboratories(user: User) -> QuerySet[Laboratory]:
    return Laboratory.objects.administered_by(user)


def members(laboratory: Laboratory) -> QuerySet[Membership]:
    """Who works there, then who did."""
    people = laboratory.memberships.select_related("user", "laboratory")
    return people.order_by("-is_active", "user__username")


def open_invitations(laboratory: Laboratory) -> QuerySet[Invitation]:
    waiting = Invitation.objects.open().filter(laboratory=laboratory)
    return waiting.select_related("invited_by", "laboratory")


def tokens(user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.of(user)


def actions(laboratory: Laboratory) -> list[str]:
    """What was ever done there, by name."""
    chain = AuditEvent.objects.filter(laboratory=laboratory).order_by("action")
    return list(chain.values_list("action", flat=True).distinct())


def events(
    laboratory: Laboratory,
    *,
    action: str = "",
    actor: str = "",
    subject: str = "",
    since: date | None = None,
    until: date | None = None,
) -> QuerySet[AuditEvent]:
    """The laboratory's trail, the newest first; each word given narrows.

    subject: as it is on record, or the id alone. since, until: days in the
    installation's time zone, both included.
    """
    found = AuditEvent.objects.chain(laboratory).order_by("-sequence")
    if action:
        found = found.filter(action=action)
    if actor:
        found = found.filter(actor=actor)
    if ":" in subject:
        found = found.filter(subject=subject)
    elif subject:
        found = found.filter(subject__endswith=f":{subject}")
    if since:
        found = found.filter(at__gte=_midnight(since))
    if until:
        found = found.filter(at__lt=_midnight(until + timedelta(days=1)))
    return found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
