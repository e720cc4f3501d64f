"""The record as tables, for spreadsheets and other programs."""

from collections.abc import Callable, Iterator

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from predictions.api.documentation import pictures
from predictions.api.filters import ExportQuery, ask
from predictions.api.requests import person
from predictions.api.views import ApiView
from predictions.models import Scope
from predictions.services.exports import (
    Row,
    csv_lines,
    export_answers,
    export_cases,
)

CSV = "text/csv"


class CaseExportView(ApiView):
    """Cases, a row each."""

    needs = {"get": Scope.READ}

    @extend_schema(
        operation_id="exports_cases", parameters=[ExportQuery], responses=pictures(CSV)
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The cases that fit, as CSV; on the trail. No cell runs as a formula."""
        return _send(request, export_cases, name="cases.csv")


class AnswerExportView(ApiView):
    """Answers, a row each."""

    needs = {"get": Scope.READ}

    @extend_schema(
        operation_id="exports_answers",
        parameters=[ExportQuery],
        responses=pictures(CSV),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Every answer about these cases' images, void ones too, as CSV; likewise."""
        return _send(request, export_answers, name="answers.csv")


def _send(
    request: Request, export: Callable[..., Iterator[Row]], *, name: str
) -> HttpResponseBase:
    asked = ask(ExportQuery, request)
    rows = export(exported_by=person(request), filters=asked.filters())
    response = StreamingHttpResponse(
        csv_lines(rows), content_type=f"{CSV}; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
