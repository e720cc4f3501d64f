"""What every window onto the record has in common."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

NOTICE = "Research use only. Not for diagnostic use."


class Window(admin.ModelAdmin):  # type: ignore[type-arg]  # Generic in its stubs only.
    """A window: nothing is added, changed or deleted through it.

    Staff look into their own laboratories; a superuser into the installation.
    """

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        user = request.user
        if not isinstance(user, User) or user.is_superuser:
            return rows
        return self.visible(rows, user)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only by what the page offers: Django also lets a hidden column be guessed."""
        paths: list[Any] = [self.date_hierarchy or "", *self.get_list_filter(request)]
        offered = {_first(path if isinstance(path, str) else path[0]) for path in paths}
        return _first(lookup) in offered and super().lookup_allowed(
            lookup, value, request
        )

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        """What staff may see."""
        visible: QuerySet[Any] = rows.visible_to(user)  # type: ignore[attr-defined]  # Every scoped model's own.
        return visible


def _first(path: str) -> str:
    return path.split("__", maxsplit=1)[0]


def acting(request: HttpRequest) -> User:
    """Who is at the admin: nobody comes here without signing in."""
    if not isinstance(request.user, User):
        raise TypeError("The admin was reached without signing in.")
    return request.user
