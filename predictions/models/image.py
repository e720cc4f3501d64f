"""What was uploaded."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.db.models.functions import Now

from predictions.models.case import Case, Specimen
from predictions.models.job import UNFINISHED
from predictions.models.laboratory import SPACING_VALIDATORS
from predictions.models.visibility import LaboratoryScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import User

OBJECTIVES = (2, 4, 5, 10, 20, 40, 60, 100)  # Those of common microscopes.


class ImageQuerySet(LaboratoryScopedQuerySet["Image"]):
    laboratory_path = "case__laboratory"

    def standing(self) -> "ImageQuerySet":
        """Not withdrawn: what is said about them counts."""
        return self.filter(withdrawn_at__isnull=True)

    def kept(self) -> "ImageQuerySet":
        """With their files."""
        return self.filter(purged_at__isnull=True)

    def due_for_purge(self) -> "ImageQuerySet":
        """Kept for as long as their laboratory wants, and not being analysed."""
        period = ExpressionWrapper(
            Value(timedelta(days=1)) * F("case__laboratory__retention_days"),
            output_field=models.DurationField(),
        )
        return (
            self.kept()
            .filter(uploaded_at__lt=Now() - period)
            .exclude(analyses__status__in=UNFINISHED)
        )

    def withdraw(self, image: "Image", *, reason: str, withdrawn_by: "User") -> bool:
        """Make what was said about it void. False if it is so already."""
        return bool(
            self.standing()
            .filter(pk=image.pk)
            .update(
                withdrawn_at=Now(), withdrawn_by=withdrawn_by, withdrawal_reason=reason
            )
        )

    def purge(self, image: "Image") -> bool:
        """Say that its files are gone. False if that was said before."""
        return bool(
            self.kept()
            .filter(pk=image.pk)
            .update(purged_at=Now(), filename="", unread_answer=None)
        )

    def state_spacing(self, image: "Image", spacing_um: float) -> bool:
        """Replace the spacing that was seen. False if it is another by now."""
        return bool(
            self.filter(
                pk=image.pk,
                spacing_um=image.spacing_um,
                spacing_assumed=image.spacing_assumed,
            ).update(spacing_um=spacing_um, spacing_assumed=False)
        )


class Image(models.Model):
    """One accepted image. Its bytes never change; its row hardly.

    The files are named by ids of images/store.py: `stored_file` is what was sent,
    to the byte; `display_file` and `thumbnail_file` are our own re-encodings, without
    metadata, and all that a browser is ever shown.

    An image in the wrong case is withdrawn, with a reason: it and its answers stay on
    record, void. Moving withdraws it there and accepts it anew here (`moved_from`).
    Purging drops the files and the filename, and keeps hash and trail.
    """

    class Format(models.TextChoices):
        PNG = "PNG", "PNG"
        JPEG = "JPEG", "JPEG"
        TIFF = "TIFF", "TIFF"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="images")
    # The database holds (specimen, case) together: see migration 0002.
    specimen = models.ForeignKey(Specimen, models.PROTECT, related_name="images")
    # May carry a patient's name: shown, escaped, to its uploader alone; never logged.
    filename = models.CharField(max_length=255, blank=True)  # Empty once purged.
    format = models.CharField(max_length=8, choices=Format)
    size_bytes = models.BigIntegerField(validators=[MinValueValidator(1)])
    sha256_received = models.CharField("SHA-256 as received", max_length=64)
    sha256_stored = models.CharField("SHA-256 as stored", max_length=64)
    width_px = models.PositiveIntegerField("width (px)")
    height_px = models.PositiveIntegerField("height (px)")
    spacing_um = models.FloatField(
        "spacing (µm/px)", null=True, blank=True, validators=SPACING_VALIDATORS
    )
    spacing_assumed = models.BooleanField(
        default=False, help_text="The laboratory's default, not stated at upload."
    )
    magnification = models.FloatField("objective magnification", null=True, blank=True)
    mode = models.CharField(
        "pixel format", max_length=16, help_text="As received, by Pillow's name for it."
    )
    pages = models.PositiveIntegerField(
        default=1, help_text="Levels of a pyramid; the largest is read."
    )
    orientation = models.PositiveSmallIntegerField(
        default=1,
        help_text="EXIF's, 1 to 8; width and height are of the upright image.",
    )
    stored_file = models.UUIDField(unique=True)
    display_file = models.UUIDField(unique=True)
    thumbnail_file = models.UUIDField(unique=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="uploaded_images"
    )
    uploaded_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="withdrawn_images",
    )
    withdrawal_reason = models.TextField(blank=True)
    moved_from = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="moved_to"
    )
    purged_at = models.DateTimeField(null=True, blank=True)
    # The newest answer while nobody has read it: see services/case_status.py.
    unread_answer = models.OneToOneField(
        "predictions.Prediction",
        models.DO_NOTHING,
        null=True,
        editable=False,
        related_name="unread_of",
    )

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["uploaded_at"]
        indexes = [models.Index(fields=["uploaded_at", "id"], name="image_by_time")]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "sha256_received"],
                name="image_once_in_a_case",
                condition=Q(withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=(
                    Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                    & ~Q(withdrawal_reason="")
                )
                | Q(
                    withdrawn_at__isnull=True,
                    withdrawn_by__isnull=True,
                    withdrawal_reason="",
                ),
                name="image_withdrawn_exactly_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(width_px__gt=0) & Q(height_px__gt=0) & Q(size_bytes__gt=0),
                name="image_has_pixels",
            ),
            models.CheckConstraint(
                condition=Q(spacing_um__isnull=True) | Q(spacing_um__gt=0),
                name="image_spacing_positive",
            ),
            models.CheckConstraint(
                condition=Q(spacing_um__isnull=False) | Q(spacing_assumed=False),
                name="image_assumed_spacing_has_a_value",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} · {str(self.id)[:8]}"

    @property
    def is_void(self) -> bool:
        """Whether what was said about it does not count any more."""
        return self.withdrawn_at is not None
