"""What people made of answers, and what they told each other about cases."""

from django.contrib import admin

from predictions.admin.clinical import ClinicalWindow
from predictions.admin.laboratory_filter import LaboratoryFilter
from predictions.models import Case, Message, Review


@admin.register(Review)
class ReviewAdmin(ClinicalWindow):
    """Readings. The list tells who read what; the words stand in the row."""

    laboratory_path = "prediction__analysis__image__case__laboratory"
    list_display = ["case", "agrees", "verdict", "reader", "created_at"]
    list_select_related = [
        "prediction__analysis__image__case__laboratory",
        "prediction__model_version",
        "reader",
    ]
    list_filter = [
        "agrees",
        "verdict",
        ("prediction__analysis__image__case__laboratory", LaboratoryFilter),
    ]
    search_fields = [
        "=id",
        "=prediction__analysis__id",
        "prediction__analysis__image__case__accession_number",
        "=reader__username",
    ]
    date_hierarchy = "created_at"
    fields = [
        "case",
        "prediction",
        "agrees",
        "verdict",
        "comment",
        "reader",
        "created_at",
    ]

    @admin.display(ordering="prediction__analysis__image__case__accession_number")
    def case(self, review: Review) -> Case:
        return review.prediction.analysis.image.case


@admin.register(Message)
class MessageAdmin(ClinicalWindow):
    """Notes on cases. The list tells who wrote when; the words stand in the row."""

    laboratory_path = "case__laboratory"
    list_display = ["case", "author", "created_at"]
    list_select_related = ["case__laboratory", "author"]
    list_filter = [("case__laboratory", LaboratoryFilter)]
    search_fields = ["=id", "case__accession_number", "=author__username"]
    date_hierarchy = "created_at"
    fields = ["case", "author", "text", "created_at"]
