"""Laboratories: founded and set here, on record."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from predictions.admin.windows import Window, acting, is_keeper
from predictions.models import Laboratory
from predictions.services.laboratories import change_laboratory, create_laboratory

if TYPE_CHECKING:
    from django.forms import ModelForm


@admin.register(Laboratory)
class LaboratoryAdmin(Window):
    """A superuser's to found and to set."""

    list_display = ["name", "default_spacing_um", "quota_bytes", "created_at"]
    search_fields = ["name"]
    date_hierarchy = "created_at"
    founding = ("name", "default_spacing_um", "quota_bytes")
    fields = [*founding, "retention_days", "may_fetch", "fetch_hosts"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_keeper(request)

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return is_keeper(request)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return list(self.fields if obj else self.founding)

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
