"""One image with its answer; and how large its pixels are."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from predictions.forms.images import SpacingForm
from predictions.services.errors import ConflictError, ServiceError
from predictions.services.spacing import state_spacing
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.cases import UNCHANGED
from predictions.views.refusals import refusal
from predictions.views.shown import Picture, fingerprint


@require_safe
@signed_in
def image_detail(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    context = _picture_of(request, image_id)
    return render(request, "predictions/image_detail.html", context)


@require_safe
@signed_in
def image_answer(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    """The part of the image page that moves; at the end the whole page comes anew."""
    context = _picture_of(request, image_id)
    if request.GET.get("seen") == context["fingerprint"]:
        return HttpResponse(status=UNCHANGED)
    picture = context["picture"]
    if isinstance(picture, Picture) and not picture.newest.is_unfinished:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "predictions/image_answer.html", context)


@require_POST
@signed_in
def image_spacing(request: SignedInRequest, image_id: UUID) -> HttpResponse:
    image = queries.found(queries.images(request.user), image_id)
    form = SpacingForm(request.POST)
    if not form.is_valid():
        # What is wrong with it stands far down the page.
        form.fields["spacing_um"].widget.attrs["autofocus"] = True
        context = _picture_of(request, image_id) | {"spacing": form}
        return render(request, "predictions/image_detail.html", context, status=422)
    try:
        state_spacing(image=image, stated_by=request.user, **form.cleaned_data)
    except ConflictError as error:
        messages.info(request, str(error))
    except ServiceError as error:
        return refusal(request, error)
    return redirect("image-detail", image.pk)


def _picture_of(request: SignedInRequest, image_id: UUID) -> dict[str, object]:
    image = queries.found(queries.images(request.user), image_id)
    picture = Picture(image, request.user)
    return {
        "picture": picture,
        "case": image.case,
        "question": picture.newest,
        "answer": picture.newest.answer,
        "fingerprint": fingerprint([picture]),
        "spacing": SpacingForm(),
        "may_ask": queries.may_ask(request.user, image.case),
    }
