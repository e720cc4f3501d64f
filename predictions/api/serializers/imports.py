"""The shapes of imports: a list of files, and what becomes of each row."""

from rest_framework import serializers

from predictions.api.fields import PriorityField
from predictions.services.imports import Action, Plan, PlannedRow
from predictions.services.manifests import MAX_FILE_CHARACTERS, MAX_ROWS

ACTIONS = [(action.value, action.value) for action in Action]


class ImportIn(serializers.Serializer[Plan]):
    """The list that comes with a folder of images."""

    manifest = serializers.CharField(
        trim_whitespace=False,
        help_text="CSV with a head: file, accession_number, patient_code; and, if "
        "wanted, specimen, spacing_um, magnification, priority, consent.",
    )
    filenames = serializers.ListField(
        child=serializers.CharField(max_length=MAX_FILE_CHARACTERS),
        required=False,
        max_length=10 * MAX_ROWS,
        help_text="The files of the folder, relative to it: rows whose file is not "
        "among them are refused.",
    )
    laboratory = serializers.UUIDField(
        required=False, help_text="Only for a member of several laboratories."
    )


class ImportRowOut(serializers.Serializer[PlannedRow]):
    """A row, what becomes of it, and why."""

    line = serializers.IntegerField(source="row.line")
    file = serializers.CharField(source="row.file")
    found = serializers.CharField(help_text="The folder's own name of the file.")
    accession_number = serializers.CharField(source="row.accession_number")
    specimen = serializers.CharField(source="row.specimen_label")
    spacing_um = serializers.FloatField(source="row.spacing_um", allow_null=True)
    magnification = serializers.FloatField(source="row.magnification", allow_null=True)
    priority = PriorityField(source="row.priority", allow_null=True)
    action = serializers.ChoiceField(ACTIONS)
    words = serializers.CharField()
    case = serializers.UUIDField(
        source="case.pk", default=None, allow_null=True, help_text="Where to upload it."
    )


class ImportOut(serializers.Serializer[Plan]):
    """What an import does, or would do."""

    rows = ImportRowOut(many=True)
    opens = serializers.SerializerMethodField()
    adds = serializers.SerializerMethodField()
    refused = serializers.SerializerMethodField()
    unnamed = serializers.ListField(
        child=serializers.CharField(), help_text="Pictures that no row names."
    )

    def get_opens(self, plan: Plan) -> int:
        return plan.count(Action.OPENS)

    def get_adds(self, plan: Plan) -> int:
        return plan.count(Action.ADDS)

    def get_refused(self, plan: Plan) -> int:
        return plan.count(Action.REFUSED)
