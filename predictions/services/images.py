"""Accepting an image: checked pixels, on disk, then on record; or not at all."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, IntegrityError, connection, transaction

from predictions.images.errors import ImageError
from predictions.images.filenames import check_filename
from predictions.images.reading import ImageFacts, inspect
from predictions.images.store import Part, Store
from predictions.models import Analysis, Case, Image, Specimen
from predictions.models.laboratory import SPACING_LIMITS_UM
from predictions.services.audit import record_event
from predictions.services.case_status import restating
from predictions.services.errors import ConflictError, ServiceError
from predictions.services.laboratories import (
    UPLOADERS,
    require_role,
    storage_used,
)
from predictions.services.storage import store

DOORBELL = "histoapp_analyses"  # The channel that the dispatcher listens to.

# Each decode child may take a gigabyte: two at once is what a web pod is sized for.
_decoding = threading.BoundedSemaphore(2)


class UploadRefusedError(ServiceError):
    """Nothing was stored. 507 and 503 may pass; any other status is the file's own."""

    title = "This image was not accepted"

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @classmethod
    def because(cls, error: ImageError) -> "UploadRefusedError":
        return cls(error.message, status=error.status, code=error.code)


class SpacingRefusedError(UploadRefusedError):
    """The stated spacing is no microscope's."""

    title = "This spacing was not accepted"


class DuplicateImageError(ConflictError):
    """The case has these very bytes already."""

    code = "duplicate_image"

    def __init__(self, image: Image) -> None:
        super().__init__("This image is in the case already.", image=str(image.pk))
        self.image = image


@dataclass(frozen=True)
class ReceivedFile:
    """A file that came in whole, and the name it came with."""

    filename: str
    part: Part


@dataclass(frozen=True)
class Submission:
    image: Image
    analysis: Analysis


@dataclass(frozen=True)
class _Kept:
    """Files that are on disk and not yet on record."""

    stored: UUID
    display: UUID
    thumbnail: UUID
    facts: ImageFacts

    def columns(self) -> dict[str, Any]:
        """What the row says of the pixels, and where they lie."""
        return {
            "format": self.facts.format,
            "width_px": self.facts.width_px,
            "height_px": self.facts.height_px,
            "mode": self.facts.mode,
            "pages": self.facts.pages,
            "orientation": self.facts.orientation,
            "stored_file": self.stored,
            "display_file": self.display,
            "thumbnail_file": self.thumbnail,
        }

    def drop(self, files: Store) -> None:
        for name in (self.stored, self.display, self.thumbnail):
            files.drop(name)


def may_upload(*, case: Case, user: User, declared_bytes: int | None) -> None:
    """Refuse what can be refused before the body is read.

    Raises NotAllowedError, UploadRefusedError (413, 507).
    """
    require_role(laboratory=case.laboratory, user=user, roles=UPLOADERS)
    size_bytes = declared_bytes or 0
    if size_bytes > settings.MAX_UPLOAD_BYTES * settings.DATA_UPLOAD_MAX_NUMBER_FILES:
        raise too_large()
    if store().free_bytes() - size_bytes < settings.MIN_FREE_BYTES:
        raise UploadRefusedError(
            "The server's disk is nearly full. Nothing was stored. Tell your "
            "administrator, then upload again.",
            status=507,
            code="store_full",
        )
    used_bytes = storage_used(laboratory=case.laboratory)
    if used_bytes + size_bytes > case.laboratory.quota_bytes:
        raise UploadRefusedError(
            f"{case.laboratory} has used up its storage quota. Nothing was stored. "
            "Ask your administrator for more.",
            status=507,
            code="quota_used_up",
        )


def too_large() -> UploadRefusedError:
    limit_mb = settings.MAX_UPLOAD_BYTES // 1_000_000
    return UploadRefusedError(
        f"This file is larger than {limit_mb} MB. Cut out a smaller field.",
        status=413,
        code="too_large",
    )


