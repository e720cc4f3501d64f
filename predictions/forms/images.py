"""What people say about images, beside the files themselves."""

import math
from typing import Any

from django import forms

from predictions.forms.words import check_printable
from predictions.models.image import OBJECTIVES
from predictions.models.laboratory import SPACING_LIMITS_UM

# What is sent is the number.
OBJECTIVE_CHOICES = [("", "Not stated"), *((str(n), f"{n}×") for n in OBJECTIVES)]


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
