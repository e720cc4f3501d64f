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
)
from predictions.api.requests import checked, found, person
from predictions.api.serializers.laboratories import (
    AuditEventOut,
    LaboratoryChangeIn,
    LaboratoryOut,
    MeOut,
)
from predictions.api.views import ApiView
from predictions.models import AuditEvent, Laboratory, Membership, Scope
from predictions.services.laboratories import change_laboratory, require_administrator


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
        require_administrator(laboratory=laboratory, user=user)
        said = checked(LaboratoryChangeIn(data=request.data))
        for name, value in said.items():
            setattr(laboratory, name, value)
        change_laboratory(laboratory=laboratory, changed_by=user, names=list(said))
        return Response(LaboratoryOut(laboratory).data)


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
        require_administrator(laboratory=laboratory, user=user)
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
