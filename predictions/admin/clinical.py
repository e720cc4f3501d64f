"""Windows onto what belongs to patients: who looks in from outside is on record."""

from collections import Counter
from operator import attrgetter
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from predictions.admin.windows import Window, acting, is_keeper
from predictions.models import Laboratory
from predictions.services.readings import (
    record_outsider_list,
    record_outsider_reading,
)


class ClinicalWindow(Window):
    """A superuser who is no member reads on record: each row, and each list.

    `laboratory_path` leads from a row to its laboratory, through what
    `list_select_related` brings along.
    """

    laboratory_path: ClassVar[str]
    # What the trail calls a row, and reading it; the model's own name where empty.
    subject: ClassVar[str] = ""
    reading: ClassVar[str] = ""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context and is_keeper(request):
            record_outsider_list(
                user=acting(request),
                model=str(self.opts.model_name),
                rows=Counter(map(self._laboratory_id, context["cl"].result_list)),
            )
        return response

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002 - Django's signature.
        change: bool = False,  # noqa: FBT001, FBT002 - Django's signature.
        form_url: str = "",
        obj: Model | None = None,
    ) -> HttpResponse:
        if obj is not None and is_keeper(request):
            record_outsider_reading(
                user=acting(request),
                laboratory=self._laboratory(obj),
                subject=f"{self.subject or self.opts.model_name}:{obj.pk}",
                action=f"{self.reading or self.opts.model_name}.read",
            )
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _laboratory(self, row: Model) -> Laboratory:
        laboratory: Laboratory = attrgetter(self._path)(row)
        return laboratory

    def _laboratory_id(self, row: Model) -> UUID:
        laboratory_id: UUID = attrgetter(f"{self._path}_id")(row)
        return laboratory_id

    @property
    def _path(self) -> str:
        return self.laboratory_path.replace("__", ".")
