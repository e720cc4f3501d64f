"""Images to be fetched from an address, by a worker."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.filters import FetchQuery, ListedFilter
from predictions.api.requests import checked, found, person
from predictions.api.serializers.fetches import FetchIn, FetchOut
from predictions.api.views import ApiView
from predictions.models import Case, Fetch, Scope
from predictions.services.errors import ConflictError
from predictions.services.fetches import ask_to_fetch, cancel_fetch


class CaseFetchesView(ApiView):
    """What is fetched into one case."""

    needs = {"post": Scope.WRITE}

    @extend_schema(
        operation_id="cases_fetches_create", request=FetchIn, responses={201: FetchOut}
    )
    def post(self, request: Request, case_id: UUID) -> Response:
        """Have a worker fetch an image; where the laboratory allows it."""
        cases = Case.objects.visible_to(person(request)).select_related("laboratory")
        case = found(cases, case_id)
        said = checked(FetchIn(data=request.data))
        fetch = ask_to_fetch(
            case=case,
            url=said["url"],
            asked_by=person(request),
            spacing_um=said.get("spacing_um"),
            magnification=said.get("magnification"),
            specimen_label=said["specimen"],
        )
        return Response(FetchOut(fetch, context={"request": request}).data, status=201)


class FetchViewSet(
    ApiView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Fetch],
):
    """Images on their way into the cases of the owner's laboratories."""

    queryset = Fetch.objects.none()
    serializer_class = FetchOut
    filter_backends = [ListedFilter]
    query_class = FetchQuery
    needs = {"list": Scope.READ, "retrieve": Scope.READ, "cancel": Scope.WRITE}

    def get_queryset(self) -> QuerySet[Fetch]:
        return Fetch.objects.visible_to(person(self.request)).select_related(
            "asked_by", "case__laboratory"
        )

    @extend_schema(request=None, responses={200: FetchOut})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop wanting the image; 409 if it was finished before."""
        fetch = found(self.get_queryset(), pk)
        if not cancel_fetch(fetch=fetch, cancelled_by=person(request)):
            raise ConflictError("This fetch was finished before.")
        shown = FetchOut(found(self.get_queryset(), pk), context={"request": request})
        return Response(shown.data)
