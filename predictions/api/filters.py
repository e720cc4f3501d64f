"""What lists can be narrowed and ordered by: an allow-list, and nothing else."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from predictions.api.fields import PriorityField, WordField
from predictions.models import JobStatus

PAGING = frozenset({"page", "page_size"})


class Query(serializers.Serializer[object]):
    """The parameters of a list. `lookups` names the column behind each filter."""

    lookups: ClassVar[Mapping[str, str]] = {}


class CaseQuery(Query):
    """Which cases."""

    accession_number = WordField(required=False, help_text="A part of it.")
    patient = WordField(required=False, help_text="The whole code.")
    priority = PriorityField(required=False)
    ordering = serializers.ChoiceField(
        ["-created_at", "created_at", "accession_number", "-accession_number"],
        default="-created_at",
    )

    lookups = {
        "accession_number": "accession_number__icontains",
        "patient": "patient__code",
        "priority": "priority",
    }


class ImageQuery(Query):
    """Which images of a case."""

    ordering = serializers.ChoiceField(
        ["uploaded_at", "-uploaded_at"], default="uploaded_at"
    )


class AnalysisQuery(Query):
    """Which analyses."""

    case = serializers.UUIDField(required=False)
    image = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(JobStatus.choices, required=False)
    ordering = serializers.ChoiceField(
        ["-created_at", "created_at"], default="-created_at"
    )

    lookups = {"case": "image__case", "image": "image", "status": "status"}


class ListedFilter(BaseFilterBackend):
    """Applies the view's `query_class`; refuses a parameter that it does not list."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        query_class: type[Query] = view.query_class  # type: ignore[attr-defined] # Ours.
        asked = query_class(data=request.query_params.dict())
        listed = set(asked.fields) | PAGING
        if unknown := sorted(set(request.query_params) - listed):
            raise serializers.ValidationError(
                {
                    name[:64]: f"Known are: {', '.join(sorted(listed))}."
                    for name in unknown
                }
            )
        asked.is_valid(raise_exception=True)
        return _narrow(queryset, asked)


def _narrow(rows: QuerySet[Model], asked: Query) -> QuerySet[Model]:
    """The id last, so that no row is on two pages."""
    wanted = {
        column: asked.validated_data[name]
        for name, column in asked.lookups.items()
        if name in asked.validated_data
    }
    return rows.filter(**wanted).order_by(asked.validated_data["ordering"], "pk")
