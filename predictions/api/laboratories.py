"""Laboratories, their people and their trail; and who asks."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.filters import (
    AuditQuery,
    LaboratoryQuery,
    ListedFilter,
    MemberQuery,
)
from predictions.api.requests import checked, found, person
from predictions.api.serializers.laboratories import (
    AuditEventOut,
    LaboratoryChangeIn,
    LaboratoryOut,
    MemberOut,
    MeOut,
)
from predictions.api.views import ApiView
from predictions.models import AuditEvent, Laboratory, Membership, Role, Scope
from predictions.services.laboratories import change_laboratory, require_role

ADMINISTRATORS = (Role.ADMINISTRATOR,)


class LaboratoryViewSet(
    ApiView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Laboratory],
):
    """The laboratories that the token's owner belongs to."""

    queryset = Laboratory.objects.none()
    serializer_class = LaboratoryOut
    filter_backends = [ListedFilter]
    query_class = LaboratoryQuery
    needs = {
        "list": Scope.READ,
        "retrieve": Scope.READ,
        "partial_update": Scope.ADMINISTER,
    }

    def get_queryset(self) -> QuerySet[Laboratory]:
        return Laboratory.objects.visible_to(person(self.request))

    @extend_schema(request=LaboratoryChangeIn, responses={200: LaboratoryOut})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change what is named; for its administrators."""
        laboratory, user = found(self.get_queryset(), pk), person(request)
        require_role(laboratory=laboratory, user=user, roles=ADMINISTRATORS)
        said = checked(LaboratoryChangeIn(data=request.data))
        for name, value in said.items():
            setattr(laboratory, name, value)
        change_laboratory(laboratory=laboratory, changed_by=user, names=list(said))
        return Response(LaboratoryOut(laboratory).data)


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
        mine = Laboratory.objects.visible_to(person(request))
        members = found(mine, laboratory_id).memberships.select_related("user")
        page = self.paginate_queryset(self.filter_queryset(members))
        return self.get_paginated_response(MemberOut(page or [], many=True).data)


class AuditView(ApiView, GenericAPIView[AuditEvent]):
    """A laboratory's trail."""

    queryset = AuditEvent.objects.none()
    serializer_class = AuditEventOut
    filter_backends = [ListedFilter]
    query_class = AuditQuery
    needs = {"get": Scope.ADMINISTER}

    @extend_schema(
        operation_id="laboratories_audit_list",
        responses={200: AuditEventOut(many=True)},
    )
    def get(self, request: Request, laboratory_id: UUID) -> Response:
        """Who did what, when; for the laboratory's administrators."""
        user = person(request)
        laboratory = found(Laboratory.objects.visible_to(user), laboratory_id)
        require_role(laboratory=laboratory, user=user, roles=ADMINISTRATORS)
        events = AuditEvent.objects.chain(laboratory)
        page = self.paginate_queryset(self.filter_queryset(events))
        return self.get_paginated_response(AuditEventOut(page or [], many=True).data)


class MeView(ApiView):
    """Who asks."""

    needs = {"get": Scope.READ}

    @extend_schema(operation_id="me", responses={200: MeOut})
    def get(self, request: Request) -> Response:
        """The person, roles and laboratories behind the token, and its scopes."""
        user = person(request)
        roles = Membership.objects.of(user).select_related("laboratory")
        shown = {
            "username": user.get_username(),
            "laboratories": roles,
            "token": request.auth,
        }
        return Response(MeOut(shown).data)
