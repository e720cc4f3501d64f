"""An image in the wrong case: withdrawn, or moved to the right one. Never deleted."""

from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from predictions.images.errors import ImageError
from predictions.models import Analysis, Case, Image, Specimen
from predictions.models.job import UNFINISHED
from predictions.services.audit import Entry, record_event, record_events
from predictions.services.case_status import restating
from predictions.services.errors import ConflictError
from predictions.services.images import (
    Submission,
    UploadRefusedError,
    record_or_drop,
    refuse_duplicate,
    ring,
)
from predictions.services.laboratories import UPLOADERS, require_role
from predictions.services.standing import ImagePurgedError, ImageWithdrawnError
from predictions.services.storage import store
from predictions.services.words import check_words

REASON_CHARACTERS = (3, 500)
FILES = ("stored_file", "display_file", "thumbnail_file")
# What stays as it was. The day of the upload too: retention counts from there.
FACTS = (
    "filename",
    "format",
    "size_bytes",
    "sha256_received",
    "sha256_stored",
    "width_px",
    "height_px",
    "spacing_um",
    "spacing_assumed",
    "magnification",
    "mode",
    "pages",
    "orientation",
    "uploaded_by",
)


class OtherLaboratoryError(ConflictError):
    """An image does not leave its laboratory."""

    code = "other_laboratory"
    title = "This case is another laboratory's"


@transaction.atomic
def withdraw_image(*, image: Image, reason: str, withdrawn_by: User) -> Image:
    """Make an image and all that was answered about it void; what is under way ends.

    reason: 3 to 500 characters. Raises NotAllowedError, WordsRefusedError,
    ImageWithdrawnError.
    """
    laboratory = image.case.laboratory
    require_role(laboratory=laboratory, user=withdrawn_by, roles=UPLOADERS)
    reason = _check_reason(reason)
    with restating(image.case):
        cancelled = _withdraw(image, reason, withdrawn_by)
    record_event(
        laboratory=laboratory,
        actor=withdrawn_by,
        action="image.withdraw",
        subject=f"image:{image.pk}",
        detail={"sha256": image.sha256_received, "cancelled": cancelled},
    )
    image.refresh_from_db()
    return image


def move_image(
    *, image: Image, to_case: Case, reason: str, moved_by: User
) -> Submission:
    """Withdraw an image here and accept it anew in another case of the laboratory.

    There it has new files (of the same bytes) and is asked about again. Durable before
    it returns. Raises NotAllowedError, OtherLaboratoryError, WordsRefusedError,
    DuplicateImageError if that case has these bytes, ImageWithdrawnError,
    ImagePurgedError, UploadRefusedError.
    """
    laboratory = image.case.laboratory
    require_role(laboratory=laboratory, user=moved_by, roles=UPLOADERS)
    if to_case.laboratory_id != laboratory.pk:
        raise OtherLaboratoryError(f"An image stays in {laboratory}.")
    reason = _check_reason(reason)
    if image.purged_at is not None:
        raise ImagePurgedError(image)
    refuse_duplicate(case=to_case, sha256=image.sha256_received)
    copies = _copy_files(image)
    facts = {name: getattr(image, name) for name in FACTS}
    moved = Image(case=to_case, moved_from=image, **facts, **copies)
    return record_or_drop(
        partial(_move, moved, reason, moved_by),
        image=moved,
        drop=partial(_drop, copies),
    )


def _check_reason(reason: str) -> str:
    least, most = REASON_CHARACTERS
    return check_words(reason, what="The reason", least=least, most=most)


def _withdraw(image: Image, reason: str, withdrawn_by: User) -> list[str]:
    """Returns the analyses that were stopped: from here on nobody adds another."""
    if not Image.objects.withdraw(image, reason=reason, withdrawn_by=withdrawn_by):
        raise ImageWithdrawnError(image)
    under_way = Analysis.objects.filter(image=image, status__in=UNFINISHED)
    ids = list(under_way.order_by("pk").values_list("pk", flat=True))
    return [str(pk) for pk in ids if Analysis.objects.cancel(pk)]


def _copy_files(image: Image) -> dict[str, UUID]:
    copies: dict[str, UUID] = {}
    try:
        for name in FILES:
            copies[name] = store().copy(getattr(image, name))
    except ImageError as error:
        _drop(copies)
        raise UploadRefusedError.because(error) from error
    return copies


def _drop(copies: dict[str, UUID]) -> None:
    for copied in copies.values():
        store().drop(copied)


def _move(moved: Image, reason: str, moved_by: User) -> Submission:
    """ONE transaction: void there, accepted and asked about here, both on the trail."""
    origin, case = _origin(moved), moved.case
    with restating(origin.case, case):
        cancelled = _withdraw(origin, reason, moved_by)
        analysis = _accept(moved, origin, moved_by)
    ring()
    sha256 = moved.sha256_received
    left: dict[str, object] = {
        "sha256": sha256,
        "to": str(moved.pk),
        "cancelled": cancelled,
    }
    came: dict[str, object] = {
        "sha256": sha256,
        "from": str(origin.pk),
        "analysis": str(analysis.pk),
    }
    record_events(
        laboratory=case.laboratory,
        actor=moved_by,
        entries=[
            Entry("image.move", f"image:{origin.pk}", left),
            Entry("image.move", f"image:{moved.pk}", came),
        ],
    )
    return Submission(moved, analysis)


def _accept(moved: Image, origin: Image, moved_by: User) -> Analysis:
    """Put the image on record in its new case, and ask about it."""
    moved.specimen, _ = Specimen.objects.get_or_create(
        case=moved.case, label=origin.specimen.label
    )
    moved.save(force_insert=True)
    Image.objects.filter(pk=moved.pk).update(uploaded_at=origin.uploaded_at)
    moved.refresh_from_db()
    return Analysis.objects.create(
        image=moved,
        model_name=settings.SERVING_MODEL,
        priority=moved.case.priority,
        asked_by=moved_by,
    )


def _origin(moved: Image) -> Image:
    if moved.moved_from is None:
        raise ValueError("only for an image that was moved")
    return moved.moved_from
