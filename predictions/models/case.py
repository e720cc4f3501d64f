"""The case and what it is made of."""

import uuid

from django.conf import settings
from django.db import models

from predictions.models.laboratory import Laboratory
from predictions.models.visibility import LaboratoryScopedQuerySet


class PatientQuerySet(LaboratoryScopedQuerySet["Patient"]):
    pass


class Patient(models.Model):
    """A pseudonymous code. No name, no birthday: those stay in the hospital."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    laboratory = models.ForeignKey(Laboratory, models.PROTECT, related_name="patients")
    code = models.CharField("patient code", max_length=64)

    objects = PatientQuerySet.as_manager()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["laboratory", "code"], name="one_patient_per_code"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Priority(models.IntegerChoices):
    URGENT = 0
    ROUTINE = 10


class Consent(models.TextChoices):
    """Whether the patient let the images be used to train models."""

    UNKNOWN = "unknown", "Not recorded"
    GIVEN = "given", "Given"
    REFUSED = "refused", "Refused"


class CaseStatus(models.TextChoices):
    """What a case waits for, the pressing ones first. Withdrawn images do not count.

    ATTENTION: the newest question about an image failed, was cancelled, or was
    refused and nobody has read that. TO_REVIEW: an image's newest answer is unread.
    """

    ATTENTION = "attention", "Needs attention"
    TO_REVIEW = "to_review", "To review"
    WORKING = "working", "In analysis"
    EMPTY = "empty", "No image yet"
    REVIEWED = "reviewed"


class CaseQuerySet(LaboratoryScopedQuerySet["Case"]):
    pass


class Case(models.Model):
    """One patient's question to the laboratory, under its accession number."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    laboratory = models.ForeignKey(Laboratory, models.PROTECT, related_name="cases")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="cases")
    accession_number = models.CharField(max_length=64)
    # Follows from the images: see services/case_status.py, which alone writes it.
    status = models.CharField(
        max_length=16,
        choices=CaseStatus,
        default=CaseStatus.EMPTY,
        db_default=CaseStatus.EMPTY,
        editable=False,
    )
    priority = models.PositiveSmallIntegerField(
        choices=Priority, default=Priority.ROUTINE
    )
    training_consent = models.CharField(
        "consent to training use",
        max_length=8,
        choices=Consent,
        default=Consent.UNKNOWN,
        help_text="Images are used to train models only where it is given.",
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="assigned_cases",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="created_cases"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["created_at", "id"], name="case_by_time"),
            models.Index(fields=["laboratory", "-created_at"]),
            models.Index(
                fields=["laboratory", "status", "-created_at"], name="case_by_status"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["laboratory", "accession_number"],
                name="accession_number_unique_in_laboratory",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=CaseStatus.values),
                name="case_status_known",
            ),
            models.CheckConstraint(
                condition=models.Q(priority__in=Priority.values),
                name="case_priority_known",
            ),
            models.CheckConstraint(
                condition=models.Q(training_consent__in=Consent.values),
                name="case_training_consent_known",
            ),
        ]

    def __str__(self) -> str:
        return self.accession_number


class Specimen(models.Model):
    """A piece of tissue of a case: what the block or the slide was cut from."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="specimens")
    label = models.CharField(max_length=64, default="A")

    class Meta:
        ordering = ["label"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "label"], name="specimen_label_unique_in_case"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} {self.label}"
