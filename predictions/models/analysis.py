"""The job: one question put to one model about one image."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from predictions.models.case import Priority
from predictions.models.image import Image
from predictions.models.visibility import LaboratoryScopedQuerySet

HEARTBEAT_S = 10
# Three heartbeats: a slow worker still beats, a dead one is missed soon.
LEASE = timedelta(seconds=3 * HEARTBEAT_S)
# The fourth break of a connection, or crash of a worker, is no accident any more.
MAX_ATTEMPTS = 4
# Given-back attempts do not count, so age bounds them: a day covers a long repair.
GIVE_UP_AFTER = timedelta(hours=24)


class AnalysisStatus(models.TextChoices):
    ACCEPTED = "accepted", "Waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded", "Answered"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (AnalysisStatus.ACCEPTED, AnalysisStatus.RUNNING)
TERMINAL = (AnalysisStatus.SUCCEEDED, AnalysisStatus.FAILED, AnalysisStatus.CANCELLED)


class AnalysisQuerySet(LaboratoryScopedQuerySet["Analysis"]):
    laboratory_path = "image__case__laboratory"

    def lapsed(self) -> "AnalysisQuerySet":
        """Running, but nobody has beaten for a whole lease."""
        return self.filter(status=AnalysisStatus.RUNNING, lease_until__lt=Now())

    def lapsed_for_good(self) -> "AnalysisQuerySet":
        """Lapsed in its last attempt."""
        return self.lapsed().filter(attempt__gte=MAX_ATTEMPTS)

    def waiting_in_vain(self) -> "AnalysisQuerySet":
        """Waiting, without an attempt left or for too long."""
        return self.filter(
            Q(attempt__gte=MAX_ATTEMPTS) | Q(created_at__lt=Now() - GIVE_UP_AFTER),
            status=AnalysisStatus.ACCEPTED,
        )

    def claimable(self) -> "AnalysisQuerySet":
        return self.filter(
            Q(status=AnalysisStatus.ACCEPTED)
            | Q(status=AnalysisStatus.RUNNING, lease_until__lt=Now()),
            attempt__lt=MAX_ATTEMPTS,
        )

    def due(self) -> "AnalysisQuerySet":
        return self.claimable().filter(next_at__lte=Now())

    def claim(self, analysis_id: uuid.UUID | str) -> "Analysis | None":
        """Take it, with a new token. None: somebody has it, or it is done."""
        token = uuid.uuid4()
        taken = (
            self.claimable()
            .filter(pk=analysis_id)
            .update(
                status=AnalysisStatus.RUNNING,
                attempt=F("attempt") + 1,
                token=token,
                lease_until=Now() + LEASE,
                next_at=Now() + LEASE,
                started_at=Now(),
            )
        )
        if not taken:
            return None
        return (
            self.select_related("image__case__laboratory").filter(token=token).first()
        )

    def _held(self, held: "Analysis") -> "AnalysisQuerySet":
        """The row, if it is still this attempt's: the fence."""
        return self.filter(pk=held.pk, status=AnalysisStatus.RUNNING, token=held.token)

    def beat(self, held: "Analysis") -> bool:
        """Extend the lease. False if no longer held."""
        return bool(self._held(held).update(lease_until=Now() + LEASE))

    def count_break(self, held: "Analysis") -> bool:
        """Remember that the model server broke off while it was asked about this."""
        return bool(self._held(held).update(breaks=F("breaks") + 1))

    def succeed(self, held: "Analysis") -> bool:
        """Mark as answered. False if no longer held: a late worker may not write."""
        return bool(
            self._held(held).update(
                status=AnalysisStatus.SUCCEEDED, finished_at=Now(), lease_until=None
            )
        )

    def fail(self, held: "Analysis", reason: str) -> bool:
        """Mark as failed, with words that a person can act on."""
        return bool(self._held(held).update(**_failed(reason)))

    def release(self, held: "Analysis", *, after: timedelta) -> bool:
        """Let it wait for another attempt; this one counts."""
        return bool(self._held(held).update(**_waiting(after)))

    def give_back(self, held: "Analysis", *, after: timedelta) -> bool:
        """Let it wait, as if this attempt had not been made."""
        return bool(
            self._held(held).update(
                **_waiting(after),
                attempt=F("attempt") - 1,
                given_back=F("given_back") + 1,
            )
        )

    def fail_lapsed(self, analysis_id: uuid.UUID, reason: str) -> bool:
        """Mark as failed what lapsed in its last attempt."""
        return bool(
            self.lapsed_for_good().filter(pk=analysis_id).update(**_failed(reason))
        )

    def fail_waiting(self, analysis_id: uuid.UUID, reason: str) -> bool:
        """Mark as failed what waited too long, or has no attempt left."""
        return bool(
            self.waiting_in_vain().filter(pk=analysis_id).update(**_failed(reason))
        )

    def cancel(self, analysis_id: uuid.UUID) -> bool:
        """Stop wanting the answer. False if it is there, or was given up, already."""
        return bool(
            self.filter(pk=analysis_id, status__in=UNFINISHED).update(
                status=AnalysisStatus.CANCELLED, finished_at=Now(), lease_until=None
            )
        )


