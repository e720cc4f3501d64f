"""What people fill in about cases."""

from typing import Any

from django import forms
from django.contrib.auth.models import User

from predictions.forms.words import check_printable
from predictions.models import Laboratory, Membership, Priority
from predictions.services.laboratories import UPLOADERS


class CaseForm(forms.Form):
    """A new case, in one of the laboratories where the person may open one."""

    accession_number = forms.CharField(
        max_length=64,
        validators=[check_printable],
        help_text="As on the request form, for example S26-01234.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    patient_code = forms.CharField(
        max_length=64,
        validators=[check_printable],
        help_text="Your laboratory's pseudonym. Never a name or a date of birth.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    priority = forms.TypedChoiceField(
        choices=Priority.choices,
        coerce=int,
        initial=Priority.ROUTINE.value,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Membership.objects.of(user).filter(role__in=UPLOADERS)
        laboratories = Laboratory.objects.filter(memberships__in=mine)
        only_one = len(laboratories) == 1
        self.fields["laboratory"] = forms.ModelChoiceField(
            laboratories,
            empty_label=None,
            initial=laboratories[0].pk if only_one else None,
            widget=forms.HiddenInput if only_one else forms.Select,
        )


class SearchForm(forms.Form):
    """The search box over the list of cases."""

    q = forms.CharField(
        label="Accession number",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
