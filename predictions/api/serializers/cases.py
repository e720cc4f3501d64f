"""The shapes of cases."""

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from predictions.api.fields import PriorityField, TextField, WordField
from predictions.models import Case, CaseStatus, Consent, Message, Priority
from predictions.services.messages import MAX_CHARACTERS


class CaseIn(serializers.Serializer[Case]):
    """A new case."""

    accession_number = WordField(help_text="Unique in its laboratory.")
    patient = WordField(help_text="A pseudonymous code. Never a name.")
    priority = PriorityField(default=Priority.ROUTINE)
    laboratory = serializers.UUIDField(
        required=False, help_text="Only for a member of several laboratories."
    )


class CaseChangeIn(serializers.Serializer[Case]):
    """What is to be different about a case: only what is named changes."""

    accession_number = WordField(required=False)
    patient = WordField(required=False)
    priority = PriorityField(required=False)
    assignee = WordField(
        required=False, allow_null=True, help_text="A username; null for nobody."
    )
    training_consent = serializers.ChoiceField(
        Consent.choices,
        required=False,
        help_text="Images are used to train models only where it is given.",
    )


class CaseOut(serializers.ModelSerializer[Case]):
    """A case."""

    status = serializers.ChoiceField(
        CaseStatus.choices,
        help_text="What it waits for; withdrawn images do not count.",
    )
    laboratory = inline_serializer(
        "Laboratory",
        {"id": serializers.UUIDField(), "name": serializers.CharField()},
    )
    patient = serializers.CharField(source="patient.code")
    priority = PriorityField()
    assignee = serializers.CharField(
        source="assignee.username", default=None, allow_null=True
    )
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Case
        fields = [
            "id",
            "laboratory",
            "accession_number",
            "patient",
            "status",
            "priority",
            "training_consent",
            "assignee",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields


class MessageIn(serializers.Serializer[Message]):
    """A message on a case."""

    text = TextField(max_length=MAX_CHARACTERS)


class MessageOut(serializers.ModelSerializer[Message]):
    """What somebody said about a case. Never changed."""

    author = serializers.CharField(source="author.username")

    class Meta:
        model = Message
        fields = ["id", "author", "text", "created_at"]
        read_only_fields = fields
