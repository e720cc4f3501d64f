"""What every window onto the record has in common."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from predictions.models import Laboratory, Membership

NOTICE = "Research use only. Not for diagnostic use."
# How a filter that a page offers may be asked for, beyond its own path.
NARROWING = frozenset(
    {
        *("id", "pk", "exact", "in", "isnull", "isempty"),
        *("gte", "lt", "year", "month", "day"),
    }
)


class Window(admin.ModelAdmin):  # type: ignore[type-arg]  # Generic in its stubs only.
    """A window: nothing is added, changed or deleted through it.

    Staff look into the laboratories where they work, as the portal shows them, with
    no permission to be ticked; a superuser looks into the installation.
    """

    list_per_page = 25
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return may_look(request)

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
        related = self.list_select_related
        if not isinstance(related, bool):  # One row shows what the list does.
            rows = rows.select_related(*related)
        user = acting(request)
        return rows if user.is_superuser else self.visible(rows, user)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only by what the page offers: Django also lets a hidden column be guessed."""
        offered = [_path(filter_) for filter_ in self.get_list_filter(request)]
        if self.date_hierarchy:
            offered.append(self.date_hierarchy)
        narrows = any(_narrows(lookup, path) for path in offered)
        return narrows and super().lookup_allowed(lookup, value, request)

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        """What staff may see."""
        visible: QuerySet[Any] = rows.visible_to(user)  # type: ignore[attr-defined]  # Every scoped model's own.
        return visible


class Backroom(Window):
    """A window of the installation's keeper alone."""

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return is_keeper(request)


def _path(offered: Any) -> str:
    """The lookup that a filter, in any of Django's spellings, stands for."""
    if isinstance(offered, type) and issubclass(offered, admin.SimpleListFilter):
        return str(offered.parameter_name)
    return offered if isinstance(offered, str) else str(offered[0])


def _narrows(lookup: str, path: str) -> bool:
    rest = f"{lookup}__".removeprefix(f"{path}__")
    return rest != f"{lookup}__" and set(rest.split("__")) - {""} <= NARROWING


def acting(request: HttpRequest) -> User:
    """Who is at the admin: nobody comes here without signing in."""
    if not isinstance(request.user, User):
        raise TypeError("The admin was reached without signing in.")
    return request.user


def is_keeper(request: HttpRequest) -> bool:
    """Whether a superuser asks; on the sign-in page nobody does."""
    return request.user.is_active and request.user.is_superuser


def may_look(request: HttpRequest) -> bool:
    """Whether there is anything here for who asks.

    Every window on the page wants to know: the record is asked once a request.
    """
    if is_keeper(request):
        return True
    known = vars(request)
    if "may_look" not in known:
        works = Membership.objects.of(request.user).exists()
        known["may_look"] = request.user.is_staff and works
    return bool(known["may_look"])


def administers(request: HttpRequest) -> bool:
    """Whether any laboratory's members are this person's business; asked but once."""
    known = vars(request)
    if "administers" not in known:
        mine = Laboratory.objects.administered_by(request.user)
        known["administers"] = mine.exists()
    return bool(known["administers"])
