"""The shapes of uploads: what is said about files, and what became of them."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from predictions.api.fields import NumberField, WordField
from predictions.api.serializers.images import ImageOut
from predictions.api.serializers.problems import ProblemOut
from predictions.models.laboratory import SPACING_LIMITS_UM


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


@extend_schema_field(OpenApiTypes.BINARY)
class FileInForm(serializers.FileField):
    """Bytes; not an address of them."""


class UploadFormIn(UploadIn):
    """A form with one or more files."""

    file = serializers.ListField(
        child=FileInForm(), help_text="PNG, JPEG or TIFF; repeatable."
    )


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
