"""What a worker is asked to do: claimed, fenced, and ended exactly once."""

import uuid
from datetime import timedelta
from typing import ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from predictions.models.visibility import LaboratoryScopedQuerySet

HEARTBEAT_S = 10
# Three heartbeats: a slow worker still beats, a dead one is missed soon.
LEASE = timedelta(seconds=3 * HEARTBEAT_S)
# The fourth break of a connection, or crash of a worker, is no accident any more.
MAX_ATTEMPTS = 4
# Given-back attempts do not count, so age bounds them: a day covers a long repair.
GIVE_UP_AFTER = timedelta(hours=24)


class JobStatus(models.TextChoices):
    ACCEPTED = "accepted", "Waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded", "Answered"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (JobStatus.ACCEPTED, JobStatus.RUNNING)
TERMINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)

JobT_co = TypeVar("JobT_co", bound="Job", covariant=True)


class JobQuerySet(LaboratoryScopedQuerySet[JobT_co]):
    """Each transition is one UPDATE that names the old state; its count the verdict."""

    # What whoever claims a job needs at hand.
    claim_related: ClassVar[str]

    def lapsed(self) -> Self:
        """Running, but nobody has beaten for a whole lease."""
        return self.filter(status=JobStatus.RUNNING, lease_until__lt=Now())

    def lapsed_for_good(self) -> Self:
        """Lapsed in its last attempt."""
        return self.lapsed().filter(attempt__gte=MAX_ATTEMPTS)

    def waiting_in_vain(self) -> Self:
        """Waiting, without an attempt left or for too long."""
        return self.filter(
            Q(attempt__gte=MAX_ATTEMPTS) | Q(created_at__lt=Now() - GIVE_UP_AFTER),
            status=JobStatus.ACCEPTED,
        )

    def claimable(self) -> Self:
        return self.filter(
            Q(status=JobStatus.ACCEPTED)
            | Q(status=JobStatus.RUNNING, lease_until__lt=Now()),
            attempt__lt=MAX_ATTEMPTS,
        )

    def due(self) -> Self:
        return self.claimable().filter(next_at__lte=Now())

    def claim(self, job_id: uuid.UUID | str) -> JobT_co | None:
        """Take it, with a new token. None: somebody has it, or it is done."""
        token = uuid.uuid4()
        taken = (
            self.claimable()
            .filter(pk=job_id)
            .update(
                status=JobStatus.RUNNING,
                attempt=F("attempt") + 1,
                token=token,
                lease_until=Now() + LEASE,
                next_at=Now() + LEASE,
                started_at=Now(),
            )
        )
        if not taken:
            return None
        return self.select_related(self.claim_related).filter(token=token).first()

    def _held(self, held: "Job") -> Self:
        """The row, if it is still this attempt's: the fence."""
        return self.filter(pk=held.pk, status=JobStatus.RUNNING, token=held.token)

    def beat(self, held: "Job") -> bool:
        """Extend the lease. False if no longer held."""
        return bool(self._held(held).update(lease_until=Now() + LEASE))

    def succeed(self, held: "Job") -> bool:
        """Mark as answered. False if no longer held: a late worker may not write."""
        return bool(
            self._held(held).update(
                status=JobStatus.SUCCEEDED, finished_at=Now(), lease_until=None
            )
        )

    def fail(self, held: "Job", reason: str) -> bool:
        """Mark as failed, with words that a person can act on."""
        return bool(self._held(held).update(**_failed(reason)))

    def release(self, held: "Job", *, after: timedelta) -> bool:
        """Let it wait for another attempt; this one counts."""
        return bool(self._held(held).update(**_waiting(after)))

    def give_back(self, held: "Job", *, after: timedelta) -> bool:
        """Let it wait, as if this attempt had not been made."""
        return bool(
            self._held(held).update(
                **_waiting(after),
                attempt=F("attempt") - 1,
                given_back=F("given_back") + 1,
            )
        )

    def fail_lapsed(self, job_id: uuid.UUID, reason: str) -> bool:
        """Mark as failed what lapsed in its last attempt."""
        return bool(self.lapsed_for_good().filter(pk=job_id).update(**_failed(reason)))

    def fail_waiting(self, job_id: uuid.UUID, reason: str) -> bool:
        """Mark as failed what waited too long, or has no attempt left."""
        return bool(self.waiting_in_vain().filter(pk=job_id).update(**_failed(reason)))

    def cancel(self, job_id: uuid.UUID) -> bool:
        """Stop wanting the answer. False if it is there, or was given up, already."""
        return bool(
            self.filter(pk=job_id, status__in=UNFINISHED).update(
                status=JobStatus.CANCELLED, finished_at=Now(), lease_until=None
            )
        )


def _failed(reason: str) -> dict[str, object]:
    return {
        "status": JobStatus.FAILED,
        "failure_reason": reason,
        "finished_at": Now(),
        "lease_until": None,
    }


def _waiting(after: timedelta) -> dict[str, object]:
    return {
        "status": JobStatus.ACCEPTED,
        "token": None,
        "lease_until": None,
        "next_at": Now() + after,
    }


class Job(models.Model):
    """ACCEPTED -> RUNNING -> SUCCEEDED | FAILED | CANCELLED.

    RUNNING -> ACCEPTED when an attempt came to nothing. Nothing leaves a terminal
    state. The token stays on the row when it ends, so that a worker whose COMMIT got
    no answer can tell that the write was its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(
        max_length=16, choices=JobStatus, default=JobStatus.ACCEPTED
    )
    failure_reason = models.TextField(blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    given_back = models.PositiveIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(
        db_default=Now(), help_text="When the dispatcher rings next, if still needed."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["created_at", "id"], name="%(class)s_by_time"),
            models.Index(
                fields=["next_at"],
                name="%(class)s_unfinished",
                condition=Q(status__in=UNFINISHED),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values),
                name="%(class)s_status_known",
            ),
            models.CheckConstraint(
                condition=(Q(status=JobStatus.FAILED) & ~Q(failure_reason=""))
                | (~Q(status=JobStatus.FAILED) & Q(failure_reason="")),
                name="%(class)s_failed_exactly_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(
                    status=JobStatus.RUNNING,
                    token__isnull=False,
                    lease_until__isnull=False,
                )
                | (~Q(status=JobStatus.RUNNING) & Q(lease_until__isnull=True)),
                name="%(class)s_running_exactly_with_a_lease",
            ),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, finished_at__isnull=False)
                | Q(status__in=UNFINISHED, finished_at__isnull=True),
                name="%(class)s_finished_exactly_with_a_time",
            ),
        ]

    @property
    def is_finished(self) -> bool:
        return self.status in TERMINAL
