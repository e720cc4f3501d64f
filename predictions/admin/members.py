"""Who belongs to a laboratory, and who is to come: decided by its administrators."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from predictions.admin.acts import act_on_each
from predictions.admin.laboratory_filter import LaboratoryFilter
from predictions.admin.windows import Window, acting, administers, is_keeper
from predictions.models import Invitation, Laboratory, Membership, Role
from predictions.services.laboratories import add_member
from predictions.services.people import (
    change_role,
    disable_member,
    enable_member,
    revoke_invitation,
)

if TYPE_CHECKING:
    from django.forms import ModelForm

Members = QuerySet[Membership]


class AdministratorsWindow(Window):
    """Its actions are offered to who administers a laboratory.

    Which of the rows they may decide about, the services know.
    """

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return administers(request)


@admin.register(Membership)
class MembershipAdmin(AdministratorsWindow):
    """A superuser adds; roles are changed, and members disabled, by action."""

    list_display = ["user", "laboratory", "role", "is_active", "joined_at"]
    list_select_related = ["user", "laboratory"]
    list_filter = [
        "role",
        "is_active",
        ("laboratory", LaboratoryFilter),
    ]
    search_fields = ["user__username", "laboratory__name"]
    date_hierarchy = "joined_at"
    autocomplete_fields = ["user", "laboratory"]
    fields = ["user", "laboratory", "role"]
    actions = [
        "make_technician",
        "make_pathologist",
        "make_administrator",
        "disable",
        "enable",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_keeper(request)

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

    @admin.action(description="Make technician", permissions=["administer"])
    def make_technician(self, request: HttpRequest, queryset: Members) -> None:
        self._change_role(request, queryset, Role.TECHNICIAN)

    @admin.action(description="Make pathologist", permissions=["administer"])
    def make_pathologist(self, request: HttpRequest, queryset: Members) -> None:
        self._change_role(request, queryset, Role.PATHOLOGIST)

    @admin.action(description="Make administrator", permissions=["administer"])
    def make_administrator(self, request: HttpRequest, queryset: Members) -> None:
        self._change_role(request, queryset, Role.ADMINISTRATOR)

    @admin.action(description="Disable: out at once", permissions=["administer"])
    def disable(self, request: HttpRequest, queryset: Members) -> None:
        user = acting(request)
        self._each(
            request,
            queryset,
            "disabled",
            lambda member: disable_member(membership=member, disabled_by=user),
        )

    @admin.action(description="Enable again", permissions=["administer"])
    def enable(self, request: HttpRequest, queryset: Members) -> None:
        user = acting(request)
        self._each(
            request,
            queryset,
            "enabled",
            lambda member: enable_member(membership=member, enabled_by=user),
        )

    def _change_role(self, request: HttpRequest, queryset: Members, role: Role) -> None:
        user = acting(request)
        self._each(
            request,
            queryset,
            f"made {role}",
            lambda member: change_role(membership=member, role=role, changed_by=user),
        )

    def _each(
        self,
        request: HttpRequest,
        queryset: Members,
        done: str,
        act: Callable[[Membership], Membership],
    ) -> None:
        act_on_each(
            self,
            request,
            queryset.select_related("user", "laboratory"),
            name=lambda member: member.user.get_username(),
            done=done,
            act=lambda member: bool(act(member)),
        )


@admin.register(Invitation)
class InvitationAdmin(AdministratorsWindow):
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
        ("laboratory", LaboratoryFilter),
    ]
    search_fields = ["note", "=invited_by__username", "=accepted_by__username"]
    date_hierarchy = "created_at"
    actions = ["withdraw"]

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        """Who is to come is for who administers the laboratory."""
        return rows.filter(laboratory__in=Laboratory.objects.administered_by(user))

    @admin.action(description="Withdraw the link", permissions=["administer"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        user = acting(request)
        act_on_each(
            self,
            request,
            queryset.select_related("laboratory"),
            name=lambda invitation: invitation.note,
            done="no longer open",
            act=lambda invitation: _withdraw(invitation, user),
        )


def _withdraw(invitation: Invitation, user: User) -> bool:
    revoke_invitation(invitation=invitation, revoked_by=user)
    return True
