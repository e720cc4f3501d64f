"""The answer."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from predictions.models.analysis import Analysis
from predictions.models.model_version import ModelVersion
from predictions.models.visibility import LaboratoryScopedQuerySet


class Outcome(models.TextChoices):
    BENIGN = "benign"
    MALIGNANT = "malignant"
    REFER = "refer", "Refer to a pathologist"
    REFUSED = "refused"


class PredictionQuerySet(LaboratoryScopedQuerySet["Prediction"]):
    laboratory_path = "analysis__image__case__laboratory"


class Prediction(models.Model):
    """What one model version answered about one image. Never changed.

    `tiles` is the evidence: one {left, top, side, attention} per tile, in pixels of
    the image as uploaded, from the same call as the probability.
    """

    analysis = models.OneToOneField(
        Analysis, models.PROTECT, primary_key=True, related_name="prediction"
    )
    model_version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="predictions"
    )
    outcome = models.CharField(max_length=16, choices=Outcome)
    probability = models.FloatField(
        "calibrated probability of malignancy",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
    )
    interval_low = models.FloatField(
        "lower end of the probability's interval",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Over resamples of the image's tiles; empty where the model "
        "states none.",
    )
    interval_high = models.FloatField(
        "upper end of the probability's interval",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
    )
    refusal_reason = models.TextField(blank=True)
    tissue = models.FloatField("H&E tissue score", null=True, blank=True)
    spacing_um = models.FloatField("spacing used (µm/px)", null=True, blank=True)
    spacing_assumed = models.BooleanField(default=False)
    input_sha256 = models.CharField("SHA-256 of the image asked about", max_length=64)
    tiles = models.JSONField(default=list, blank=True)
    heatmap_file = models.UUIDField(null=True, blank=True, unique=True)
    seconds = models.JSONField(
        default=dict, help_text="Time spent by step, in seconds."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["created_at", "analysis"], name="prediction_by_time")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="outcome_known"
            ),
            models.CheckConstraint(
                condition=(
                    Q(outcome=Outcome.REFUSED, probability__isnull=True)
                    & ~Q(refusal_reason="")
                )
                | (
                    ~Q(outcome=Outcome.REFUSED)
                    & Q(probability__isnull=False, refusal_reason="")
                ),
                name="probability_exactly_when_not_refused",
            ),
            models.CheckConstraint(
                condition=Q(probability__isnull=True)
                | Q(probability__gte=0, probability__lte=1),
                name="probability_in_range",
            ),
            models.CheckConstraint(
                condition=Q(interval_low__isnull=True, interval_high__isnull=True)
                | Q(
                    probability__isnull=False,
                    interval_low__gte=0,
                    interval_low__lte=F("interval_high"),
                    interval_high__lte=1,
                ),
                name="interval_whole_within_a_probability",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} ({self.model_version})"
