"""The shapes of analyses and predictions."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from predictions.api.fields import PriorityField, TextField
from predictions.models import Analysis, ModelVersion, Prediction, Review, Verdict
from predictions.services.reviews import COMMENT_CHARACTERS

NOTICE = "Research use only. Not for diagnostic use."


class ModelVersionOut(serializers.ModelSerializer[ModelVersion]):
    """The model that answered: its files by hash."""

    class Meta:
        model = ModelVersion
        fields = ["name", "version", "sha256"]
        read_only_fields = fields


class ReviewIn(serializers.Serializer[Review]):
    """What a pathologist makes of an answer."""

    verdict = serializers.ChoiceField(Verdict.choices)
    comment = TextField(
        default="",
        allow_blank=True,
        max_length=COMMENT_CHARACTERS,
        help_text="Needed where it overrides the model's verdict.",
    )


class ReviewOut(serializers.ModelSerializer[Review]):
    """A pathologist's reading of one answer. Never changed; the newest counts."""

    reader = serializers.CharField(source="reader.username")

    class Meta:
        model = Review
        fields = ["id", "reader", "agrees", "verdict", "comment", "created_at"]
        read_only_fields = fields


class PredictionOut(serializers.ModelSerializer[Prediction]):
    """An answer. Its probability never stands without model, version and notice."""

    analysis = serializers.UUIDField(source="analysis_id")
    probability = serializers.FloatField(
        allow_null=True,
        help_text="Calibrated probability of malignancy; null exactly when refused.",
    )
    interval_low = serializers.FloatField(
        allow_null=True,
        help_text="Of the probability, over resamples of the image's tiles; null "
        "where the model states none.",
    )
    interval_high = serializers.FloatField(allow_null=True)
    model = ModelVersionOut(source="model_version")
    void = serializers.BooleanField(
        source="analysis.image.is_void",
        help_text="The image was withdrawn: this does not count any more.",
    )
    review = serializers.SerializerMethodField(help_text="The newest.")
    notice = serializers.SerializerMethodField()
    heatmap = serializers.SerializerMethodField()

    class Meta:
        model = Prediction
        fields = [
            "analysis",
            "outcome",
            "probability",
            "interval_low",
            "interval_high",
            "refusal_reason",
            "void",
            "review",
            "model",
            "notice",
            "tissue",
            "spacing_um",
            "spacing_assumed",
            "input_sha256",
            "heatmap",
            "created_at",
        ]
        read_only_fields = fields

    def get_notice(self, prediction: Prediction) -> str:
        return NOTICE

    @extend_schema_field(ReviewOut(allow_null=True))
    def get_review(self, prediction: Prediction) -> object:
        newest = next(iter(prediction.reviews.all()), None)
        return ReviewOut(newest).data if newest else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_heatmap(self, prediction: Prediction) -> str | None:
        if prediction.heatmap_file is None:
            return None
        return reverse("api:prediction-heatmap", args=[prediction.pk])


class TileOut(serializers.Serializer[object]):
    """A tile in pixels of the image as uploaded, and its share of the attention."""

    left = serializers.FloatField()
    top = serializers.FloatField()
    side = serializers.FloatField()
    attention = serializers.FloatField()


class PredictionDetailOut(PredictionOut):
    """An answer with its evidence."""

    tiles = TileOut(many=True)
    seconds = serializers.DictField(child=serializers.FloatField())

    class Meta(PredictionOut.Meta):
        fields = [*PredictionOut.Meta.fields, "tiles", "seconds"]
        read_only_fields = fields


class AnalysisOut(serializers.ModelSerializer[Analysis]):
    """A question about an image, and its answer once there is one."""

    image = serializers.UUIDField(source="image_id")
    case = serializers.UUIDField(source="image.case_id")
    priority = PriorityField()
    asked_by = serializers.CharField(source="asked_by.username")
    again_after = serializers.UUIDField(source="again_after_id", allow_null=True)
    prediction = PredictionOut(default=None, allow_null=True)

    class Meta:
        model = Analysis
        fields = [
            "id",
            "case",
            "image",
            "model_name",
            "status",
            "failure_reason",
            "priority",
            "attempt",
            "asked_by",
            "again_after",
            "created_at",
            "started_at",
            "finished_at",
            "prediction",
        ]
        read_only_fields = fields
