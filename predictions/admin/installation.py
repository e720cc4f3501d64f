"""The installation's own record: models, the audit trail, what is counted."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet

from predictions.admin.laboratory_filter import LaboratoryFilter
from predictions.admin.windows import Backroom, Window
from predictions.models import AuditEvent, Counter, Laboratory, ModelVersion, Repeat


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
    list_filter = [("laboratory", LaboratoryFilter)]
    search_fields = ["=actor", "=action", "=subject"]
    date_hierarchy = "at"

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        """The trail is for who administers the laboratory."""
        return rows.filter(laboratory__in=Laboratory.objects.administered_by(user))


@admin.register(Counter)
class CounterAdmin(Backroom):
    """Whom a count is about cannot be read from it, and only be checked."""

    list_display = ["key", "began_at", "count"]
    search_fields = ["=key"]
    date_hierarchy = "began_at"


@admin.register(Repeat)
class RepeatAdmin(Backroom):
    """That something was answered; the answer itself is its asker's."""

    list_display = ["user", "key", "status", "created_at"]
    list_select_related = ["user"]
    list_filter = ["status"]
    search_fields = ["=key", "=user__username"]
    date_hierarchy = "created_at"
    exclude = ["body"]
