"""Cases, and what they are made of."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet

from predictions.admin.windows import Window
from predictions.models import Case, Image, Patient, Specimen

LABORATORY = admin.RelatedOnlyFieldListFilter


@admin.register(Patient)
class PatientAdmin(Window):
    list_display = ["code", "laboratory"]
    list_select_related = ["laboratory"]
    list_filter = [("laboratory", LABORATORY)]
    search_fields = ["code"]


@admin.register(Case)
class CaseAdmin(Window):
    list_display = [
        "accession_number",
        "laboratory",
        "patient",
        "priority",
        "assignee",
        "created_by",
        "created_at",
    ]
    list_select_related = ["laboratory", "patient", "assignee", "created_by"]
    list_filter = ["priority", ("laboratory", LABORATORY)]
    search_fields = ["accession_number", "patient__code"]
    date_hierarchy = "created_at"


@admin.register(Specimen)
class SpecimenAdmin(Window):
    list_display = ["label", "case"]
    list_select_related = ["case"]
    search_fields = ["case__accession_number"]

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        return rows.filter(case__in=Case.objects.visible_to(user))


@admin.register(Image)
class ImageAdmin(Window):
    """Without its filename, which may carry a name: that is its uploader's to see."""

    list_display = [
        "__str__",
        "format",
        "width_px",
        "height_px",
        "spacing_um",
        "spacing_assumed",
        "uploaded_by",
        "uploaded_at",
    ]
    list_select_related = ["case", "uploaded_by"]
    list_filter = ["format", "spacing_assumed", ("case__laboratory", LABORATORY)]
    search_fields = ["case__accession_number", "=sha256_received", "=id"]
    date_hierarchy = "uploaded_at"
    exclude = ["filename"]
