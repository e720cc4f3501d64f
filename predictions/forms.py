"""What people fill in, checked before a service is asked."""

import math
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from predictions.models import Laboratory, Priority
from predictions.models.laboratory import SPACING_LIMITS_UM
from predictions.services.laboratories import UPLOADERS

# Objectives of common microscopes; what is sent is the number.
OBJECTIVES = [
    ("", "Not stated"),
    *((str(n), f"{n}×") for n in (2, 4, 5, 10, 20, 40, 60, 100)),
]


def check_printable(text: str) -> None:
    """Refuse control characters and marks that turn the writing direction."""
    if not text.isprintable():
        raise ValidationError("Use letters, digits and punctuation only.")


class SignInForm(AuthenticationForm):
    """Django's own, in our words."""

    error_messages = {
        "invalid_login": "This name and password do not belong together. Check both "
        "and try again, or ask your laboratory's administrator.",
        "inactive": "This name and password do not belong together. Check both "
        "and try again, or ask your laboratory's administrator.",
    }


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
        laboratories = Laboratory.objects.filter(
            memberships__user=user, memberships__role__in=UPLOADERS
        )
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


class SpacingField(forms.FloatField):
    """µm per pixel, of any microscope."""

    def __init__(self, *, required: bool) -> None:
        super().__init__(
            label="Spacing (µm/px)",
            required=required,
            min_value=SPACING_LIMITS_UM[0],
            max_value=SPACING_LIMITS_UM[1],
            error_messages={"required": "State the spacing, for example 0.25."},
            widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        )


class SpacingForm(forms.Form):
    """The spacing of an image that was accepted before."""

    spacing_um = SpacingField(required=True)


class UploadForm(forms.Form):
    """What is said about the files of an upload, beside the files themselves."""

    ASSUMED, STATED = "assumed", "stated"

    spacing = forms.ChoiceField(
        choices=[(ASSUMED, ASSUMED), (STATED, STATED)], initial=ASSUMED
    )
    spacing_um = SpacingField(required=False)
    magnification = forms.TypedChoiceField(
        label="Objective",
        choices=OBJECTIVES,
        coerce=float,
        empty_value=None,
        required=False,
    )
    specimen_label = forms.CharField(
        label="Specimen",
        max_length=64,
        initial="A",
        validators=[check_printable],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        spacing_um = cleaned.get("spacing_um")
        if cleaned.get("spacing") == self.ASSUMED:
            cleaned["spacing_um"] = None
        elif "spacing_um" in cleaned and not _is_spacing(spacing_um):
            self.add_error(
                "spacing_um", "State the spacing, or choose that it is not known."
            )
        return cleaned

    def first_error(self) -> str:
        """One sentence for a person who sees no form."""
        name, messages = next(iter(self.errors.items()))
        label = self.fields[name].label if name in self.fields else None
        return f"{label or name.capitalize()}: {messages[0]}"


def _is_spacing(spacing_um: float | None) -> bool:
    return spacing_um is not None and math.isfinite(spacing_um)
