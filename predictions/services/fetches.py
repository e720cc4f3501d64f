"""An image by its address: asked for by a person, fetched by a worker.

The address may carry a name or a key, and so is in no log and no audit event.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from urllib.parse import unquote, urlsplit

from django.contrib.auth.models import User
from django.db import transaction

from predictions.addresses import AddressRefusedError, check_url
from predictions.images.errors import ImageRefusedError
from predictions.images.filenames import check_filename
from predictions.images.store import Part
from predictions.models import Case, Fetch, Image, Laboratory
from predictions.services.audit import record_event
from predictions.services.errors import NotAllowedError, ServiceError
from predictions.services.images import (
    DuplicateImageError,
    ReceivedFile,
    check_spacing,
    may_upload,
    ring,
    submit_image,
)
from predictions.services.laboratories import UPLOADERS, require_role
from predictions.services.rates import spend

# A folder's worth; a list of addresses is better imported.
FETCHES_PER_HOUR = 60
NAMELESS = "image"

SWITCHED_OFF = (
    "{laboratory} does not fetch images by URL. Download the image yourself and upload "
    "it, or ask an administrator of your laboratory to turn it on."
)
NO_LONGER_ALLOWED = (
    "Who asked for this may not add images to the case any more, so nothing was "
    "fetched. Somebody who may has to ask anew."
)


class FetchRefusedError(ServiceError):
    """The address is not one that anything is fetched from."""

    status = 422
    code = "address_refused"
    title = "This address was not accepted"


class StaleFetchError(ServiceError):
    """The attempt is not this worker's any more: what it fetched was discarded."""

    status = 409
    code = "stale_fetch"


@dataclass(frozen=True)
class Errand:
    """What a worker needs to know: where from, and how far it may go."""

    url: str
    allowed_hosts: list[str]


def ask_to_fetch(
    *,
    case: Case,
    url: str,
    asked_by: User,
    spacing_um: float | None = None,
    magnification: float | None = None,
    specimen_label: str = "A",
) -> Fetch:
    """Have a worker fetch an image into the case. Nothing is fetched here.

    Raises NotAllowedError, FetchRefusedError, SpacingRefusedError, UploadRefusedError,
    TooManyError.
    """
    laboratory = case.laboratory
    may_upload(case=case, user=asked_by, declared_bytes=None)
    _require_switch(laboratory)
    check_spacing(spacing_um)
    spend(
        what="fetch.ask",
        whom=asked_by.pk,
        limit=FETCHES_PER_HOUR,
        window=timedelta(hours=1),
    )
    try:
        check_url(url, allowed_hosts=laboratory.fetch_hosts)
    except AddressRefusedError as error:
        raise FetchRefusedError(str(error)) from error
    fetch = Fetch(
        case=case,
        url=url,
        spacing_um=spacing_um,
        magnification=magnification,
        specimen_label=specimen_label,
        asked_by=asked_by,
    )
    with transaction.atomic():
        fetch.save(force_insert=True)
        ring()
        _record(fetch, "fetch.ask", actor=asked_by)
    return fetch


def fetch_again(*, fetch: Fetch, asked_by: User) -> Fetch:
    """Ask anew for what was not fetched: a new row. Raises what ask_to_fetch raises."""
    return ask_to_fetch(
        case=fetch.case,
        url=fetch.url,
        asked_by=asked_by,
        spacing_um=fetch.spacing_um,
        magnification=fetch.magnification,
        specimen_label=fetch.specimen_label,
    )


@transaction.atomic
def cancel_fetch(*, fetch: Fetch, cancelled_by: User) -> bool:
    """Stop wanting the image. False if it was finished before."""
    laboratory = fetch.case.laboratory
    require_role(laboratory=laboratory, user=cancelled_by, roles=UPLOADERS)
    if not Fetch.objects.cancel(fetch.pk):
        return False
    _record(fetch, "fetch.cancel", actor=cancelled_by)
    return True


