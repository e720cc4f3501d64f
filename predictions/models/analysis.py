"""The job: one question put to one model about one image."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from predictions.models.case import Priority
from predictions.models.image import Image
from predictions.models.job import UNFINISHED, Job, JobQuerySet


class AnalysisQuerySet(JobQuerySet["Analysis"]):
    laboratory_path = "image__case__laboratory"
    claim_related: ClassVar[str] = "image__case__laboratory"

    def count_break(self, held: "Analysis") -> bool:
        """Remember that the model server broke off while it was asked about this."""
        return bool(self._held(held).update(breaks=F("breaks") + 1))


class Analysis(Job):
    """One question put to one model about one image.

    Asking again writes a new row that points here. An answer about an image that was
    withdrawn is void, and stays on record: see Image.
    """

    image = models.ForeignKey(Image, models.PROTECT, related_name="analyses")
    model_name = models.CharField("model", max_length=64)
    priority = models.PositiveSmallIntegerField(
        choices=Priority, default=Priority.ROUTINE
    )
    breaks = models.PositiveSmallIntegerField(
        default=0, help_text="Times the model server broke off while asked about this."
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

    objects = AnalysisQuerySet.as_manager()

    class Meta(Job.Meta):
        verbose_name_plural = "analyses"
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["image", "model_name"],
                condition=Q(status__in=UNFINISHED),
                name="one_unfinished_analysis_per_image_model",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} on {self.image_id} ({self.status})"
