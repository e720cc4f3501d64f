"""Images: accepted, shown, their spacing stated."""

from contextlib import ExitStack
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import FileUploadParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.documentation import UPLOAD, pictures
from predictions.api.files import send
from predictions.api.filters import ImageQuery, ListedFilter
from predictions.api.receiving import receive
from predictions.api.repeats import respond
from predictions.api.requests import declared_bytes, found, person
from predictions.api.serializers.analyses import AnalysisOut
from predictions.api.serializers.images import ImageOut, SpacingIn
from predictions.api.serializers.uploads import UploadIn
from predictions.api.uploads import Delivery
from predictions.api.views import ApiView
from predictions.models import Analysis, Case, Image, Scope
from predictions.services.images import may_upload
from predictions.services.repeats import Answer
from predictions.services.spacing import state_spacing

CREATED, MULTI_STATUS = 201, 207


def _images(request: Request) -> QuerySet[Image]:
    """With their analyses, the newest first, and those analyses' answers."""
    history = Analysis.objects.select_related(
        "asked_by", "image", "prediction__model_version"
    ).order_by("-created_at", "pk")
    return (
        Image.objects.visible_to(person(request))
        .select_related("case", "specimen", "uploaded_by")
        .prefetch_related(Prefetch("analyses", history))
    )


class CaseImagesView(ApiView, GenericAPIView[Image]):
    """The images of one case."""

    queryset = Image.objects.none()
    serializer_class = ImageOut
    filter_backends = [ListedFilter]
    query_class = ImageQuery
    needs = {"get": Scope.READ, "post": Scope.WRITE}
    keeps_own_answers = True
    parser_classes = [MultiPartParser, FileUploadParser]  # For the OpenAPI page only.

    @extend_schema(
        operation_id="cases_images_list", responses={200: ImageOut(many=True)}
    )
    def get(self, request: Request, case_id: UUID) -> Response:
        """The images of a case."""
        case = found(Case.objects.visible_to(person(request)), case_id)
        page = self.paginate_queryset(
            self.filter_queryset(_images(request).filter(case=case))
        )
        shown = ImageOut(page or [], many=True, context={"request": request})
        return self.get_paginated_response(shown.data)

    @extend_schema(**UPLOAD)
    def post(self, request: Request, case_id: UUID) -> Response:
        """Send images; the model is asked about each.

        Person, case, role, quota and disk are checked before the body is read. One
        file that is refused answers with its problem; of several, each has a status
        of its own.
        """
        user = person(request)
        cases = Case.objects.visible_to(user).select_related("laboratory")
        case = found(cases, case_id)
        may_upload(case=case, user=user, declared_bytes=declared_bytes(request))
        files, said = receive(request)
        with ExitStack() as unkept:
            for received in files:
                unkept.enter_context(received.part)
            stated = UploadIn(data=said)
            stated.is_valid(raise_exception=True)
            answers = Delivery(request, case, files).accept(stated.validated_data)
        shown = {"results": [answer.body for answer in answers]}
        status = answers[0].status if len(answers) == 1 else MULTI_STATUS
        is_replayed = all(answer.is_replayed for answer in answers)
        return respond(Answer(status, shown, shown, is_replayed))


class ImageViewSet(ApiView, mixins.RetrieveModelMixin, GenericViewSet[Image]):
    """Images, shown as our own re-encodings without metadata."""

    queryset = Image.objects.none()
    serializer_class = ImageOut
    needs = {
        "retrieve": Scope.READ,
        "thumbnail": Scope.READ,
        "display": Scope.READ,
        "spacing": Scope.WRITE,
    }

    def get_queryset(self) -> QuerySet[Image]:
        return _images(self.request)

    @extend_schema(responses=pictures("image/jpeg"))
    @action(detail=True)
    def thumbnail(self, request: Request, pk: UUID) -> Any:
        """At most 320 pixels on the long side."""
        image = found(self.get_queryset(), pk)
        return send(request, image, image.thumbnail_file, name="thumbnail.jpg")

    @extend_schema(responses=pictures("image/jpeg"))
    @action(detail=True)
    def display(self, request: Request, pk: UUID) -> Any:
        """At most 2048 pixels on the long side."""
        image = found(self.get_queryset(), pk)
        return send(request, image, image.display_file, name="display.jpg")

    @extend_schema(request=SpacingIn, responses={201: AnalysisOut})
    @action(detail=True, methods=["post"])
    def spacing(self, request: Request, pk: UUID) -> Response:
        """State the spacing and ask anew; 409 while an answer is on its way."""
        image = found(self.get_queryset(), pk)
        stated = SpacingIn(data=request.data)
        stated.is_valid(raise_exception=True)
        again = state_spacing(
            image=image, stated_by=person(request), **stated.validated_data
        )
        return Response(AnalysisOut(again).data, status=CREATED)
