"""What is said about an image that a worker is to fetch."""

from collections.abc import Mapping
from typing import Any

from django import forms

from predictions.addresses import MAX_URL_CHARACTERS
from predictions.forms.images import OBJECTIVE_CHOICES, SpacingField
from predictions.forms.words import check_printable


class FetchForm(forms.Form):
    """An address, and what a person knows of the image. The service reads the URL."""

    url = forms.CharField(
        label="Address of the image",
        max_length=MAX_URL_CHARACTERS,
        help_text="It must lead to the image itself, without signing in.",
        error_messages={"required": "Give the address of an image."},
        widget=forms.URLInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "https://",
            }
        ),
    )
    spacing_um = SpacingField(required=False)
    magnification = forms.TypedChoiceField(
        label="Objective",
        choices=OBJECTIVE_CHOICES,
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

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id="fetch-%s")  # Another form is on the page too.

    def first_error(self) -> str:
        """One sentence: the form itself stays as it was filled in."""
        name, messages = next(iter(self.errors.items()))
        return f"{self.fields[name].label}: {messages[0]}"
