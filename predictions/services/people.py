"""Who comes to a laboratory, as what, and who may not any more.

Only an active administrator of the laboratory, or a superuser, decides. Each decision
holds the laboratory's row, so that two of them cannot cross: of two administrators
who disable each other, one is too late.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from predictions.models import Invitation, Laboratory, Membership, Role
from predictions.services.audit import record_event
from predictions.services.errors import ConflictError, NotAllowedError, ServiceError
from predictions.services.keys import digest, make_secret
from predictions.services.laboratories import require_administrator
from predictions.services.rates import spend
from predictions.services.words import check_words

INVITATION_LIFE = timedelta(days=7)
NOTE_LENGTH = 120


class InvitationGoneError(ServiceError):
    """Used, withdrawn, expired or never there: nobody is told which."""

    status = 404
    code = "invitation_gone"
    title = "This invitation does not work"

    def __init__(self) -> None:
        super().__init__(
            "An invitation works once, and for seven days. Ask the administrator who "
            "sent it for a new one."
        )


class UnfitAccountError(ServiceError):
    """A name or a password that cannot be taken; `field` says which."""

    code = "unfit_account"
    title = "This account cannot be made"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field)
        self.field = field


@transaction.atomic
def invite(
    *, laboratory: Laboratory, role: Role, note: str, invited_by: User
) -> tuple[Invitation, str]:
    """Offer a role. The second value is the link's secret: shown now, never again.

    note: for whom it is; for the laboratory's administrators only. Raises
    WordsRefusedError.
    """
    _hold(laboratory, acting=invited_by)
    secret = make_secret()
    invitation = Invitation.objects.create(
        laboratory=laboratory,
        role=role,
        note=check_words(note, what="For whom", least=1, most=NOTE_LENGTH),
        sha256=digest(secret),
        invited_by=invited_by,
        expires_at=timezone.now() + INVITATION_LIFE,
    )
    record_event(
        laboratory=laboratory,
        actor=invited_by,
        action="invitation.make",
        subject=f"invitation:{invitation.pk}",
        detail={"role": role},
    )
    return invitation, secret


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, revoked_by: User) -> None:
    """Make a link useless, if it still is of use."""
    laboratory = _hold(invitation.laboratory, acting=revoked_by)
    waiting = Invitation.objects.open().filter(pk=invitation.pk)
    if waiting.update(revoked_at=timezone.now()):
        record_event(
            laboratory=laboratory,
            actor=revoked_by,
            action="invitation.revoke",
            subject=f"invitation:{invitation.pk}",
        )


def look_at_invitation(*, secret: str, address: str) -> Invitation:
    """For somebody who holds a link. Raises InvitationGoneError, TooManyError."""
    spend(
        what="invitation",
        whom=address,
        limit=settings.SIGN_INS_PER_ADDRESS,
        window=timedelta(seconds=settings.SIGN_IN_WINDOW_S),
    )
    return find_invitation(secret=secret)


def find_invitation(*, secret: str) -> Invitation:
    """The open invitation with this secret. Raises InvitationGoneError."""
    waiting = Invitation.objects.open().select_related("laboratory", "invited_by")
    invitation = waiting.filter(sha256=digest(secret)).first()
    if invitation is None:
        raise InvitationGoneError
    return invitation


@transaction.atomic
def accept_invitation(*, secret: str, user: User) -> Membership:
    """Use an invitation up. Raises InvitationGoneError.

    Raises ConflictError, and leaves the invitation as it is, for somebody who belongs
    to the laboratory already: a link neither changes a role nor undoes a disabling.
    """
    invitation = find_invitation(secret=secret)
    waiting = Invitation.objects.open().filter(pk=invitation.pk)
    if not waiting.update(accepted_at=timezone.now(), accepted_by=user):
        raise InvitationGoneError
    membership, is_new = Membership.objects.get_or_create(
        laboratory=invitation.laboratory,
        user=user,
        defaults={"role": invitation.role},
    )
    if not is_new:
        raise ConflictError(
            f"You belong to {invitation.laboratory} already. Ask one of its "
            "administrators if your role should change."
        )
    record_event(
        laboratory=invitation.laboratory,
        actor=user,
        action="invitation.accept",
        subject=f"invitation:{invitation.pk}",
        detail={"role": invitation.role, "member": f"user:{user.pk}"},
    )
    return membership


@transaction.atomic
def join_by_invitation(*, secret: str, username: str, password: str) -> User:
    """Make an account and use an invitation up with it: the only way to register.

    Raises InvitationGoneError, UnfitAccountError.
    """
    find_invitation(secret=secret)  # Nobody learns of names without a link.
    name = User.normalize_username(username)
    user = User(username=name)
    _check_account(user, password)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise _name_taken() from error
    accept_invitation(secret=secret, user=user)
    return user


@transaction.atomic
def change_role(*, membership: Membership, role: Role, changed_by: User) -> Membership:
    """Give a member another role."""
    laboratory = _hold(membership.laboratory, acting=changed_by)
    held = _not_oneself(membership, changed_by)
    if held.role == role:
        return held
    if role != Role.ADMINISTRATOR:
        _not_the_last(held)
    before, held.role = held.role, role
    held.save(update_fields=["role"])
    _end_invitations(held, ended_by=changed_by)
    record_event(
        laboratory=laboratory,
        actor=changed_by,
        action="membership.set",
        subject=f"user:{held.user_id}",
        detail={"role": role, "before": before},
    )
    return held


@transaction.atomic
def disable_member(*, membership: Membership, disabled_by: User) -> Membership:
    """Hide the laboratory from a member, at once.

    Sessions and tokens of somebody who has no other laboratory end with it: see
    models.let_in. Links that the member sent out are withdrawn.
    """
    laboratory = _hold(membership.laboratory, acting=disabled_by)
    held = _not_oneself(membership, disabled_by)
    _not_the_last(held)
    if Membership.objects.active().filter(pk=held.pk).update(is_active=False):
        held.is_active = False
        _end_invitations(held, ended_by=disabled_by)
        record_event(
            laboratory=laboratory,
            actor=disabled_by,
            action="membership.disable",
            subject=f"user:{held.user_id}",
        )
    return held


@transaction.atomic
def enable_member(*, membership: Membership, enabled_by: User) -> Membership:
    """Let a disabled member in again, in the role of before."""
    laboratory = _hold(membership.laboratory, acting=enabled_by)
    held = _not_oneself(membership, enabled_by)
    if Membership.objects.filter(pk=held.pk, is_active=False).update(is_active=True):
        held.is_active = True
        record_event(
            laboratory=laboratory,
            actor=enabled_by,
            action="membership.enable",
            subject=f"user:{held.user_id}",
        )
    return held


def _hold(laboratory: Laboratory, *, acting: User) -> Laboratory:
    """Lock the laboratory for one decision about its people, then ask who decides."""
    locked = Laboratory.objects.select_for_update(no_key=True).get(pk=laboratory.pk)
    require_administrator(laboratory=locked, user=acting)
    return locked


def _not_oneself(membership: Membership, acting: User) -> Membership:
    """The membership as it is now, under the lock."""
    held = Membership.objects.select_related("user", "laboratory").get(pk=membership.pk)
    if held.user_id == acting.pk:
        raise NotAllowedError(
            "Nobody changes or disables themselves. Ask another administrator."
        )
    return held


def _not_the_last(held: Membership) -> None:
    """A laboratory without an administrator could not get one again by itself."""
    administrators = Membership.objects.administrators().filter(
        laboratory=held.laboratory_id
    )
    left = administrators.exclude(pk=held.pk)
    if administrators.filter(pk=held.pk).exists() and not left.exists():
        raise ConflictError(
            f"{held.user.get_username()} is the last administrator of "
            f"{held.laboratory}. Make somebody else one first."
        )


def _end_invitations(held: Membership, *, ended_by: User) -> None:
    """Somebody who may not invite any more may not come back by an own link."""
    if held.is_active and held.role == Role.ADMINISTRATOR:
        return
    sent = Invitation.objects.open().filter(
        laboratory=held.laboratory_id, invited_by=held.user_id
    )
    for invitation in sent:
        revoke_invitation(invitation=invitation, revoked_by=ended_by)


def _check_account(user: User, password: str) -> None:
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise UnfitAccountError(" ".join(error.messages), field="username") from error
    if User.objects.filter(username__iexact=user.username).exists():
        raise _name_taken()
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise UnfitAccountError(" ".join(error.messages), field="password") from error


def _name_taken() -> UnfitAccountError:
    return UnfitAccountError("This name is taken. Choose another.", field="username")
