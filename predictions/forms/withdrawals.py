"""Why an image leaves its case, and where it belongs."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from predictions.models import Case
from predictions.services.withdrawals import REASON_CHARACTERS


class CaseSearchForm(forms.Form):
    """Part of the accession number of the case where an image belongs."""

    q = forms.CharField(
        label="Accession number of the right case",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )


class WithdrawalForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        min_length=REASON_CHARACTERS[0],
        max_length=REASON_CHARACTERS[1],
        help_text="Everybody who may see the case reads it.",
        error_messages={"required": "Say why, for example: another patient's."},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class MoveForm(WithdrawalForm):
    """Why, and to which of these cases."""

    to_case = forms.ModelChoiceField(
        label="Case",
        queryset=Case.objects.none(),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the case where it belongs."},
    )

    def __init__(self, *args: Any, cases: QuerySet[Case], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        to_case = self.fields["to_case"]
        if isinstance(to_case, forms.ModelChoiceField):
            to_case.queryset = cases
