"""The installation's own record: models and the audit trail."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet

from predictions.admin.windows import Window
from predictions.models import AuditEvent, ModelVersion


@admin.register(ModelVersion)
class ModelVersionAdmin(Window):
    list_display = ["name", "version", "sha256", "registered_at"]
    list_filter = ["name"]
    search_fields = ["name", "=sha256"]
    date_hierarchy = "registered_at"

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        return rows


@admin.register(AuditEvent)
class AuditEventAdmin(Window):
    list_display = ["at", "laboratory", "sequence", "actor", "action", "subject"]
    list_select_related = ["laboratory"]
    list_filter = [("laboratory", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["=actor", "=action", "=subject"]
    date_hierarchy = "at"
