"""Images on their way from the internet."""

from django.contrib import admin

from predictions.admin.windows import Window
from predictions.models import Fetch


@admin.register(Fetch)
class FetchAdmin(Window):
    """Without its address, which may carry a name: that is its asker's to see."""

    list_display = [
        "case",
        "status",
        "failure_reason",
        "attempt",
        "asked_by",
        "created_at",
        "finished_at",
    ]
    list_select_related = ["case", "asked_by"]
    list_filter = ["status", ("case__laboratory", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["=id", "case__accession_number", "=asked_by__username"]
    date_hierarchy = "created_at"
    exclude = ["token", "url"]
