"""Laboratories and who belongs to them."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum

from predictions.models import Image, Laboratory, Membership, Role
from predictions.services.audit import record_event
from predictions.services.errors import NotAllowedError
from predictions.services.hosts import tidy_hosts

UPLOADERS = (Role.TECHNICIAN, Role.PATHOLOGIST)
READERS = (Role.PATHOLOGIST,)  # Who reviews answers.
KEEPERS = (Role.PATHOLOGIST, Role.ADMINISTRATOR)  # Of the bytes as they were sent.
ADMINISTRATORS = (Role.ADMINISTRATOR,)
_ARTICLES = {
    Role.TECHNICIAN: "a technician",
    Role.PATHOLOGIST: "a pathologist",
    Role.ADMINISTRATOR: "an administrator",
}


@transaction.atomic
def create_laboratory(
    *,
    name: str,
    created_by: User | None = None,
    default_spacing_um: float | None = None,
    quota_bytes: int | None = None,
) -> Laboratory:
    """Found a laboratory; its audit chain begins."""
    laboratory = Laboratory(name=name, default_spacing_um=default_spacing_um)
    if quota_bytes is not None:
        laboratory.quota_bytes = quota_bytes
    laboratory.save(force_insert=True)
    record_event(
        laboratory=laboratory,
        actor=created_by,
        action="laboratory.create",
        subject=f"laboratory:{laboratory.pk}",
    )
    return laboratory


@transaction.atomic
def change_laboratory(
    *, laboratory: Laboratory, changed_by: User, names: list[str]
) -> None:
    """Save these fields of a laboratory, if any.

    Raises NotAllowedError, HostRefusedError.
    """
    require_administrator(laboratory=laboratory, user=changed_by)
    if not names:
        return
    if "fetch_hosts" in names:
        laboratory.fetch_hosts = tidy_hosts(laboratory.fetch_hosts)
    laboratory.save(update_fields=names)
    record_event(
        laboratory=laboratory,
        actor=changed_by,
        action="laboratory.change",
        subject=f"laboratory:{laboratory.pk}",
        detail={name: getattr(laboratory, name) for name in names},
    )


@transaction.atomic
def add_member(
    *, laboratory: Laboratory, user: User, role: Role, added_by: User | None = None
) -> Membership:
    """Give a person a role in a laboratory, or another one than before."""
    membership, _ = Membership.objects.update_or_create(
        laboratory=laboratory, user=user, defaults={"role": role}
    )
    record_event(
        laboratory=laboratory,
        actor=added_by,
        action="membership.set",
        subject=f"user:{user.pk}",
        detail={"role": role},
    )
    return membership


def require_role(
    *, laboratory: Laboratory, user: User, roles: tuple[Role, ...]
) -> None:
    """Raise NotAllowedError unless the person has one of the roles there."""
    allowed = Membership.objects.of(user).filter(laboratory=laboratory, role__in=roles)
    if not allowed.exists():
        words = " or ".join(_ARTICLES[role] for role in roles)
        raise NotAllowedError(f"Ask {words} of {laboratory} to do this.")


def require_administrator(*, laboratory: Laboratory, user: User) -> None:
    """Raise NotAllowedError unless the person looks after the laboratory."""
    mine = Laboratory.objects.administered_by(user).filter(pk=laboratory.pk)
    if not mine.exists():
        raise NotAllowedError(f"Ask an administrator of {laboratory} to do this.")


def storage_used(*, laboratory: Laboratory) -> int:
    """Bytes of the laboratory's files, as its quota counts them."""
    kept = Image.objects.kept().filter(case__laboratory=laboratory)
    return kept.aggregate(total=Sum("size_bytes"))["total"] or 0
