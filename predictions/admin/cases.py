"""Cases, and what they are made of."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet

from predictions.admin.clinical import ClinicalWindow
from predictions.admin.laboratory_filter import LaboratoryFilter
from predictions.models import Case, Image, Patient, Specimen


@admin.register(Patient)
class PatientAdmin(ClinicalWindow):
    laboratory_path = "laboratory"
    list_display = ["code", "laboratory"]
    list_select_related = ["laboratory"]
    list_filter = [("laboratory", LaboratoryFilter)]
    search_fields = ["code"]


@admin.register(Case)
class CaseAdmin(ClinicalWindow):
    laboratory_path = "laboratory"
    list_display = [
        "accession_number",
        "laboratory",
        "patient",
        "status",
        "priority",
        "assignee",
        "created_by",
        "created_at",
    ]
    list_select_related = ["laboratory", "patient", "assignee", "created_by"]
    list_filter = [
        "status",
        "priority",
        "training_consent",
        ("laboratory", LaboratoryFilter),
    ]
    search_fields = ["accession_number", "patient__code"]
    date_hierarchy = "created_at"


@admin.register(Specimen)
class SpecimenAdmin(ClinicalWindow):
    laboratory_path = "case__laboratory"
    list_display = ["label", "case"]
    list_select_related = ["case__laboratory"]
    list_filter = [("case__laboratory", LaboratoryFilter)]
    search_fields = ["case__accession_number"]

    def visible(self, rows: QuerySet[Any], user: User) -> QuerySet[Any]:
        return rows.filter(case__in=Case.objects.visible_to(user))


@admin.register(Image)
class ImageAdmin(ClinicalWindow):
    """Without its filename, which may carry a name: that is its uploader's to see."""

    laboratory_path = "case__laboratory"
    list_display = [
        "__str__",
        "format",
        "width_px",
        "height_px",
        "spacing_um",
        "spacing_assumed",
        "uploaded_by",
        "uploaded_at",
        "withdrawn_at",
    ]
    list_select_related = ["case__laboratory", "specimen__case", "uploaded_by"]
    list_filter = [
        "format",
        "spacing_assumed",
        ("withdrawn_at", admin.EmptyFieldListFilter),
        ("case__laboratory", LaboratoryFilter),
    ]
    search_fields = ["case__accession_number", "=sha256_received", "=id"]
    date_hierarchy = "uploaded_at"
    exclude = ["filename"]
