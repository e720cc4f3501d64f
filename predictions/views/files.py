"""Pictures for the browser: our own re-encodings, never the bytes that were sent."""

from uuid import UUID

from django.http import FileResponse, Http404, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from predictions.images.errors import StoredFileMissingError
from predictions.models import Image
from predictions.services.storage import store
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in

# A stored file never changes; an hour bounds how long a browser keeps it after
# the person signed out.
CACHE_CONTROL = "private, max-age=3600, immutable"


@require_safe
@signed_in
def image_display(request: SignedInRequest, image_id: UUID) -> HttpResponseBase:
    image = _image(request, image_id)
    return _send(request, image, image.display_file, "display.jpg", "image/jpeg")


@require_safe
@signed_in
def image_thumbnail(request: SignedInRequest, image_id: UUID) -> HttpResponseBase:
    image = _image(request, image_id)
    return _send(request, image, image.thumbnail_file, "thumbnail.jpg", "image/jpeg")


@require_safe
@signed_in
def heatmap(request: SignedInRequest, analysis_id: UUID) -> HttpResponseBase:
    answered = queries.analyses(request.user).filter(
        prediction__heatmap_file__isnull=False
    )
    analysis = queries.found(answered.select_related("prediction"), analysis_id)
    drawn = analysis.prediction.heatmap_file
    if drawn is None:
        raise Http404
    return _send(request, analysis.image, drawn, "heatmap.png", "image/png")


def _image(request: SignedInRequest, image_id: UUID) -> Image:
    images = Image.objects.visible_to(request.user).select_related("case")
    return queries.found(images, image_id)


def _send(
    request: SignedInRequest,
    image: Image,
    file_id: UUID,
    name: str,
    content_type: str,
) -> HttpResponseBase:
    etag = f'"{file_id}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            path = store().local(file_id)
        except StoredFileMissingError as error:
            raise Http404 from error
        response = FileResponse(
            path.open("rb"),
            content_type=content_type,
            filename=f"{image.case.accession_number}-{str(image.pk)[:8]}-{name}",
        )
    response["ETag"] = etag
    response["Cache-Control"] = CACHE_CONTROL
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
