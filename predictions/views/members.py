"""A laboratory's people: who they are, what they may do, and who is asked to come."""

from functools import partial
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from predictions.forms.people import InvitationForm, RoleForm
from predictions.models import Laboratory
from predictions.services.errors import ServiceError
from predictions.services.people import (
    change_role,
    disable_member,
    enable_member,
    invite,
    revoke_invitation,
)
from predictions.views import confirming, people_queries
from predictions.views.access import SignedInRequest
from predictions.views.administration import administered
from predictions.views.confirming import Question, confirmed
from predictions.views.queries import found


@require_safe
@administered
def member_list(request: SignedInRequest, laboratory: Laboratory) -> HttpResponse:
    context = {
        "laboratory": laboratory,
        "members": people_queries.members(laboratory),
        "invitations": people_queries.open_invitations(laboratory),
    }
    return render(request, "predictions/people/members.html", context)


@require_http_methods(confirming.METHODS)
@administered
def member_role(
    request: SignedInRequest, laboratory: Laboratory, membership_id: int
) -> HttpResponse:
    membership = found(people_queries.members(laboratory), membership_id)
    form = RoleForm(request.POST or None, initial={"role": membership.role})
    if request.method == "POST" and form.is_valid():
        role = form.cleaned_data["role"]
        try:
            change_role(membership=membership, role=role, changed_by=request.user)
        except ServiceError as error:
            form.add_error(None, str(error))
        else:
            name = membership.user.get_username()
            messages.success(request, f"{name}: the role is {role.label.lower()} now.")
            return redirect("member-list", laboratory.pk)
    context = {"laboratory": laboratory, "membership": membership, "form": form}
    status = 422 if form.errors else 200
    return render(request, "predictions/people/role.html", context, status=status)


@require_http_methods(confirming.METHODS)
@administered
def member_disable(
    request: SignedInRequest, laboratory: Laboratory, membership_id: int
) -> HttpResponse:
    membership = found(people_queries.members(laboratory), membership_id)
    name = membership.user.get_username()
    question = Question(
        title=f"Disable {name} in {laboratory}?",
        words="Nothing of the laboratory is visible to them from then on. If they have "
        "no other laboratory, they are signed out and their API tokens stop working "
        "at once. What they did stays on record, and they can be enabled again.",
        action=f"Disable {name}",
        done=f"{name} is disabled.",
        back=reverse("member-list", args=[laboratory.pk]),
    )
    disable = partial(disable_member, membership=membership, disabled_by=request.user)
    return confirmed(request, question, disable)


@require_http_methods(confirming.METHODS)
@administered
def member_enable(
    request: SignedInRequest, laboratory: Laboratory, membership_id: int
) -> HttpResponse:
    membership = found(people_queries.members(laboratory), membership_id)
    name = membership.user.get_username()
    question = Question(
        title=f"Enable {name} in {laboratory} again?",
        words=f"They come back as {membership.get_role_display().lower()}: look at the "
        "role first. API tokens that have not expired work again.",
        action=f"Enable {name}",
        done=f"{name} is enabled.",
        back=reverse("member-list", args=[laboratory.pk]),
        is_grave=False,
    )
    enable = partial(enable_member, membership=membership, enabled_by=request.user)
    return confirmed(request, question, enable)


@require_http_methods(confirming.METHODS)
@administered
def invitation_new(request: SignedInRequest, laboratory: Laboratory) -> HttpResponse:
    """The form; then, this once, the link."""
    form = InvitationForm(request.POST or None)
    context: dict[str, object] = {"laboratory": laboratory, "form": form}
    if request.method == "POST" and form.is_valid():
        invitation, secret = invite(
            laboratory=laboratory, invited_by=request.user, **form.cleaned_data
        )
        address = reverse("invitation", args=[secret])
        context |= {
            "invitation": invitation,
            "link": request.build_absolute_uri(address),
        }
        return render(request, "predictions/people/invited.html", context)
    status = 422 if form.errors else 200
    return render(request, "predictions/people/invite.html", context, status=status)


@require_http_methods(confirming.METHODS)
@administered
def invitation_revoke(
    request: SignedInRequest, laboratory: Laboratory, invitation_id: UUID
) -> HttpResponse:
    invitation = found(people_queries.open_invitations(laboratory), invitation_id)
    question = Question(
        title=f"Revoke the invitation for {invitation.note}?",
        words="Its link does not work any more. You can make another one.",
        action="Revoke the invitation",
        done=f"The invitation for {invitation.note} is revoked.",
        back=reverse("member-list", args=[laboratory.pk]),
    )
    revoke = partial(revoke_invitation, invitation=invitation, revoked_by=request.user)
    return confirmed(request, question, revoke)
