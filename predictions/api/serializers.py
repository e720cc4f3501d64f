"""The shapes of what goes in and what comes out."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from predictions.api.fields import NumberField, PriorityField, WordField
from predictions.models import (
    Analysis,
    Case,
    Image,
    ModelVersion,
    Prediction,
    Priority,
)
from predictions.models.laboratory import SPACING_LIMITS_UM

NOTICE = "Research use only. Not for diagnostic use."


class CaseIn(serializers.Serializer[Case]):
    """A new case."""

    accession_number = WordField(help_text="Unique in its laboratory.")
    patient = WordField(help_text="A pseudonymous code. Never a name.")
    priority = PriorityField(default=Priority.ROUTINE)
    laboratory = serializers.UUIDField(
        required=False, help_text="Only for a member of several laboratories."
    )


class CaseOut(serializers.ModelSerializer[Case]):
    """A case."""

    laboratory = inline_serializer(
        "Laboratory",
        {"id": serializers.UUIDField(), "name": serializers.CharField()},
    )
    patient = serializers.CharField(source="patient.code")
    priority = PriorityField()
    assignee = serializers.CharField(source="assignee.username", default=None)
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Case
        fields = [
            "id",
            "laboratory",
            "accession_number",
            "patient",
            "priority",
            "assignee",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class ModelVersionOut(serializers.ModelSerializer[ModelVersion]):
    """The model that answered: its files by hash."""

    class Meta:
        model = ModelVersion
        fields = ["name", "version", "sha256"]
        read_only_fields = fields


class PredictionOut(serializers.ModelSerializer[Prediction]):
    """An answer. Its probability never stands without model, version and notice."""

    analysis = serializers.UUIDField(source="analysis_id")
    probability = serializers.FloatField(
        allow_null=True,
        help_text="Calibrated probability of malignancy; null exactly when refused.",
    )
    model = ModelVersionOut(source="model_version")
    notice = serializers.SerializerMethodField()
    heatmap = serializers.SerializerMethodField()

    class Meta:
        model = Prediction
        fields = [
            "analysis",
            "outcome",
            "probability",
            "refusal_reason",
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


class ImageOut(serializers.ModelSerializer[Image]):
    """An accepted image, and the newest question about it."""

    case = serializers.UUIDField(source="case_id")
    specimen = serializers.CharField(source="specimen.label")
    filename = serializers.SerializerMethodField(
        help_text="As sent; for its uploader only, otherwise null."
    )
    uploaded_by = serializers.CharField(source="uploaded_by.username")
    thumbnail = serializers.SerializerMethodField()
    display = serializers.SerializerMethodField()
    analysis = serializers.SerializerMethodField(help_text="The newest.")

    class Meta:
        model = Image
        fields = [
            "id",
            "case",
            "specimen",
            "filename",
            "format",
            "size_bytes",
            "sha256_received",
            "sha256_stored",
            "width_px",
            "height_px",
            "spacing_um",
            "spacing_assumed",
            "magnification",
            "mode",
            "pages",
            "orientation",
            "uploaded_by",
            "uploaded_at",
            "thumbnail",
            "display",
            "analysis",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_filename(self, image: Image) -> str | None:
        asking = self.context["request"].user
        return image.filename if image.uploaded_by_id == asking.pk else None

    def get_thumbnail(self, image: Image) -> str:
        return reverse("api:image-thumbnail", args=[image.pk])

    def get_display(self, image: Image) -> str:
        return reverse("api:image-display", args=[image.pk])

    @extend_schema_field(AnalysisOut(allow_null=True))
    def get_analysis(self, image: Image) -> object:
        newest = next(iter(image.analyses.all()), None)
        return AnalysisOut(newest).data if newest else None


class SpacingIn(serializers.Serializer[Image]):
    """How many µm one pixel of an image is."""

    spacing_um = NumberField(
        min_value=SPACING_LIMITS_UM[0],
        max_value=SPACING_LIMITS_UM[1],
        help_text="µm per pixel.",
    )


class UploadIn(serializers.Serializer[object]):
    """What is said about the files of an upload, beside the files themselves."""

    spacing_um = NumberField(
        required=False,
        min_value=SPACING_LIMITS_UM[0],
        max_value=SPACING_LIMITS_UM[1],
        help_text="µm per pixel. Without it the file's own or the laboratory's "
        "default is used, and the answer says `spacing_assumed`.",
    )
    magnification = NumberField(
        required=False, min_value=0.1, max_value=200, help_text="Of the objective."
    )
    specimen = WordField(default="A")


class UploadFormIn(UploadIn):
    """A form with one or more files."""

    file = serializers.ListField(
        child=serializers.FileField(), help_text="PNG, JPEG or TIFF; repeatable."
    )


class ProblemOut(serializers.Serializer[object]):
    """Why something was refused (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()


class UploadResultOut(serializers.Serializer[object]):
    """What became of one file."""

    status = serializers.IntegerField(
        help_text="201 accepted; 200 there already; otherwise refused."
    )
    filename = serializers.CharField()
    duplicate = serializers.BooleanField()
    image = ImageOut(allow_null=True)
    problem = ProblemOut(allow_null=True)


class UploadOut(serializers.Serializer[object]):
    """One result a file, in the order in which they were sent."""

    results = UploadResultOut(many=True)
