"""Pictures as files: our own re-encodings, never the bytes that were sent."""

from pathlib import Path
from uuid import UUID

from django.http import FileResponse, Http404, HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.request import Request

from predictions.images.errors import StoredFileMissingError
from predictions.models import Image
from predictions.services.storage import store


def send(
    request: Request, image: Image, file_id: UUID, *, name: str
) -> HttpResponseBase:
    """A kept file, named by accession number; 304 to whoever has it."""
    etag = f'"{file_id}"'
    response: HttpResponseBase | None = get_conditional_response(
        request._request,  # noqa: SLF001 - Django's function wants Django's request.
        etag=etag,
    )
    if response is None:
        try:
            picture = store().local(file_id).open("rb")
        except StoredFileMissingError as error:
            raise Http404 from error
        accession = image.case.accession_number
        response = FileResponse(
            picture, filename=f"{accession}-{str(image.pk)[:8]}-{name}"
        )
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=3600, immutable"
    return response


def send_original(image: Image, path: Path) -> HttpResponseBase:
    """The very bytes, as a file to keep: never shown, never guessed at."""
    accession, ending = image.case.accession_number, image.format.lower()
    response = FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"{accession}-{str(image.pk)[:8]}-original.{ending}",
        content_type="application/octet-stream",
    )
    response["Cache-Control"] = "private, no-store"
    return response
