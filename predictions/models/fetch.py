"""The job: one image to be fetched from an address that a person gave."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from predictions.models.case import Case
from predictions.models.image import Image
from predictions.models.job import Job, JobQuerySet, JobStatus
from predictions.models.laboratory import SPACING_VALIDATORS


class FetchQuerySet(JobQuerySet["Fetch"]):
    laboratory_path = "case__laboratory"
    claim_related: ClassVar[str] = "case__laboratory"

    def deliver(self, held: "Fetch", image: Image) -> bool:
        """Mark as fetched: this image. False if no longer held."""
        return bool(
            self._held(held).update(
                status=JobStatus.SUCCEEDED,
                image=image,
                finished_at=Now(),
                lease_until=None,
            )
        )


class Fetch(Job):
    """An image on its way from the internet into a case, by a worker.

    SUCCEEDED points at the image; what was there already counts too.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="fetches")
    # May carry a name or a key: shown to who asked alone; never logged or audited.
    url = models.URLField(max_length=2000)
    spacing_um = models.FloatField(
        "spacing (µm/px)", null=True, blank=True, validators=SPACING_VALIDATORS
    )
    magnification = models.FloatField("objective magnification", null=True, blank=True)
    specimen_label = models.CharField(max_length=64, default="A")
    image = models.ForeignKey(
        Image, models.PROTECT, null=True, blank=True, related_name="fetches"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="asked_fetches"
    )

    objects = FetchQuerySet.as_manager()

    class Meta(Job.Meta):
        verbose_name_plural = "fetches"
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(status=JobStatus.SUCCEEDED, image__isnull=False)
                | (~Q(status=JobStatus.SUCCEEDED) & Q(image__isnull=True)),
                name="fetch_succeeded_exactly_with_an_image",
            ),
        ]

    def __str__(self) -> str:
        return f"fetch for {self.case} ({self.status})"
