"""The bytes as they were sent: an attachment, for few people, on the trail."""

from pathlib import Path
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from predictions.models import Image
from predictions.services.errors import ServiceError
from predictions.services.originals import find_original, open_original
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.refusals import refusal

TYPE = "application/octet-stream"
ENDINGS = {Image.Format.PNG: "png", Image.Format.JPEG: "jpg", Image.Format.TIFF: "tif"}


@require_safe
@signed_in
def image_original(request: SignedInRequest, image_id: UUID) -> HttpResponseBase:
    """The bytes, on the trail. HEAD says how many there are, and opens nothing."""
    images = Image.objects.visible_to(request.user).select_related("case__laboratory")
    image = queries.found(images, image_id)
    try:
        if request.method == "HEAD":
            response = _size_of(find_original(image=image, asked_by=request.user))
        else:
            response = _attachment(
                image, open_original(image=image, opened_by=request.user)
            )
    except ServiceError as error:
        return refusal(request, error)
    except FileNotFoundError as error:  # Purged meanwhile.
        raise Http404 from error
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _size_of(path: Path) -> HttpResponseBase:
    size_bytes = path.stat().st_size
    return HttpResponse(content_type=TYPE, headers={"Content-Length": size_bytes})


def _attachment(image: Image, path: Path) -> HttpResponseBase:
    """Nothing that a browser would show: bytes of others, whatever they hold."""
    number, ending = str(image.pk)[:8], ENDINGS[Image.Format(image.format)]
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"{image.case.accession_number}-{number}-original.{ending}",
        content_type=TYPE,
    )
