"""Laboratories, and who belongs to them: changed here, on record."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from predictions.admin.windows import Window, acting, administered_by
from predictions.models import Invitation, Laboratory, Membership, Role
from predictions.services.laboratories import (
    add_member,
    change_laboratory,
    create_laboratory,
    remove_member,
)

if TYPE_CHECKING:
    from django.forms import ModelForm


class Registry(Window):
    """A window with a counter: a superuser may add and change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting(request).is_superuser

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return acting(request).is_superuser


@admin.register(Laboratory)
class LaboratoryAdmin(Registry):
    list_display = ["name", "default_spacing_um", "quota_bytes", "created_at"]
    search_fields = ["name"]
    date_hierarchy = "created_at"
    fields = ["name", "default_spacing_um", "quota_bytes"]

    def save_model(
        self,
        request: HttpRequest,
        obj: Laboratory,
        form: "ModelForm[Laboratory]",
        change: bool,  # noqa: FBT001 - Django's signature.
    ) -> None:
        if change:
            change_laboratory(
                laboratory=obj, changed_by=acting(request), names=form.changed_data
            )
            return
        made = create_laboratory(
            name=obj.name,
            created_by=acting(request),
            default_spacing_um=obj.default_spacing_um,
            quota_bytes=obj.quota_bytes,
        )
        obj.pk = made.pk


@admin.register(Membership)
class MembershipAdmin(Registry):
    list_display = ["user", "laboratory", "role"]
    list_select_related = ["user", "laboratory"]
    list_filter = ["role", ("laboratory", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["user__username", "laboratory__name"]
    autocomplete_fields = ["user", "laboratory"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[str]:
        return ["user", "laboratory"] if obj else []

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return acting(request).is_superuser

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        return rows.filter(laboratory__in=Laboratory.objects.visible_to(user))

    def save_model(
        self,
        request: HttpRequest,
        obj: Membership,
        form: "ModelForm[Membership]",
        change: bool,  # noqa: FBT001 - Django's signature.
    ) -> None:
        made = add_member(
            laboratory=obj.laboratory,
            user=obj.user,
            role=Role(obj.role),
            added_by=acting(request),
        )
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        remove_member(membership=obj, removed_by=acting(request))

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[Membership]
    ) -> None:
        for membership in queryset:
            self.delete_model(request, membership)


@admin.register(Invitation)
class InvitationAdmin(Window):
    """Offers of a role. The link itself is shown once, to who invites."""

    list_display = [
        "note",
        "role",
        "laboratory",
        "invited_by",
        "created_at",
        "expires_at",
        "accepted_by",
        "revoked_at",
    ]
    list_select_related = ["laboratory", "invited_by", "accepted_by"]
    list_filter = [
        "role",
        ("accepted_at", admin.EmptyFieldListFilter),
        ("revoked_at", admin.EmptyFieldListFilter),
        ("laboratory", admin.RelatedOnlyFieldListFilter),
    ]
    search_fields = ["note", "=invited_by__username", "=accepted_by__username"]
    date_hierarchy = "created_at"

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        """Who is to come is for who administers the laboratory."""
        return rows.filter(laboratory__in=administered_by(user))
