"""Images: accepted, shown, their spacing stated."""

from contextlib import ExitStack
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import FileUploadParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.documentation import UPLOAD, pictures
from predictions.api.files import send, send_original
from predictions.api.filters import ImageQuery, ListedFilter
from predictions.api.queries import images
from predictions.api.receiving import receive
from predictions.api.repeats import respond
from predictions.api.requests import checked, declared_bytes, found, person
from predictions.api.serializers.analyses import AnalysisOut
from predictions.api.serializers.images import (
    ImageOut,
    MoveIn,
    SpacingIn,
    WithdrawIn,
)
from predictions.api.serializers.uploads import UploadIn
from predictions.api.uploads import Delivery
from predictions.api.views import ApiView
from predictions.models import Case, Image, Scope
from predictions.services.images import may_upload
from predictions.services.originals import open_original
from predictions.services.readings import record_reading
from predictions.services.repeats import Answer
from predictions.services.spacing import state_spacing
from predictions.services.withdrawals import move_image, withdraw_image

CREATED, MULTI_STATUS = 201, 207


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
            self.filter_queryset(images(person(request)).filter(case=case))
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
            stated = checked(UploadIn(data=said))
            answers = Delivery(request, case, files).accept(stated)
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
        "original": Scope.READ,
        "spacing": Scope.WRITE,
        "withdraw": Scope.WRITE,
        "move": Scope.WRITE,
    }

    def get_queryset(self) -> QuerySet[Image]:
        return images(person(self.request))

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
        record_reading(
            user=person(request),
            laboratory=image.case.laboratory,
            subject=f"image:{image.pk}",
        )
        return send(request, image, image.display_file, name="display.jpg")

    @extend_schema(responses=pictures("application/octet-stream"))
    @action(detail=True)
    def original(self, request: Request, pk: UUID) -> Any:
        """The bytes as they were sent, metadata included; each time on the trail."""
        image = found(self.get_queryset(), pk)
        path = open_original(image=image, opened_by=person(request))
        return send_original(image, path)

    @extend_schema(request=SpacingIn, responses={201: AnalysisOut})
    @action(detail=True, methods=["post"])
    def spacing(self, request: Request, pk: UUID) -> Response:
        """State the spacing and ask anew; 409 while an answer is on its way."""
        image = found(self.get_queryset(), pk)
        stated = checked(SpacingIn(data=request.data))
        again = state_spacing(image=image, stated_by=person(request), **stated)
        return Response(AnalysisOut(again).data, status=CREATED)

    @extend_schema(request=WithdrawIn, responses={200: ImageOut})
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Take it out of its case: it stays on record, and its answers are void."""
        said = checked(WithdrawIn(data=request.data))
        withdraw_image(
            image=found(self.get_queryset(), pk),
            reason=said["reason"],
            withdrawn_by=person(request),
        )
        return self._shown(request, pk, status=200)

    @extend_schema(request=MoveIn, responses={201: ImageOut})
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: UUID) -> Response:
        """Withdraw it here, and accept it anew in another case; answers the new one."""
        image, user = found(self.get_queryset(), pk), person(request)
        said = checked(MoveIn(data=request.data))
        cases = Case.objects.visible_to(user).select_related("laboratory")
        moved = move_image(
            image=image,
            to_case=found(cases, said["case"]),
            reason=said["reason"],
            moved_by=user,
        )
        return self._shown(request, moved.image.pk, status=CREATED)

    def _shown(self, request: Request, image_id: UUID, *, status: int) -> Response:
        image = found(self.get_queryset(), image_id)
        shown = ImageOut(image, context={"request": request})
        return Response(shown.data, status=status)
