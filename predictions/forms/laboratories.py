"""What an administrator fills in about a laboratory."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

from predictions.models import Laboratory
from predictions.services.errors import ServiceError
from predictions.services.hosts import tidy_hosts

LONGEST_RETENTION_DAYS = 100_000
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)


class HostsField(forms.CharField):
    """A list, one host a line."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def prepare_value(self, value: object) -> object:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: object) -> list[str]:  # type: ignore[override]  # A list is what the field is about.
        try:
            return tidy_hosts(str(value or "").splitlines())
        except ServiceError as error:
            raise ValidationError(str(error), code=error.code) from error

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # Generic in its stubs only.
    """How the laboratory works."""

    fetch_hosts = HostsField(
        label="Hosts to fetch from",
        required=False,
        help_text="One a line, such as images.example.org, or images.example.org:8443 "
        "for another port. Empty allows every public host on ports 80 and 443.",
    )

    class Meta:
        model = Laboratory
        fields = ["default_spacing_um", "retention_days", "may_fetch", "fetch_hosts"]
        widgets = {
            "default_spacing_um": forms.NumberInput(
                attrs={"step": "any", "inputmode": "decimal"}
            ),
            "retention_days": forms.NumberInput(
                attrs={"min": 1, "max": LONGEST_RETENTION_DAYS}
            ),
        }

    def clean_retention_days(self) -> int | None:
        days: int | None = self.cleaned_data["retention_days"]
        if days is not None and days > LONGEST_RETENTION_DAYS:
            raise ValidationError(f"At most {LONGEST_RETENTION_DAYS:,} days.")
        return days


class DayField(forms.DateField):
    """A day that something may have happened on, or none."""

    def __init__(self, *, label: str) -> None:
        super().__init__(
            label=label,
            required=False,
            widget=forms.DateInput(attrs={"type": "date"}),
            validators=[MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)],
        )


class AuditForm(forms.Form):
    """What to look for in the audit trail."""

    action = forms.ChoiceField(required=False)
    actor = forms.CharField(
        label="Who",
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    subject = forms.CharField(
        label="About",
        max_length=100,
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "placeholder": "case:… or an id"}
        ),
    )
    since = DayField(label="From")
    until = DayField(label="To")

    def __init__(self, *args: Any, actions: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].choices = [  # type: ignore[attr-defined]  # A ChoiceField's own.
            ("", "Everything"),
            *((action, action) for action in actions),
        ]
