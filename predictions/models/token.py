"""Keys for programs."""

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from predictions.models.laboratory import let_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Scope(models.TextChoices):
    """What a token may do, within what its owner may."""

    READ = "read", "Read cases, images and answers"
    WRITE = "write", "Open cases, upload, ask again, correct"
    REVIEW = "review", "Review answers"
    ADMINISTER = "administer", "Manage members, settings and audit"


def default_scopes() -> list[str]:
    return [Scope.READ, Scope.WRITE]


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> "ApiTokenQuerySet":
        """Neither revoked nor expired, and of somebody who is let in."""
        return self.filter(
            Q(expires_at__gt=Now()), let_in("user__"), revoked_at__isnull=True
        )

    def of(self, user: "User") -> "ApiTokenQuerySet":
        """The person's own, whatever became of them."""
        return self.filter(user=user)


class ApiToken(models.Model):
    """A bearer token of the API. Only its SHA-256 is kept: it is shown once.

    The token is 256 random bits, so that a fast hash is enough.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=64, help_text="What it is for.")
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=16, choices=Scope), default=default_scopes
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the hour.")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.user})"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()