def begin_fetch(*, held: Fetch) -> Errand:
    """What to fetch, if it still may be. Raises NotAllowedError, UploadRefusedError."""
    fetch = _look_again(held)
    may_upload(case=fetch.case, user=fetch.asked_by, declared_bytes=None)
    return Errand(fetch.url, fetch.case.laboratory.fetch_hosts)


def record_fetched(*, held: Fetch, part: Part) -> Image:
    """Accept what was fetched as an upload of who asked; the fetch ends with it.

    Both in one transaction: killed before its COMMIT there is neither, after it both.
    What the case has already is pointed at.
    Raises StaleFetchError, NotAllowedError, UploadRefusedError; then nothing is kept.
    """
    with part:
        fetch = _look_again(held)
        size_bytes = part.size_bytes
        may_upload(case=fetch.case, user=fetch.asked_by, declared_bytes=size_bytes)
        try:
            submission = submit_image(
                case=fetch.case,
                uploaded_by=fetch.asked_by,
                received=ReceivedFile(name_in(fetch.url), part),
                spacing_um=fetch.spacing_um,
                specimen_label=fetch.specimen_label,
                magnification=fetch.magnification,
                along=partial(_deliver, held),
            )
        except DuplicateImageError as error:
            with transaction.atomic():
                _deliver(held, error.image)
            return error.image
    return submission.image


@transaction.atomic
def record_failure(*, held: Fetch, reason: str) -> bool:
    """End it without an image, with words that a person can act on."""
    if not Fetch.objects.fail(held, reason):
        return False
    _record(held, "fetch.fail", detail={"reason": reason})
    return True


@transaction.atomic
def retry_later(*, held: Fetch, after: timedelta) -> bool:
    """This attempt came to nothing, and counts."""
    return Fetch.objects.release(held, after=after)


@transaction.atomic
def give_back(*, held: Fetch, after: timedelta) -> bool:
    """This attempt came to nothing through nobody's fault, and does not count."""
    return Fetch.objects.give_back(held, after=after)


@transaction.atomic
def fail_overdue(*, fetch: Fetch, reason: str) -> bool:
    """The clock's verdict on what lapsed, or waited, for the last time."""
    ended = Fetch.objects.fail_lapsed(fetch.pk, reason)
    if not ended:
        ended = Fetch.objects.fail_waiting(fetch.pk, reason)
    if ended:
        _record(fetch, "fetch.fail", detail={"reason": reason})
    return ended


def name_in(url: str) -> str:
    """The last part of the path, as a filename; or none, where it is not an image's."""
    try:
        return check_filename(unquote(urlsplit(url).path))
    except ImageRefusedError:
        return NAMELESS


def _look_again(held: Fetch) -> Fetch:
    """As everything is now: who asked may have left, and the switch been turned off."""
    fetch = Fetch.objects.select_related("case__laboratory", "asked_by").get(pk=held.pk)
    _require_switch(fetch.case.laboratory)
    try:
        require_role(
            laboratory=fetch.case.laboratory, user=fetch.asked_by, roles=UPLOADERS
        )
    except NotAllowedError as error:
        raise NotAllowedError(NO_LONGER_ALLOWED) from error
    return fetch


def _require_switch(laboratory: Laboratory) -> None:
    if not laboratory.may_fetch:
        raise NotAllowedError(SWITCHED_OFF.format(laboratory=laboratory))


def _deliver(held: Fetch, image: Image) -> None:
    if not Fetch.objects.deliver(held, image):
        raise StaleFetchError("This fetch was ended, or taken over, meanwhile.")
    _record(held, "fetch.deliver", detail={"image": str(image.pk)})


def _record(
    fetch: Fetch,
    action: str,
    *,
    actor: User | None = None,
    detail: dict[str, object] | None = None,
) -> None:
    record_event(
        laboratory=fetch.case.laboratory,
        actor=actor,
        action=action,
        subject=f"fetch:{fetch.pk}",
        detail=detail,
    )
