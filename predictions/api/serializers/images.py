"""The shapes of images."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from predictions.api.fields import NumberField, TextField
from predictions.api.serializers.analyses import AnalysisOut
from predictions.models import Image
from predictions.models.laboratory import SPACING_LIMITS_UM


class WithdrawalOut(serializers.Serializer[Image]):
    """Who took an image out of its case, when and why."""

    at = serializers.DateTimeField(source="withdrawn_at")
    by = serializers.CharField(source="withdrawn_by.username")
    reason = serializers.CharField(source="withdrawal_reason")


class ImageOut(serializers.ModelSerializer[Image]):
    """An accepted image, and the newest question about it."""

    case = serializers.UUIDField(source="case_id")
    specimen = serializers.CharField(source="specimen.label")
    filename = serializers.SerializerMethodField(
        help_text="As sent; for its uploader only, otherwise null."
    )
    uploaded_by = serializers.CharField(source="uploaded_by.username")
    withdrawn = serializers.SerializerMethodField(
        help_text="null while it stands; withdrawn, its answers are void."
    )
    moved_from = serializers.UUIDField(source="moved_from_id", allow_null=True)
    moved_to = serializers.UUIDField(
        source="moved_to.pk", default=None, allow_null=True
    )
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
            "withdrawn",
            "moved_from",
            "moved_to",
            "purged_at",
            "thumbnail",
            "display",
            "analysis",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_filename(self, image: Image) -> str | None:
        asking = self.context["request"].user
        return image.filename if image.uploaded_by_id == asking.pk else None

    @extend_schema_field(WithdrawalOut(allow_null=True))
    def get_withdrawn(self, image: Image) -> object:
        return WithdrawalOut(image).data if image.is_void else None

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


class WithdrawIn(serializers.Serializer[Image]):
    """Why an image does not belong where it is."""

    reason = TextField(min_length=3, max_length=500)


class MoveIn(WithdrawIn):
    """Where it belongs."""

    case = serializers.UUIDField(help_text="Of the same laboratory.")
