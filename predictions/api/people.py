"""Who belongs to a laboratory, as what; and who is invited."""

from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.api.filters import InvitationQuery, ListedFilter, MemberQuery
from predictions.api.repeats import ShownOnce
from predictions.api.requests import checked, found, person
from predictions.api.serializers.laboratories import MemberOut
from predictions.api.serializers.people import (
    KEEP_IT,
    SHOWN,
    InvitationIn,
    InvitationOut,
    MemberChangeIn,
    NewInvitationOut,
)
from predictions.api.views import ApiView
from predictions.models import Invitation, Laboratory, Membership, Role, Scope
from predictions.services.laboratories import require_administrator
from predictions.services.people import (
    change_role,
    disable_member,
    enable_member,
    invite,
    revoke_invitation,
)


class MembersView(ApiView, GenericAPIView[Membership]):
    """Who belongs to a laboratory."""

    queryset = Membership.objects.none()
    serializer_class = MemberOut
    filter_backends = [ListedFilter]
    query_class = MemberQuery
    needs = {"get": Scope.READ}

    @extend_schema(
        operation_id="laboratories_members_list",
        responses={200: MemberOut(many=True)},
    )
    def get(self, request: Request, laboratory_id: UUID) -> Response:
        """The members of a laboratory, for its members."""
        members = _laboratory(request, laboratory_id).memberships
        rows = self.filter_queryset(members.select_related("user"))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(MemberOut(page or [], many=True).data)


class MemberView(ApiView):
    """One member."""

    needs = {"patch": Scope.ADMINISTER}

    @extend_schema(
        operation_id="members_partial_update",
        request=MemberChangeIn,
        responses={200: MemberOut},
    )
    def patch(self, request: Request, member_id: int) -> Response:
        """Give a member another role; for administrators, and not of oneself."""
        said = checked(MemberChangeIn(data=request.data))
        changed = change_role(
            membership=found(_members(request), member_id),
            role=Role(said["role"]),
            changed_by=person(request),
        )
        return Response(MemberOut(changed).data)


class MemberDisableView(ApiView):
    """Somebody who may not come in any more."""

    needs = {"post": Scope.ADMINISTER}

    @extend_schema(
        operation_id="members_disable", request=None, responses={200: MemberOut}
    )
    def post(self, request: Request, member_id: int) -> Response:
        """Hide the laboratory from a member, at once; sessions and tokens end."""
        member = found(_members(request), member_id)
        ended = disable_member(membership=member, disabled_by=person(request))
        return Response(MemberOut(ended).data)


class MemberEnableView(ApiView):
    """Somebody who may come in again."""

    needs = {"post": Scope.ADMINISTER}

    @extend_schema(
        operation_id="members_enable", request=None, responses={200: MemberOut}
    )
    def post(self, request: Request, member_id: int) -> Response:
        """Let a disabled member in again, in the role of before."""
        member = found(_members(request), member_id)
        again = enable_member(membership=member, enabled_by=person(request))
        return Response(MemberOut(again).data)


class InvitationsView(ApiView, GenericAPIView[Invitation]):
    """Who was invited to a laboratory."""

    queryset = Invitation.objects.none()
    serializer_class = InvitationOut
    filter_backends = [ListedFilter]
    query_class = InvitationQuery
    needs = {"get": Scope.ADMINISTER, "post": Scope.ADMINISTER}

    @extend_schema(
        operation_id="laboratories_invitations_list",
        responses={200: InvitationOut(many=True)},
    )
    def get(self, request: Request, laboratory_id: UUID) -> Response:
        """Invitations, used and unused; for administrators."""
        laboratory = _laboratory(request, laboratory_id)
        require_administrator(laboratory=laboratory, user=person(request))
        rows = _invitations(request).filter(laboratory=laboratory)
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(InvitationOut(page or [], many=True).data)

    @extend_schema(
        operation_id="laboratories_invitations_create",
        request=InvitationIn,
        responses={201: NewInvitationOut},
    )
    def post(self, request: Request, laboratory_id: UUID) -> Response:
        """Offer a role, by a link that works once; for administrators."""
        laboratory = _laboratory(request, laboratory_id)
        said = checked(InvitationIn(data=request.data))
        invitation, secret = invite(
            laboratory=laboratory,
            role=Role(said["role"]),
            note=said["note"],
            invited_by=person(request),
        )
        link = request.build_absolute_uri(reverse("invitation", args=[secret]))
        offer = InvitationOut(invitation).data
        shown = {**offer, "link": link, "link_note": KEEP_IT}
        return ShownOnce(shown, {"link": None, "link_note": SHOWN}, status=201)


class InvitationRevokeView(ApiView):
    """An offer that is taken back."""

    needs = {"post": Scope.ADMINISTER}

    @extend_schema(
        operation_id="invitations_revoke", request=None, responses={200: InvitationOut}
    )
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Make a link useless, if it still is of use; for administrators."""
        invitation = found(_invitations(request), invitation_id)
        revoke_invitation(invitation=invitation, revoked_by=person(request))
        again = found(_invitations(request), invitation_id)
        return Response(InvitationOut(again).data)


def _laboratory(request: Request, laboratory_id: UUID) -> Laboratory:
    return found(Laboratory.objects.visible_to(person(request)), laboratory_id)


def _members(request: Request) -> QuerySet[Membership]:
    mine = Laboratory.objects.visible_to(person(request))
    return Membership.objects.filter(laboratory__in=mine).select_related(
        "laboratory", "user"
    )


def _invitations(request: Request) -> QuerySet[Invitation]:
    return Invitation.objects.visible_to(person(request)).select_related(
        "laboratory", "invited_by", "accepted_by"
    )