def submit_image(
    *,
    case: Case,
    uploaded_by: User,
    received: ReceivedFile,
    spacing_um: float | None,
    specimen_label: str = "A",
    magnification: float | None = None,
    along: Callable[[Image], None] | None = None,
) -> Submission:
    """Accept an image and ask the model about it. Durable before it returns.

    spacing_um: µm per pixel as a person stated it; None takes what the file states,
    or else the laboratory's default, and says that it was assumed.
    along: what is recorded in the same transaction; its ServiceError undoes it all.
    Raises NotAllowedError, UploadRefusedError, DuplicateImageError.
    """
    files, part = store(), received.part
    with part:
        require_role(laboratory=case.laboratory, user=uploaded_by, roles=UPLOADERS)
        check_spacing(spacing_um)
        refuse_duplicate(case=case, sha256=part.sha256)
        try:
            filename = check_filename(received.filename)
            kept = _read_and_keep(files, part)
        except ImageError as error:
            raise UploadRefusedError.because(error) from error
    image = Image(
        case=case,
        filename=filename,
        size_bytes=part.size_bytes,
        sha256_received=part.sha256,
        sha256_stored=part.sha256,
        magnification=magnification,
        uploaded_by=uploaded_by,
        **kept.columns(),
        **_spacing(case, stated_um=spacing_um, found_um=kept.facts.spacing_um),
    )
    return record_or_drop(
        partial(_record, image, specimen_label, along),
        image=image,
        drop=partial(kept.drop, files),
    )


def refuse_duplicate(*, case: Case, sha256: str) -> None:
    """Raise DuplicateImageError if the case has these bytes, not withdrawn."""
    same = Image.objects.standing().filter(case=case, sha256_received=sha256)
    if existing := same.first():
        raise DuplicateImageError(existing)


def check_spacing(spacing_um: float | None) -> None:
    """Raise SpacingRefusedError if it is stated and out of every microscope's range."""
    low, high = SPACING_LIMITS_UM
    if spacing_um is not None and not low <= spacing_um <= high:
        raise SpacingRefusedError(
            f"A spacing of {spacing_um:g} µm/px is no microscope's. "
            f"State one between {low:g} and {high:g}.",
            status=422,
            code="spacing_out_of_range",
        )


def _read_and_keep(files: Store, part: Part) -> _Kept:
    """Decode in the child; then make the file and what is shown of it durable."""
    with files.begin() as display, files.begin() as thumbnail:
        with _decoding:
            facts = inspect(part.path, display=display.path, thumbnail=thumbnail.path)
        with ExitStack() as undo:  # A disk that fills up midway keeps none of them.
            stored, shown, small = (
                _keep(files, one, undo) for one in (part, display, thumbnail)
            )
            undo.pop_all()
        return _Kept(stored, shown, small, facts)


def _keep(files: Store, part: Part, undo: ExitStack) -> UUID:
    kept = files.keep(part)
    undo.callback(files.drop, kept)
    return kept


def _spacing(
    case: Case, *, stated_um: float | None, found_um: float | None
) -> dict[str, Any]:
    """A person's word, the file's, or the laboratory's default; the last is assumed."""
    known_um = stated_um if stated_um is not None else found_um
    if known_um is not None:
        return {"spacing_um": known_um, "spacing_assumed": False}
    default_um = case.laboratory.default_spacing_um
    return {"spacing_um": default_um, "spacing_assumed": default_um is not None}


def record_or_drop(
    record: Callable[[], Submission], *, image: Image, drop: Callable[[], None]
) -> Submission:
    """Put an image's files on record, or drop them where they certainly are not.

    After a COMMIT whose answer was cut nobody knows: an orphan does less harm than a
    row without its files.
    """
    is_uncertain = False
    try:
        with transaction.atomic():
            submission = record()
            is_uncertain = True
    except IntegrityError:
        drop()
        refuse_duplicate(case=image.case, sha256=image.sha256_received)  # In parallel.
        raise
    except (Error, ServiceError):
        if not is_uncertain:
            drop()
        raise
    return submission


def _record(
    image: Image, specimen_label: str, along: Callable[[Image], None] | None
) -> Submission:
    """ONE transaction: Image, Analysis and AuditEvent; then the doorbell."""
    with restating(image.case):
        image.specimen, _ = Specimen.objects.get_or_create(
            case=image.case, label=specimen_label
        )
        image.save(force_insert=True)
        analysis = Analysis.objects.create(
            image=image,
            model_name=settings.SERVING_MODEL,
            priority=image.case.priority,
            asked_by=image.uploaded_by,
        )
    if along is not None:
        along(image)
    ring()
    record_event(
        laboratory=image.case.laboratory,
        actor=image.uploaded_by,
        action="image.accept",
        subject=f"image:{image.pk}",
        detail={"sha256": image.sha256_received, "analysis": str(analysis.pk)},
    )
    return Submission(image, analysis)


def ring() -> None:
    """Wake the dispatchers at COMMIT. Losing this costs a second, nothing else."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {DOORBELL}")
