"""One image with its answer."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.cases import UNCHANGED
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


def _picture_of(request: SignedInRequest, image_id: UUID) -> dict[str, object]:
    image = queries.found(queries.images(request.user), image_id)
    picture = Picture(image, request.user)
    return {
        "picture": picture,
        "case": image.case,
        "question": picture.newest,
        "answer": picture.newest.answer,
        "fingerprint": fingerprint([picture]),
        "may_ask": queries.may_ask(request.user, image.case),
    }
