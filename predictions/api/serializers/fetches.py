"""The shapes of fetches: images on their way from an address into a case."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from predictions.api.serializers.uploads import UploadIn
from predictions.models import Fetch


class FetchIn(UploadIn):
    """Where an image is, and what is said about it."""

    url = serializers.CharField(
        max_length=2000,
        help_text="http(s), of a host that the laboratory allows.",
    )


class FetchOut(serializers.ModelSerializer[Fetch]):
    """An image on its way; `image` once it is there."""

    case = serializers.UUIDField(source="case_id")
    image = serializers.UUIDField(source="image_id", allow_null=True)
    specimen = serializers.CharField(source="specimen_label")
    asked_by = serializers.CharField(source="asked_by.username")
    url = serializers.SerializerMethodField(
        help_text="For who asked only, otherwise null."
    )

    class Meta:
        model = Fetch
        fields = [
            "id",
            "case",
            "url",
            "status",
            "failure_reason",
            "image",
            "spacing_um",
            "magnification",
            "specimen",
            "attempt",
            "asked_by",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_url(self, fetch: Fetch) -> str | None:
        asking = self.context["request"].user
        return fetch.url if fetch.asked_by_id == asking.pk else None
