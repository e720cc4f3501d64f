"""The shapes of cases."""

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from predictions.api.fields import PriorityField, WordField
from predictions.models import Case, Priority


class CaseIn(serializers.Serializer[Case]):
    """A new case."""

    accession_number = WordField(help_text="Unique in its laboratory.")
    patient = WordField(help_text="A pseudonymous code. Never a name.")
    priority = PriorityField(default=Priority.ROUTINE)
    laboratory = serializers.UUIDField(
        required=False, help_text="Only for a member of several laboratories."
    )


class CaseOut(serializers.ModelSerializer[Case]):
    """A case."""

    laboratory = inline_serializer(
        "Laboratory",
        {"id": serializers.UUIDField(), "name": serializers.CharField()},
    )
    patient = serializers.CharField(source="patient.code")
    priority = PriorityField()
    assignee = serializers.CharField(source="assignee.username", default=None)
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Case
        fields = [
            "id",
            "laboratory",
            "accession_number",
            "patient",
            "priority",
            "assignee",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields
