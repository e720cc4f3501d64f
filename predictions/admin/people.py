"""Accounts and tokens: what is changed about them is on record."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from predictions.admin.windows import Window, acting
from predictions.models import ApiToken
from predictions.services.audit import record_event
from predictions.services.tokens import revoke_token

# What makes somebody mightier: a superuser's to give.
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]  # Generic in its stubs only.
    """Django's own, with an audit event in the transaction of each change."""

    list_display = ["username", "is_active", "is_staff", "is_superuser", "last_login"]
    show_full_result_count = False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Staff may change people, but not a superuser, whose password it might be."""
        if isinstance(obj, User) and obj.is_superuser:
            return acting(request).is_superuser
        return super().has_change_permission(request, obj)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[str]:
        return [] if acting(request).is_superuser else [*RIGHTS]

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        entry = super().log_addition(request, obj, message)
        _record(request, "user.create", obj, message)
        return entry

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        entry = super().log_change(request, obj, message)
        _record(request, "user.change", obj, message)
        return entry

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        people = list(queryset)
        entries = super().log_deletions(request, queryset)
        for person in people:
            _record(request, "user.delete", person, "")
        return entries


def _record(request: HttpRequest, action: str, person: User, change: Any) -> None:
    record_event(
        laboratory=None,
        actor=acting(request),
        action=action,
        subject=f"user:{person.pk}",
        detail={"change": change},
    )


admin.site.unregister(User)
admin.site.unregister(Group)  # People belong to laboratories, by role.
admin.site.register(User, PeopleAdmin)


@admin.register(ApiToken)
class ApiTokenAdmin(Window):
    list_display = ["name", "user", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "user__username"]
    date_hierarchy = "created_at"
    fields = ["name", "user", "created_at", "expires_at", "revoked_at"]
    actions = ["revoke"]

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        return rows.filter(user=user)

    @admin.action(description="Revoke: dead at the next request")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            revoke_token(token=token, revoked_by=acting(request))
        self.message_user(request, "The tokens are revoked.", messages.SUCCESS)
