"""Who did what, when: appended, chained by hash, never changed."""

import hashlib
import json
from typing import ClassVar

from django.db import models

from predictions.models.laboratory import Laboratory
from predictions.models.visibility import LaboratoryScopedQuerySet

GENESIS = "0" * 64


class AuditEventQuerySet(LaboratoryScopedQuerySet["AuditEvent"]):
    laboratory_path: ClassVar[str] = "laboratory"

    def chain(self, laboratory: Laboratory | None) -> "AuditEventQuerySet":
        """One laboratory's events, or the installation's, in order."""
        return self.filter(laboratory=laboratory).order_by("sequence")


class AuditEvent(models.Model):
    """One link of a laboratory's chain, or (without laboratory) the installation's.

    The application's database role may insert and read, no more; a trigger refuses
    the rest to every role.
    """

    laboratory = models.ForeignKey(
        Laboratory, models.PROTECT, null=True, related_name="audit_events"
    )
    sequence = models.PositiveBigIntegerField()
    # No foreign keys: an event outlives what it speaks of. Ids and words, no names.
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150, default="system")
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=100)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-sequence"]
        indexes = [
            models.Index(fields=["subject"], name="audit_by_subject"),
            models.Index(fields=["laboratory", "-at"], name="audit_by_time"),
            models.Index(fields=["at", "sequence"], name="audit_of_all_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["laboratory", "sequence"],
                name="audit_sequence_once_in_chain",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.subject}"

    def expected_hash(self) -> str:
        """sha256(previous hash + canonical JSON of this event), hexadecimal."""
        content = {
            "laboratory": str(self.laboratory_id) if self.laboratory_id else None,
            "sequence": self.sequence,
            "actor_id": self.actor_id,
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "detail": self.detail,
            "at": self.at.isoformat(timespec="microseconds"),
        }
        canonical = json.dumps(
            content, sort_keys=True, separators=(",", ":"), ensure_ascii=True
        )
        return hashlib.sha256((self.previous_hash + canonical).encode()).hexdigest()
