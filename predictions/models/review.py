"""What a pathologist made of an answer."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from predictions.models.prediction import Prediction
from predictions.models.visibility import LaboratoryScopedQuerySet


class Verdict(models.TextChoices):
    """A person's label of an image."""

    BENIGN = "benign"
    MALIGNANT = "malignant"
    NOT_ASSESSABLE = "not_assessable", "Cannot be assessed"


class ReviewQuerySet(LaboratoryScopedQuerySet["Review"]):
    laboratory_path = "prediction__analysis__image__case__laboratory"


class Review(models.Model):
    """A pathologist's reading of one answer. Never changed; the newest one counts.

    To agree is to say what the model said; anything else overrides it and says why.
    Where the model gave no verdict of its own (refer, refused) there is neither.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    prediction = models.ForeignKey(Prediction, models.PROTECT, related_name="reviews")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews"
    )
    agrees = models.BooleanField(
        null=True, help_text="With the model's outcome; empty where that is no verdict."
    )
    verdict = models.CharField(max_length=16, choices=Verdict)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["created_at", "id"], name="review_by_time")]
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=Verdict.values), name="review_verdict_known"
            ),
            models.CheckConstraint(
                condition=Q(agrees__isnull=True) | Q(agrees=True) | ~Q(comment=""),
                name="review_override_has_a_comment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.reader}"
