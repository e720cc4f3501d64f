"""Images on their way from the internet."""

from django.contrib import admin

from predictions.admin.clinical import ClinicalWindow
from predictions.admin.laboratory_filter import LaboratoryFilter
from predictions.models import Fetch


@admin.register(Fetch)
class FetchAdmin(ClinicalWindow):
    """Without its address, which may carry a name: that is its asker's to see."""

    laboratory_path = "case__laboratory"
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
    list_filter = ["status", ("case__laboratory", LaboratoryFilter)]
    search_fields = ["=id", "case__accession_number", "=asked_by__username"]
    date_hierarchy = "created_at"
    exclude = ["token", "url"]
