"""An image in the wrong case: each page says what will happen, before it does."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from predictions.forms.withdrawals import CaseSearchForm, MoveForm, WithdrawalForm
from predictions.models import Case
from predictions.services.errors import NotAllowedError, ServiceError
from predictions.services.images import DuplicateImageError
from predictions.services.laboratories import UPLOADERS, require_role
from predictions.services.standing import ImageWithdrawnError
from predictions.services.withdrawals import move_image, withdraw_image
from predictions.services.words import WordsRefusedError
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.images import picture_of
from predictions.views.refusals import refusal
from predictions.views.shown import Picture

CASES_SHOWN = 10


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def image_withdraw(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    picture = picture_of(request, image_id)
    if closed := _closed(request, picture):
        return closed
    form = WithdrawalForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _withdraw_page(request, picture, form)
    try:
        withdraw_image(
            image=picture.image, withdrawn_by=request.user, **form.cleaned_data
        )
    except WordsRefusedError as error:
        form.add_error("reason", str(error))
        return _withdraw_page(request, picture, form)
    except ServiceError as error:
        return refusal(request, error)
    return redirect("image-detail", image_id)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def image_move(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    picture = picture_of(request, image_id)
    if closed := _closed(request, picture):
        return closed
    beside = queries.cases_beside(picture.image, request.user)
    form = MoveForm(request.POST if request.method == "POST" else None, cases=beside)
    if not form.is_valid():
        return _move_page(request, picture, form)
    try:
        moved = move_image(
            image=picture.image, moved_by=request.user, **form.cleaned_data
        )
    except WordsRefusedError as error:
        form.add_error("reason", str(error))
        return _move_page(request, picture, form)
    except DuplicateImageError as error:
        duplicate = reverse("image-detail", args=[error.image.pk])
        return _move_page(request, picture, form, duplicate=duplicate)
    except ServiceError as error:
        return refusal(request, error)
    return redirect("image-detail", moved.image.pk)


def _closed(request: SignedInRequest, picture: Picture) -> HttpResponse | None:
    """The answer to whom no form is shown: 403, or the page that says it is void."""
    image = picture.image
    try:
        require_role(
            laboratory=image.case.laboratory, user=request.user, roles=UPLOADERS
        )
    except NotAllowedError as error:
        return refusal(request, error)
    if image.is_void:
        messages.info(request, str(ImageWithdrawnError(image)))
        return redirect("image-detail", image.pk)
    return None


def _withdraw_page(
    request: SignedInRequest, picture: Picture, form: WithdrawalForm
) -> HttpResponse:
    context = _context(picture) | {"form": form}
    status = 422 if form.errors else 200
    return render(request, "predictions/image_withdraw.html", context, status=status)


def _move_page(
    request: SignedInRequest, picture: Picture, form: MoveForm, *, duplicate: str = ""
) -> HttpResponse:
    search = CaseSearchForm(request.GET)
    text = search.cleaned_data["q"] if search.is_valid() else ""
    context = _context(picture) | {
        "form": form,
        "search": search,
        "text": text,
        "cases": _cases_shown(request, picture, form, text),
        "chosen": form["to_case"].value(),
        "duplicate": duplicate,
    }
    status = 409 if duplicate else 422 if form.errors else 200
    return render(request, "predictions/image_move.html", context, status=status)


def _cases_shown(
    request: SignedInRequest, picture: Picture, form: MoveForm, text: str
) -> list[Case]:
    """Those whose number is like the text; and the one that was chosen before."""
    beside = queries.cases_beside(picture.image, request.user)
    like = queries.like_accession_number(beside, text)
    shown = list(like[:CASES_SHOWN])
    chosen = getattr(form, "cleaned_data", {}).get("to_case")
    return shown if chosen is None or chosen in shown else [chosen, *shown]


def _context(picture: Picture) -> dict[str, object]:
    return {
        "picture": picture,
        "case": picture.image.case,
        "answers": sum(asked.answer is not None for asked in picture.history),
    }
