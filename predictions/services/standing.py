"""Whether an image still stands: neither withdrawn nor without its files."""

from predictions.models import Image
from predictions.services.errors import ConflictError


class ImageWithdrawnError(ConflictError):
    """What was said about the image does not count any more."""

    code = "image_withdrawn"
    title = "This image was withdrawn"

    def __init__(self, image: Image) -> None:
        super().__init__(
            "This image was withdrawn from its case: what was said about it is void.",
            image=str(image.pk),
        )


class ImagePurgedError(ConflictError):
    """The image's files are gone for good."""

    code = "image_purged"
    title = "This image's files were removed"

    def __init__(self, image: Image) -> None:
        super().__init__(
            "The files of this image were removed after the retention period. "
            "Upload it again if it is still needed.",
            image=str(image.pk),
        )


def hold_standing(*, image: Image) -> None:
    """Let nobody withdraw, move or purge the image until COMMIT.

    Call it first in the transaction of whatever says something about an image.
    Raises ImageWithdrawnError, ImagePurgedError.
    """
    held = Image.objects.select_for_update(no_key=True).get(pk=image.pk)
    if held.is_void:
        raise ImageWithdrawnError(held)
    if held.purged_at is not None:
        raise ImagePurgedError(held)
