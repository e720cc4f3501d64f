"""The bytes as they were sent, EXIF and all: for few people, each time on the trail."""

from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from predictions.images.errors import ImageError
from predictions.models import Image
from predictions.services.audit import record_event
from predictions.services.errors import ServiceError
from predictions.services.laboratories import KEEPERS, require_role
from predictions.services.storage import store


class OriginalGoneError(ServiceError):
    """There are no bytes any more: asking again does not help."""

    status = 410
    code = "original_gone"
    title = "The original is not there any more"


@transaction.atomic
def open_original(*, image: Image, opened_by: User) -> Path:
    """Where the bytes as sent lie, once it is on the trail who asked for them.

    Raises NotAllowedError, OriginalGoneError.
    """
    path = find_original(image=image, asked_by=opened_by)
    record_event(
        laboratory=image.case.laboratory,
        actor=opened_by,
        action="image.original",
        subject=f"image:{image.pk}",
        detail={"sha256": image.sha256_stored},
    )
    return path


def find_original(*, image: Image, asked_by: User) -> Path:
    """The same, for who only asks whether it is there. Raises the same."""
    require_role(laboratory=image.case.laboratory, user=asked_by, roles=KEEPERS)
    if image.purged_at is not None:
        raise OriginalGoneError(
            "The files of this image were removed after the retention period. Its "
            "hash and its trail are kept."
        )
    try:
        return store().local(image.stored_file)
    except ImageError as error:
        raise OriginalGoneError(error.message) from error
