"""Files go after the retention period; hash and trail stay."""

from collections.abc import Iterator
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from predictions.images.errors import StoredFileMissingError
from predictions.models import Image, Prediction
from predictions.services.audit import record_event
from predictions.services.storage import store


def due_for_purge() -> QuerySet[Image]:
    """Kept for longer than their laboratory wants, and not being analysed."""
    return Image.objects.due_for_purge()


@transaction.atomic
def purge_image(*, image: Image, purged_by: User | None = None) -> bool:
    """Remove an image's files and its filename. False if it is not due (any more).

    The files go first: whoever is killed midway leaves an image that is still due,
    and the next run ends what this one began.
    """
    # Once it is held, nobody asks about it: what is seen after that holds.
    Image.objects.select_for_update(no_key=True).get(pk=image.pk)
    due = due_for_purge().filter(pk=image.pk).first()
    if due is None:
        return False
    for file_id in files_of(due):
        store().drop(file_id)
    Image.objects.purge(due)
    record_event(
        laboratory=due.case.laboratory,
        actor=purged_by,
        action="image.purge",
        subject=f"image:{due.pk}",
        detail={"sha256": due.sha256_received, "sha256_stored": due.sha256_stored},
    )
    return True


def drop_leftovers() -> int:
    """Remove files of purged images that are there again. Says how many.

    After a power cut a removed name may be back, and after a restored backup all are.
    """
    dropped = 0
    for image in Image.objects.filter(purged_at__isnull=False).iterator():
        for file_id in files_of(image):
            if is_there(file_id):
                store().drop(file_id)
                dropped += 1
    return dropped


def files_of(image: Image) -> Iterator[UUID]:
    """Every file that the record names for an image, whether it is there or not."""
    yield from (image.stored_file, image.display_file, image.thumbnail_file)
    drawn = Prediction.objects.filter(
        analysis__image=image, heatmap_file__isnull=False
    ).order_by("pk")
    yield from (one.heatmap_file for one in drawn if one.heatmap_file)


def is_there(file_id: UUID) -> bool:
    """Whether the store has the file."""
    try:
        store().local(file_id)
    except StoredFileMissingError:
        return False
    return True
