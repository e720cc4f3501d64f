"""Thumbnails for the admin: our own re-encodings, to whoever may see the row."""

from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response

from predictions.admin.windows import acting, is_keeper
from predictions.images.errors import StoredFileMissingError
from predictions.models import Image
from predictions.services.readings import record_outsider_reading
from predictions.services.storage import store


def send_thumbnail(request: HttpRequest, image_id: UUID) -> HttpResponseBase:
    """304 to whoever has it. A superuser from outside is on record.

    Once a while for each laboratory, not for each picture: lists are full of them.
    """
    images, user = Image.objects.select_related("case__laboratory"), acting(request)
    if not is_keeper(request):
        images = images.visible_to(user)
    image = images.filter(pk=image_id).first()
    if image is None:
        raise Http404
    if is_keeper(request):
        record_outsider_reading(
            user=user,
            laboratory=image.case.laboratory,
            subject=f"laboratory:{image.case.laboratory.pk}",
            action="thumbnails.read",
        )
    return _send(request, image)


def _send(request: HttpRequest, image: Image) -> HttpResponseBase:
    etag = f'"{image.thumbnail_file}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            picture = store().local(image.thumbnail_file).open("rb")
        except StoredFileMissingError as error:
            raise Http404 from error
        response = FileResponse(picture, content_type="image/jpeg")
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=3600, immutable"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
