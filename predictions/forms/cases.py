"""What people fill in about cases."""

from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict

from predictions.forms.words import check_printable
from predictions.models import Case, Consent, Laboratory, Membership, Priority
from predictions.services.cases import CaseChanges, assignees
from predictions.services.laboratories import UPLOADERS
from predictions.services.messages import MAX_CHARACTERS


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


class CaseChangeForm(forms.Form):
    """The facts of a case, corrected. What was not touched is not sent back.

    Each field carries the value that it was shown with, so that what somebody else
    changed meanwhile is not changed back.
    """

    accession_number = forms.CharField(
        max_length=64,
        validators=[check_printable],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        show_hidden_initial=True,
    )
    patient_code = forms.CharField(
        max_length=64,
        validators=[check_printable],
        help_text="Your laboratory's pseudonym. Never a name or a date of birth.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        show_hidden_initial=True,
    )
    priority = forms.TypedChoiceField(
        choices=Priority.choices,
        coerce=int,
        help_text="Analyses that still wait follow it.",
        show_hidden_initial=True,
    )
    training_consent = forms.ChoiceField(
        label="Consent to training use",
        choices=Consent.choices,
        help_text="Images are used to train models only where it is given.",
        show_hidden_initial=True,
    )

    def __init__(self, data: QueryDict | None, *, case: Case) -> None:
        now = {
            "accession_number": case.accession_number,
            "patient_code": case.patient.code,
            "priority": case.priority,
            "training_consent": case.training_consent,
            "assignee": case.assignee_id,
        }
        super().__init__(data, initial=now)
        people = assignees([case.laboratory])
        if case.assignee_id:  # Perhaps somebody who does not work there any more.
            people = people | User.objects.filter(pk=case.assignee_id)
        self.fields["assignee"] = forms.ModelChoiceField(
            people, required=False, empty_label="Nobody", show_hidden_initial=True
        )

    @property
    def changes(self) -> CaseChanges:
        said = {name: self.cleaned_data[name] for name in self.changed_data}
        return cast("CaseChanges", said)


class AssignForm(forms.Form):
    """To whom: to oneself, or to nobody."""

    to = forms.ChoiceField(choices=[("me", "me"), ("nobody", "nobody")])

    @property
    def is_to_me(self) -> bool:
        return self.is_valid() and self.cleaned_data["to"] == "me"


class MessageForm(forms.Form):
    """A note on a case; the service decides whether it may stay."""

    text = forms.CharField(
        label="Write a message",
        max_length=MAX_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
