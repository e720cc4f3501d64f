"""What was asked, and what was answered."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from predictions.admin.acts import act_on_each
from predictions.admin.clinical import ClinicalWindow
from predictions.admin.laboratory_filter import LaboratoryFilter
from predictions.admin.windows import NOTICE, acting
from predictions.models import Analysis, Case, Prediction
from predictions.services.analyses import ask_again, cancel_analysis


@admin.register(Analysis)
class AnalysisAdmin(ClinicalWindow):
    laboratory_path = "image__case__laboratory"
    list_display = [
        "short_id",
        "case",
        "model_name",
        "status",
        "failure_reason",
        "priority",
        "attempt",
        "asked_by",
        "created_at",
        "finished_at",
    ]
    list_select_related = ["image__case__laboratory", "asked_by"]
    list_filter = ["status", "priority", ("image__case__laboratory", LaboratoryFilter)]
    search_fields = ["=id", "=image__id", "image__case__accession_number"]
    date_hierarchy = "created_at"
    exclude = ["token"]
    actions = ["ask_again", "cancel"]

    @admin.display(description="analysis")
    def short_id(self, analysis: Analysis) -> str:
        return str(analysis.pk)[:8]

    @admin.display(ordering="image__case__accession_number")
    def case(self, analysis: Analysis) -> Case:
        return analysis.image.case

    @admin.action(description="Ask again")
    def ask_again(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> None:
        user = acting(request)
        act_on_each(
            self,
            request,
            queryset.select_related("image__case__laboratory"),
            name=lambda asked: asked.image,
            done="asked again",
            act=lambda asked: bool(ask_again(analysis=asked, asked_by=user)),
        )

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> None:
        user = acting(request)
        act_on_each(
            self,
            request,
            queryset.select_related("image__case__laboratory"),
            name=lambda asked: asked.image,
            done="cancelled",
            act=lambda asked: cancel_analysis(analysis=asked, cancelled_by=user),
        )


@admin.register(Prediction)
class PredictionAdmin(ClinicalWindow):
    """Answers. No score stands alone: see `score`."""

    laboratory_path = "analysis__image__case__laboratory"
    subject = "analysis"  # An answer goes by the id of its question.
    list_display = ["case", "outcome", "score", "interval", "created_at"]
    list_select_related = ["analysis__image__case__laboratory", "model_version"]
    list_filter = [
        "outcome",
        "model_version",
        "spacing_assumed",
        ("analysis__image__case__laboratory", LaboratoryFilter),
    ]
    search_fields = ["=analysis__id", "analysis__image__case__accession_number"]
    date_hierarchy = "created_at"
    fields = [
        "case",
        "analysis",
        "outcome",
        "score",
        "interval",
        "refusal_reason",
        "model_version",
        "tissue",
        "spacing_um",
        "spacing_assumed",
        "input_sha256",
        "tile_count",
        "seconds",
        "created_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the evidence, which is long."""
        return super().get_queryset(request).defer("tiles", "seconds")

    @admin.display(ordering="analysis__image__case__accession_number")
    def case(self, prediction: Prediction) -> Case:
        return prediction.analysis.image.case

    @admin.display(
        description="calibrated probability of malignancy", ordering="probability"
    )
    def score(self, prediction: Prediction) -> str:
        known = prediction.probability
        said = "none" if known is None else f"{known:.3f}"
        return f"{said}, by {prediction.model_version}. {NOTICE}"

    @admin.display(description="interval over the image's tiles")
    def interval(self, prediction: Prediction) -> str:
        low, high = prediction.interval_low, prediction.interval_high
        if low is None or high is None:
            return "none stated"
        return f"{low:.3f} to {high:.3f}"

    @admin.display(description="tiles")
    def tile_count(self, prediction: Prediction) -> int:
        return len(prediction.tiles)
