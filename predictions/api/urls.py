"""Every address of the API. Ids are UUIDs; addresses have no slash at their end."""

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from predictions.api.analyses import (
    AnalysisViewSet,
    PredictionViewSet,
    ReviewsView,
)
from predictions.api.cases import CaseViewSet, MessagesView
from predictions.api.documentation import ApiPage
from predictions.api.exports import AnswerExportView, CaseExportView
from predictions.api.images import CaseImagesView, ImageViewSet
from predictions.api.imports import ImportCheckView, ImportView
from predictions.api.laboratories import (
    AuditView,
    LaboratoryViewSet,
    MembersView,
    MeView,
)
from predictions.api.problem_pages import problem_list, problem_page

app_name = "api"

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("cases", CaseViewSet)
router.register("images", ImageViewSet)
router.register("analyses", AnalysisViewSet)
router.register("predictions", PredictionViewSet)
router.register("laboratories", LaboratoryViewSet)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", ApiPage.as_view(), name="page"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("problems", problem_list, name="problems"),
    path("problems/<slug:code>", problem_page, name="problem"),
    path("me", MeView.as_view(), name="me"),
    path("cases/<uuid:case_id>/images", CaseImagesView.as_view(), name="case-images"),
    path("cases/<uuid:case_id>/messages", MessagesView.as_view(), name="messages"),
    path(
        "predictions/<uuid:prediction_id>/reviews",
        ReviewsView.as_view(),
        name="reviews",
    ),
    path(
        "laboratories/<uuid:laboratory_id>/members",
        MembersView.as_view(),
        name="members",
    ),
    path("laboratories/<uuid:laboratory_id>/audit", AuditView.as_view(), name="audit"),
    path("exports/cases", CaseExportView.as_view(), name="export-cases"),
    path("exports/answers", AnswerExportView.as_view(), name="export-answers"),
    path("imports", ImportView.as_view(), name="imports"),
    path("imports/check", ImportCheckView.as_view(), name="import-check"),
    *router.urls,
]
