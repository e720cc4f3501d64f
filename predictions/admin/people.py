"""Accounts and tokens: what is changed about them is on record."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator

from predictions.admin.windows import Window, acting, is_keeper
from predictions.models import ApiToken, Laboratory, Membership
from predictions.services.audit import record_event
from predictions.services.tokens import revoke_token


class PeopleAdmin(Window, UserAdmin):  # type: ignore[type-arg]  # Generic in its stubs only.
    """Accounts: a superuser's to add and change, each change on record.

    None is deleted: the record names it. Who leaves is made inactive.

    Staff see who works in their laboratories. What these may do there is changed
    with their membership; their password is their own.
    """

    list_display = ["username", "is_active", "is_staff", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["username"]
    date_hierarchy = "date_joined"
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_keeper(request)

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return is_keeper(request)

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        mine = Laboratory.objects.visible_to(user)
        members = Membership.objects.filter(laboratory__in=mine)
        return rows.filter(pk__in=members.values("user"))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if is_keeper(request):
            return super().get_fieldsets(request, obj)
        return [(None, {"fields": ["username", "is_active", "last_login"]})]

    @method_decorator(transaction.atomic)
    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - Django's signature.
        form_url: str = "",
    ) -> Any:
        """In one transaction with its event."""
        return super().user_change_password(request, id, form_url)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        entry = super().log_addition(request, obj, message)
        _record(request, "user.create", obj, message)
        return entry

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        entry = super().log_change(request, obj, message)
        _record(request, "user.change", obj, message)
        return entry


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
