"""Looking for rot: does the store still hold what the record says?"""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from predictions.images.errors import StoredFileMissingError
from predictions.models import Image, Prediction
from predictions.services.audit import record_event
from predictions.services.model_versions import hash_file
from predictions.services.retention import is_there
from predictions.services.storage import store

# A file is kept before its row is written: in an hour the slowest upload has ended.
SETTLED_S = 3600.0


class Fault(NamedTuple):
    """One thing that is not as the record says."""

    subject: str  # image:<id>, prediction:<id> or file:<id>
    what: str


class Checked(NamedTuple):
    """What was looked at, and what was wrong with it."""

    images: int
    faults: list[Fault]


def check_integrity() -> Checked:
    """Read every stored byte again: a missing file, a wrong hash, an orphan."""
    faults: list[Fault] = []
    images = 0
    for image in Image.objects.only(*_IMAGE_FIELDS).order_by("pk").iterator():
        images += 1
        faults += _check_image(image)
    for prediction in _drawn().iterator():
        faults += _check_heatmap(prediction)
    faults += _find_orphans()
    return Checked(images, faults)


@transaction.atomic
def record_check(*, checked: Checked, checked_by: User | None = None) -> None:
    """Leave a trace that somebody looked, and of what was found."""
    record_event(
        laboratory=None,
        actor=checked_by,
        action="integrity.check",
        subject="store",
        detail={
            "images": checked.images,
            "faults": [f"{fault.subject} {fault.what}" for fault in checked.faults],
        },
    )


_FILES = ("stored_file", "display_file", "thumbnail_file")
_IMAGE_FIELDS = (*_FILES, "sha256_stored", "purged_at")


def _check_image(image: Image) -> Iterator[Fault]:
    subject = f"image:{image.pk}"
    if image.purged_at is not None:
        yield from _check_purged(image)
        return
    try:
        if hash_file(store().local(image.stored_file)) != image.sha256_stored:
            yield Fault(subject, "the stored file has another hash")
    except StoredFileMissingError:
        yield Fault(subject, "the stored file is missing")
    except OSError as error:
        yield Fault(subject, f"the stored file cannot be read: {error.strerror}")
    for name in ("display_file", "thumbnail_file"):
        if not is_there(getattr(image, name)):
            yield Fault(subject, f"the {name.removesuffix('_file')} is missing")


def _check_purged(image: Image) -> Iterator[Fault]:
    for name in _FILES:
        if is_there(getattr(image, name)):
            what = name.replace("_", " ")
            yield Fault(f"image:{image.pk}", f"the {what} is there after its purge")


def _check_heatmap(prediction: Prediction) -> Iterator[Fault]:
    if prediction.heatmap_file is None:
        return
    is_purged = prediction.analysis.image.purged_at is not None
    if is_there(prediction.heatmap_file) == is_purged:
        what = "is there after its purge" if is_purged else "is missing"
        yield Fault(f"prediction:{prediction.pk}", f"the heatmap {what}")


def _find_orphans() -> Iterator[Fault]:
    """The store is listed first: what comes on record meanwhile is no orphan."""
    listed = set(store().kept(older_than_s=SETTLED_S))
    for file_id in sorted(listed - _on_record()):
        yield Fault(f"file:{file_id}", "no record names this file")


def _on_record() -> set[UUID]:
    files = Image.objects.order_by().values_list(
        "stored_file", "display_file", "thumbnail_file"
    )
    named = {file_id for row in files.iterator() for file_id in row}
    heatmaps = _drawn().order_by().values_list("heatmap_file", flat=True)
    return named | {file_id for file_id in heatmaps.iterator() if file_id}


def _drawn() -> QuerySet[Prediction]:
    drawn = Prediction.objects.filter(heatmap_file__isnull=False)
    return drawn.select_related("analysis__image").only(
        "heatmap_file", "analysis__image__purged_at"
    )