def _failed(reason: str) -> dict[str, object]:
    return {
        "status": AnalysisStatus.FAILED,
        "failure_reason": reason,
        "finished_at": Now(),
        "lease_until": None,
    }


def _waiting(after: timedelta) -> dict[str, object]:
    return {
        "status": AnalysisStatus.ACCEPTED,
        "token": None,
        "lease_until": None,
        "next_at": Now() + after,
    }


class Analysis(models.Model):
    """One question put to one model about one image.

    ACCEPTED -> RUNNING -> SUCCEEDED | FAILED | CANCELLED;  RUNNING -> ACCEPTED when
    an attempt came to nothing. Nothing leaves a terminal state: asking again writes a
    new row that points here. The token stays on the row when it ends, so that a worker
    whose COMMIT got no answer can tell that the write was its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey(Image, models.PROTECT, related_name="analyses")
    model_name = models.CharField("model", max_length=64)
    status = models.CharField(
        max_length=16, choices=AnalysisStatus, default=AnalysisStatus.ACCEPTED
    )
    failure_reason = models.TextField(blank=True)
    priority = models.PositiveSmallIntegerField(
        choices=Priority, default=Priority.ROUTINE
    )
    attempt = models.PositiveSmallIntegerField(default=0)
    given_back = models.PositiveIntegerField(default=0)
    breaks = models.PositiveSmallIntegerField(
        default=0, help_text="Times the model server broke off while asked about this."
    )
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(
        db_default=Now(), help_text="When the dispatcher rings next, if still needed."
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="asked_analyses"
    )
    again_after = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="asked_again",
        verbose_name="asked again after",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "analyses"
        indexes = [
            models.Index(
                fields=["next_at"],
                name="analysis_unfinished",
                condition=Q(status__in=UNFINISHED),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["image", "model_name"],
                condition=Q(status__in=UNFINISHED),
                name="one_unfinished_analysis_per_image_model",
            ),
            models.CheckConstraint(
                condition=Q(status__in=AnalysisStatus.values),
                name="analysis_status_known",
            ),
            models.CheckConstraint(
                condition=(Q(status=AnalysisStatus.FAILED) & ~Q(failure_reason=""))
                | (~Q(status=AnalysisStatus.FAILED) & Q(failure_reason="")),
                name="failed_exactly_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(
                    status=AnalysisStatus.RUNNING,
                    token__isnull=False,
                    lease_until__isnull=False,
                )
                | (~Q(status=AnalysisStatus.RUNNING) & Q(lease_until__isnull=True)),
                name="running_exactly_with_a_lease",
            ),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, finished_at__isnull=False)
                | Q(status__in=UNFINISHED, finished_at__isnull=True),
                name="finished_exactly_with_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} on {self.image_id} ({self.status})"

    @property
    def is_finished(self) -> bool:
        return self.status in TERMINAL
