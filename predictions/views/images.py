"""One image with its answer; and how large its pixels are."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from predictions.forms.images import SpacingForm
from predictions.forms.reviews import ReviewForm
from predictions.services.errors import ConflictError, ServiceError
from predictions.services.readings import record_reading
from predictions.services.spacing import state_spacing
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.cases import UNCHANGED
from predictions.views.refusals import refusal
from predictions.views.rights import Rights
from predictions.views.shown import Picture, fingerprint


@require_safe
@signed_in
def image_detail(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    picture = picture_of(request, image_id)
    if request.method == "GET":
        record_reading(
            user=request.user,
            laboratory=picture.image.case.laboratory,
            subject=f"image:{picture.image.pk}",
        )
    return image_page(request, picture)


@require_safe
@signed_in
def image_answer(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    """The part of the image page that moves; at the end the whole page comes anew."""
    picture = picture_of(request, image_id)
    if request.GET.get("seen") == fingerprint([picture]):
        return HttpResponse(status=UNCHANGED)
    if not picture.newest.is_unfinished:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = _context(request, picture)
    return render(request, "predictions/image_answer.html", context)


@require_POST
@signed_in
def image_spacing(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    picture = picture_of(request, image_id)
    form = SpacingForm(request.POST)
    if not form.is_valid():
        # What is wrong with it stands far down the page.
        form.fields["spacing_um"].widget.attrs["autofocus"] = True
        return image_page(request, picture, status=422, spacing=form)
    try:
        state_spacing(image=picture.image, stated_by=request.user, **form.cleaned_data)
    except ConflictError as error:
        messages.info(request, str(error))
    except ServiceError as error:
        return refusal(request, error)
    return redirect("image-detail", picture.image.pk)


def picture_of(request: SignedInRequest, image_id: UUID) -> Picture:
    """The image as this person may see it, or 404."""
    image = queries.found(queries.image_pages(request.user), image_id)
    return Picture(image, request.user)


def image_page(
    request: SignedInRequest, picture: Picture, *, status: int = 200, **forms: object
) -> HttpResponse:
    """The whole page; `forms` are those that were sent and not accepted."""
    context = _context(request, picture) | forms
    return render(request, "predictions/image_detail.html", context, status=status)


def _context(request: SignedInRequest, picture: Picture) -> dict[str, object]:
    rights = Rights.over(picture, request.user)
    answered = picture.answered
    review = None
    if rights.review and answered and answered.answer:
        review = ReviewForm(outcome=answered.answer.prediction.outcome)
    return {
        "picture": picture,
        "case": picture.image.case,
        "question": picture.newest,
        "answer": picture.newest.answer,
        "answered": answered,
        "fingerprint": fingerprint([picture]),
        "spacing": SpacingForm(),
        "review": review,
        "rights": rights,
        "may_ask": rights.ask,
    }
