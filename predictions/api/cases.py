"""Cases."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.filters import CaseQuery, ListedFilter
from predictions.api.requests import found, person
from predictions.api.serializers.cases import CaseIn, CaseOut
from predictions.api.views import ApiView
from predictions.models import Case, Laboratory, Scope
from predictions.services.cases import open_case


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
    needs = {"list": Scope.READ, "retrieve": Scope.READ, "create": Scope.WRITE}

    def get_queryset(self) -> QuerySet[Case]:
        return Case.objects.visible_to(person(self.request)).select_related(
            "laboratory", "patient", "assignee", "created_by"
        )

    @extend_schema(request=CaseIn, responses={201: CaseOut})
    def create(self, request: Request) -> Response:
        """Open a case."""
        sent = CaseIn(data=request.data)
        sent.is_valid(raise_exception=True)
        said = sent.validated_data
        case = open_case(
            laboratory=_laboratory(request, said.get("laboratory")),
            opened_by=person(request),
            accession_number=said["accession_number"],
            patient_code=said["patient"],
            priority=said["priority"],
        )
        return Response(CaseOut(case).data, status=201)


def _laboratory(request: Request, stated: UUID | None) -> Laboratory:
    """The one stated, or the only one there is."""
    mine = Laboratory.objects.visible_to(person(request))
    if stated is not None:
        return found(mine, stated)
    known: list[Laboratory] = list(mine[:20])
    if len(known) == 1:
        return known[0]
    names = ", ".join(f"{laboratory.pk} ({laboratory.name})" for laboratory in known)
    raise ValidationError({"laboratory": f"State one of: {names or 'none yet'}."})
