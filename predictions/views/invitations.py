"""What somebody sees who was sent a link."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from predictions.forms.people import JoinForm
from predictions.models import Invitation
from predictions.services.errors import ConflictError, ServiceError
from predictions.services.people import (
    UnfitAccountError,
    accept_invitation,
    join_by_invitation,
    look_at_invitation,
)
from predictions.views.addresses import address_of
from predictions.views.refusals import refusal


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Who asks one to come where, as what; to be accepted with an account or without.

    Used, revoked, expired and unknown look the same.
    """
    try:
        offer = look_at_invitation(secret=secret, address=address_of(request))
        if isinstance(request.user, User):
            return _accept(request, offer, secret=secret, user=request.user)
        return _join(request, offer, secret=secret)
    except ServiceError as error:
        return refusal(request, error)


def _accept(
    request: HttpRequest, offer: Invitation, *, secret: str, user: User
) -> HttpResponse:
    context: dict[str, object] = {"offer": offer}
    if request.method == "POST":
        try:
            accept_invitation(secret=secret, user=user)
        except ConflictError as error:
            context["refused"] = error
        else:
            return _welcome(request, offer)
    status = 409 if "refused" in context else 200
    page = "predictions/people/invitation_accept.html"
    return render(request, page, context, status=status)


def _join(request: HttpRequest, offer: Invitation, *, secret: str) -> HttpResponse:
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = join_by_invitation(secret=secret, **form.cleaned_data)
        except UnfitAccountError as error:
            form.add_error(error.field, str(error))
        else:
            login(request, user)
            return _welcome(request, offer)
    status = 422 if form.errors else 200
    page = "predictions/people/invitation_join.html"
    return render(request, page, {"offer": offer, "form": form}, status=status)


def _welcome(request: HttpRequest, offer: Invitation) -> HttpResponse:
    role = offer.get_role_display().lower()
    messages.success(request, f"Welcome to {offer.laboratory}: your role is {role}.")
    return redirect("case-list")
