"""Keys for programs: issued once, found by hash, revoked."""

from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from predictions.models import ApiToken, Scope
from predictions.services.audit import record_event
from predictions.services.errors import NotAllowedError, ServiceError
from predictions.services.keys import digest, make_secret

PREFIX = "histo_"  # So that secret scanners can name a leaked one.
DEFAULT_LIFE = timedelta(days=90)
MAX_LIFE = timedelta(days=366)
DEFAULT_SCOPES = (Scope.READ, Scope.WRITE)


class UnusableTokenError(ServiceError):
    """A token that could do nothing, or for too long."""

    code = "unusable_token"


@transaction.atomic
def issue_token(
    *,
    user: User,
    name: str,
    scopes: Sequence[Scope] = DEFAULT_SCOPES,
    life: timedelta = DEFAULT_LIFE,
) -> tuple[ApiToken, str]:
    """Make a token. The second value is the secret: shown now, never again.

    Raises UnusableTokenError.
    """
    chosen = [scope for scope in Scope if scope in scopes]
    if not chosen:
        raise UnusableTokenError("Choose at least one thing that the token may do.")
    if not timedelta() < life <= MAX_LIFE:
        raise UnusableTokenError(f"A token lives from 1 to {MAX_LIFE.days} days.")
    secret = make_secret(prefix=PREFIX)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        sha256=digest(secret),
        scopes=chosen,
        expires_at=timezone.now() + life,
    )
    record_event(
        laboratory=None,
        actor=user,
        action="token.issue",
        subject=f"token:{token.pk}",
        detail={"scopes": chosen, "days": life.days},
    )
    return token, secret


@transaction.atomic
def revoke_token(*, token: ApiToken, revoked_by: User) -> None:
    """End a token at once. Its owner may, and a superuser: else NotAllowedError."""
    if token.user_id != revoked_by.pk and not revoked_by.is_superuser:
        raise NotAllowedError("A token is its owner's to revoke.")
    revoked = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
    if revoked.update(revoked_at=timezone.now()):
        record_event(
            laboratory=None,
            actor=revoked_by,
            action="token.revoke",
            subject=f"token:{token.pk}",
        )


def find_token(*, secret: str) -> ApiToken | None:
    """The usable token with this secret, and its user. That it was used is noted."""
    tokens = ApiToken.objects.usable().select_related("user")
    token = tokens.filter(sha256=digest(secret)).first()
    if token is not None:
        _note_use(token)
    return token


def _note_use(token: ApiToken) -> None:
    """To the hour: one write in an hour, however often a program asks."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    if token.last_used_at is not None and token.last_used_at >= hour:
        return
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=hour)
    ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=hour)
    token.last_used_at = hour
