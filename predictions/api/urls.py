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
from predictions.api.fetches import CaseFetchesView, FetchViewSet
from predictions.api.images import CaseImagesView, ImageViewSet
from predictions.api.imports import ImportCheckView, ImportView
from predictions.api.laboratories import (
    AuditView,
    LaboratoryViewSet,
    MeView,
)
from predictions.api.people import (
    InvitationRevokeView,
    InvitationsView,
    MemberDisableView,
    MemberEnableView,
    MembersView,
    MemberView,
)
from predictions.api.problem_pages import problem_list, problem_page
from predictions.api.tokens import TokenViewSet

app_name = "api"

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("cases", CaseViewSet)
router.register("images", ImageViewSet)
router.register("analyses", AnalysisViewSet)
router.register("predictions", PredictionViewSet)
router.register("fetches", FetchViewSet)
router.register("laboratories", LaboratoryViewSet)
router.register("tokens", TokenViewSet, basename="token")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", ApiPage.as_view(), name="page"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("problems", problem_list, name="problems"),
    path("problems/<slug:code>", problem_page, name="problem"),
    path("me", MeView.as_view(), name="me"),
    path("cases/<uuid:case_id>/images", CaseImagesView.as_view(), name="case-images"),
    path(
        "cases/<uuid:case_id>/fetches", CaseFetchesView.as_view(), name="case-fetches"
    ),
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
    path(
        "laboratories/<uuid:laboratory_id>/invitations",
        InvitationsView.as_view(),
        name="invitations",
    ),
    path(
        "invitations/<uuid:invitation_id>/revoke",
        InvitationRevokeView.as_view(),
        name="invitation-revoke",
    ),
    path("members/<int:member_id>", MemberView.as_view(), name="member"),
    path(
        "members/<int:member_id>/disable",
        MemberDisableView.as_view(),
        name="member-disable",
    ),
    path(
        "members/<int:member_id>/enable",
        MemberEnableView.as_view(),
        name="member-enable",
    ),
    path("exports/cases", CaseExportView.as_view(), name="export-cases"),
    path("exports/answers", AnswerExportView.as_view(), name="export-answers"),
    path("imports", ImportView.as_view(), name="imports"),
    path("imports/check", ImportCheckView.as_view(), name="import-check"),
    *router.urls,
]
