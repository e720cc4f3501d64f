"""The bytes as they were sent: an attachment, for few people, on the trail."""

from pathlib import Path
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponseBase
from django.views.decorators.http import require_safe

from predictions.models import Image
from predictions.services.errors import ServiceError
from predictions.services.originals import find_original, open_original
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.refusals import refusal

ENDINGS = {Image.Format.PNG: "png", Image.Format.JPEG: "jpg", Image.Format.TIFF: "tif"}


@require_safe
@signed_in
def image_original(request: SignedInRequest, image_id: UUID) -> HttpResponseBase:
    """HEAD says how large it is, and is nobody's reading."""
    images = Image.objects.visible_to(request.user).select_related("case__laboratory")
    image = queries.found(images, image_id)
    try:
        if request.method == "HEAD":
            path = find_original(image=image, asked_by=request.user)
        else:
            path = open_original(image=image, opened_by=request.user)
    except ServiceError as error:
        return refusal(request, error)
    return _attachment(image, path)


def _attachment(image: Image, path: Path) -> HttpResponseBase:
    """Nothing that a browser would show: bytes of others, whatever they hold."""
    try:
        file = path.open("rb")
    except FileNotFoundError as error:  # Purged meanwhile.
        raise Http404 from error
    number, ending = str(image.pk)[:8], ENDINGS[Image.Format(image.format)]
    response = FileResponse(
        file,
        as_attachment=True,
        filename=f"{image.case.accession_number}-{number}-original.{ending}",
        content_type="application/octet-stream",
    )
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
