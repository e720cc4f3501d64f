"""What the OpenAPI page says of uploads, and the page itself."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from drf_spectacular.views import SpectacularSwaggerSplitView

from predictions.api.schema import PROBLEM
from predictions.api.serializers.problems import ProblemOut
from predictions.api.serializers.uploads import UploadFormIn, UploadIn, UploadOut


def pictures(content_type: str) -> dict[Any, Any]:
    """The answers of an address that sends a file."""
    return {(200, content_type): OpenApiTypes.BINARY}


UPLOAD: dict[str, Any] = {
    "operation_id": "cases_images_create",
    "parameters": [
        OpenApiParameter(
            "Content-Digest",
            OpenApiTypes.STR,
            OpenApiParameter.HEADER,
            description="`sha-256=:<base64>:` of an image that is the body itself "
            "(RFC 9530). 422, and nothing stored, if it is not what arrived.",
        ),
        OpenApiParameter(
            "filename",
            description="Of an image that is the body itself; so are `spacing_um`, "
            "`magnification` and `specimen`, which a form states as fields.",
        ),
        UploadIn,
    ],
    "request": {
        "multipart/form-data": UploadFormIn,
        "image/png": OpenApiTypes.BINARY,
        "image/jpeg": OpenApiTypes.BINARY,
        "image/tiff": OpenApiTypes.BINARY,
    },
    "responses": {
        200: OpenApiResponse(UploadOut, "The case has this image already."),
        201: OpenApiResponse(UploadOut, "Accepted, and on disk."),
        207: OpenApiResponse(UploadOut, "Several files: each has its own status."),
        **dict.fromkeys([(408, PROBLEM), (507, PROBLEM)], ProblemOut),
    },
}


class ApiPage(SpectacularSwaggerSplitView):
    """The API to read and try; its scripts and styles are files of our own."""

    template_name = "predictions/api.html"
    url_name = "api:schema"
