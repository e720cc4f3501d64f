"""Cases, and what is said about them."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.filters import CaseQuery, ListedFilter, MessageQuery
from predictions.api.requests import checked, found, person, stated_laboratory
from predictions.api.serializers.cases import (
    CaseChangeIn,
    CaseIn,
    CaseOut,
    MessageIn,
    MessageOut,
)
from predictions.api.views import ApiView
from predictions.models import Case, Laboratory, Message, Scope
from predictions.services.cases import assignees, change_case, open_case
from predictions.services.messages import post_message
from predictions.services.worklist import listed


class CaseViewSet(
    ApiView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Case],
):
    """The cases of the laboratories that the token's owner belongs to."""

    queryset = Case.objects.none()
    serializer_class = CaseOut
    filter_backends = [ListedFilter]
    query_class = CaseQuery
    needs = {
        "list": Scope.READ,
        "retrieve": Scope.READ,
        "create": Scope.WRITE,
        "partial_update": Scope.WRITE,
    }

    def get_queryset(self) -> QuerySet[Case]:
        return listed(Case.objects.visible_to(person(self.request)))

    @extend_schema(request=CaseIn, responses={201: CaseOut})
    def create(self, request: Request) -> Response:
        """Open a case."""
        said = checked(CaseIn(data=request.data))
        case = open_case(
            laboratory=stated_laboratory(request, said.get("laboratory")),
            opened_by=person(request),
            accession_number=said["accession_number"],
            patient_code=said["patient"],
            priority=said["priority"],
        )
        shown = found(self.get_queryset(), case.pk)
        return Response(CaseOut(shown).data, status=201)

    @extend_schema(request=CaseChangeIn, responses={200: CaseOut})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change what is named; the rest stays as it is."""
        case = found(self.get_queryset(), pk)
        said = checked(CaseChangeIn(data=request.data))
        wanted = {_COLUMNS.get(name, name): value for name, value in said.items()}
        if wanted.get("assignee"):
            wanted["assignee"] = _colleague(case.laboratory, wanted["assignee"])
        change_case(case=case, changed_by=person(request), **wanted)
        return Response(CaseOut(found(self.get_queryset(), pk)).data)


class MessagesView(ApiView, GenericAPIView[Message]):
    """What people tell each other about a case."""

    queryset = Message.objects.none()
    serializer_class = MessageOut
    filter_backends = [ListedFilter]
    query_class = MessageQuery
    needs = {"get": Scope.READ, "post": Scope.WRITE}

    @extend_schema(
        operation_id="cases_messages_list", responses={200: MessageOut(many=True)}
    )
    def get(self, request: Request, case_id: UUID) -> Response:
        """The messages on a case."""
        case = found(Case.objects.visible_to(person(request)), case_id)
        messages = case.messages.select_related("author")
        page = self.paginate_queryset(self.filter_queryset(messages))
        return self.get_paginated_response(MessageOut(page or [], many=True).data)

    @extend_schema(
        operation_id="cases_messages_create",
        request=MessageIn,
        responses={201: MessageOut},
    )
    def post(self, request: Request, case_id: UUID) -> Response:
        """Put a message on the case, for everybody of its laboratory."""
        cases = Case.objects.visible_to(person(request)).select_related("laboratory")
        case = found(cases, case_id)
        said = checked(MessageIn(data=request.data))
        message = post_message(case=case, author=person(request), text=said["text"])
        return Response(MessageOut(message).data, status=201)


# What the services call what the API names shorter.
_COLUMNS = {"patient": "patient_code"}


def _colleague(laboratory: Laboratory, username: str) -> User:
    colleague = assignees([laboratory]).filter(username=username).first()
    if colleague is None:
        raise ValidationError(
            {"assignee": "Name a technician or pathologist of the case's laboratory."}
        )
    return colleague
