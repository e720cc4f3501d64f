"""Analyses, and their predictions."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.documentation import pictures
from predictions.api.files import send
from predictions.api.filters import AnalysisQuery, ListedFilter, ReviewQuery
from predictions.api.queries import analyses, predictions, reviews
from predictions.api.requests import checked, found, person
from predictions.api.serializers.analyses import (
    AnalysisOut,
    PredictionDetailOut,
    ReviewIn,
    ReviewOut,
)
from predictions.api.views import ApiView
from predictions.models import Analysis, Prediction, Review, Scope
from predictions.services.analyses import ask_again, cancel_analysis
from predictions.services.errors import ConflictError
from predictions.services.reviews import review_answer


class AnalysisViewSet(
    ApiView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    GenericViewSet[Analysis],
):
    """What was asked about the images of the owner's laboratories."""

    queryset = Analysis.objects.none()
    serializer_class = AnalysisOut
    filter_backends = [ListedFilter]
    query_class = AnalysisQuery
    needs = {
        "list": Scope.READ,
        "retrieve": Scope.READ,
        "again": Scope.WRITE,
        "cancel": Scope.WRITE,
    }

    def get_queryset(self) -> QuerySet[Analysis]:
        return analyses(person(self.request))

    @extend_schema(request=None, responses={201: AnalysisOut})
    @action(detail=True, methods=["post"])
    def again(self, request: Request, pk: UUID) -> Response:
        """Ask the same model again; 409 while an answer is on its way."""
        again = ask_again(
            analysis=found(self.get_queryset(), pk), asked_by=person(request)
        )
        return Response(
            AnalysisOut(found(self.get_queryset(), again.pk)).data, status=201
        )

    @extend_schema(request=None, responses={200: AnalysisOut})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop wanting the answer; 409 if it was finished before."""
        analysis = found(self.get_queryset(), pk)
        if not cancel_analysis(analysis=analysis, cancelled_by=person(request)):
            raise ConflictError("This analysis was finished before.")
        return Response(AnalysisOut(found(self.get_queryset(), pk)).data)


class PredictionViewSet(ApiView, mixins.RetrieveModelMixin, GenericViewSet[Prediction]):
    """Answers, under the ids of their analyses."""

    queryset = Prediction.objects.none()
    serializer_class = PredictionDetailOut
    needs = {"retrieve": Scope.READ, "heatmap": Scope.READ}

    def get_queryset(self) -> QuerySet[Prediction]:
        return predictions(person(self.request))

    @extend_schema(responses=pictures("image/png"))
    @action(detail=True)
    def heatmap(self, request: Request, pk: UUID) -> Any:
        """The attention over the image, transparent where there is none."""
        prediction = found(self.get_queryset(), pk)
        if prediction.heatmap_file is None:
            raise Http404
        image = prediction.analysis.image
        return send(request, image, prediction.heatmap_file, name="heatmap.png")


class ReviewsView(ApiView, GenericAPIView[Review]):
    """What pathologists made of one answer."""

    queryset = Review.objects.none()
    serializer_class = ReviewOut
    filter_backends = [ListedFilter]
    query_class = ReviewQuery
    needs = {"get": Scope.READ, "post": Scope.REVIEW}

    @extend_schema(
        operation_id="predictions_reviews_list", responses={200: ReviewOut(many=True)}
    )
    def get(self, request: Request, prediction_id: UUID) -> Response:
        """The reviews of an answer; the newest counts."""
        prediction = found(predictions(person(request)), prediction_id)
        rows = reviews().filter(prediction=prediction)
        page = self.paginate_queryset(self.filter_queryset(rows))
        return self.get_paginated_response(ReviewOut(page or [], many=True).data)

    @extend_schema(
        operation_id="predictions_reviews_create",
        request=ReviewIn,
        responses={201: ReviewOut},
    )
    def post(self, request: Request, prediction_id: UUID) -> Response:
        """Agree with the answer, or override it and say why. For pathologists."""
        prediction = found(predictions(person(request)), prediction_id)
        said = checked(ReviewIn(data=request.data))
        review = review_answer(prediction=prediction, reader=person(request), **said)
        return Response(ReviewOut(review).data, status=201)
