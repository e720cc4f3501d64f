"""Keys for programs: issued once, found by hash, revoked."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from predictions.models import ApiToken
from predictions.services.audit import record_event

PREFIX = "histo_"  # So that secret scanners can name a leaked one.
DEFAULT_LIFE = timedelta(days=90)


@transaction.atomic
def issue_token(
    *, user: User, name: str, life: timedelta = DEFAULT_LIFE
) -> tuple[ApiToken, str]:
    """Make a token. The second value is the secret: shown now, never again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user, name=name, sha256=_digest(secret), expires_at=timezone.now() + life
    )
    record_event(
        laboratory=None, actor=user, action="token.issue", subject=f"token:{token.pk}"
    )
    return token, secret


@transaction.atomic
def revoke_token(*, token: ApiToken, revoked_by: User) -> None:
    """End a token at once."""
    revoked = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
    if revoked.update(revoked_at=timezone.now()):
        record_event(
            laboratory=None,
            actor=revoked_by,
            action="token.revoke",
            subject=f"token:{token.pk}",
        )


def find_token(*, secret: str) -> ApiToken | None:
    """The usable token with this secret, and its user."""
    tokens = ApiToken.objects.usable().select_related("user")
    return tokens.filter(sha256=_digest(secret)).first()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("latin-1", "replace")).hexdigest()
