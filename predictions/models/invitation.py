"""How a person comes to a laboratory: by a link that works once."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from predictions.models.laboratory import Laboratory, Role
from predictions.models.visibility import LaboratoryScopedQuerySet


class InvitationQuerySet(LaboratoryScopedQuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Neither used, nor withdrawn, nor expired."""
        return self.filter(
            expires_at__gt=Now(), accepted_at__isnull=True, revoked_at__isnull=True
        )


class Invitation(models.Model):
    """An administrator's offer of a role. Only the link's SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    laboratory = models.ForeignKey(
        Laboratory, models.PROTECT, related_name="invitations"
    )
    role = models.CharField(max_length=20, choices=Role)
    note = models.CharField(
        "for whom", max_length=120, help_text="So that you know whose link it is."
    )
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="sent_invitations"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="accepted_invitations",
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="invitation_role_known"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_exactly_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.laboratory}, for {self.note}"
