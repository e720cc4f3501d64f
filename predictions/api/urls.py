"""Every address of the API. Ids are UUIDs; addresses have no slash at their end."""

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from predictions.api.analyses import AnalysisViewSet, PredictionViewSet
from predictions.api.cases import CaseViewSet
from predictions.api.documentation import ApiPage
from predictions.api.images import CaseImagesView, ImageViewSet
from predictions.api.problem_pages import problem_list, problem_page

app_name = "api"

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("cases", CaseViewSet)
router.register("images", ImageViewSet)
router.register("analyses", AnalysisViewSet)
router.register("predictions", PredictionViewSet)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", ApiPage.as_view(), name="page"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("problems", problem_list, name="problems"),
    path("problems/<slug:code>", problem_page, name="problem"),
    path("cases/<uuid:case_id>/images", CaseImagesView.as_view(), name="case-images"),
    *router.urls,
]
