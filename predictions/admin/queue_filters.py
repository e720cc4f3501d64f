"""By whom a case is to be read."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

ASSIGNEE = "analysis__image__case__assignee"


class AssigneeFilter(admin.SimpleListFilter):
    """Mine, nobody's, somebody else's: what a person asks of a queue."""

    title = "assignee"
    parameter_name = "assignee"

    def lookups(
        self, request: HttpRequest, model_admin: "ModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        return [("me", "Me"), ("nobody", "Nobody"), ("others", "Somebody else")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        chosen = self.value()
        if chosen == "me":
            return queryset.filter(**{ASSIGNEE: request.user})
        if chosen == "nobody":
            return queryset.filter(**{f"{ASSIGNEE}__isnull": True})
        if chosen == "others":
            given = queryset.filter(**{f"{ASSIGNEE}__isnull": False})
            return given.exclude(**{ASSIGNEE: request.user})
        return None
