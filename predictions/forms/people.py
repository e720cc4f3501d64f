"""What people fill in about people."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.core.exceptions import ValidationError

from predictions.forms.words import check_printable
from predictions.models import Role, Scope
from predictions.services.errors import ServiceError
from predictions.services.people import NOTE_LENGTH
from predictions.services.sign_in import change_password, confirm_password
from predictions.services.tokens import DEFAULT_LIFE, DEFAULT_SCOPES

ROLES = {
    Role.TECHNICIAN: "Technician: opens cases, uploads images, asks again",
    Role.PATHOLOGIST: "Pathologist: that, reviews answers, and sees original files",
    Role.ADMINISTRATOR: "Administrator: members, settings and the audit trail",
}
LIVES = (1, 7, 30, 90, 180, 366)


class RoleForm(forms.Form):
    """One of the roles, each with what it may do."""

    role = forms.TypedChoiceField(
        choices=[(role.value, words) for role, words in ROLES.items()],
        coerce=Role,
        widget=forms.RadioSelect,
    )


class InvitationForm(RoleForm):
    """An offer of a role."""

    field_order = ["note", "role"]

    note = forms.CharField(
        label="For whom",
        max_length=NOTE_LENGTH,
        validators=[check_printable],
        help_text="So that you know whose link it is; only administrators see it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class JoinForm(forms.Form):
    """A new account; whether its name and password fit is the service's to say."""

    username = forms.CharField(
        max_length=150,
        help_text="Letters, digits and @ . + - _ only.",
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none"}
        ),
    )
    password = forms.CharField(
        strip=False,
        help_text=password_validators_help_text_html,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The same password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        again = cleaned.pop("again", None)
        if again is not None and again != cleaned.get("password"):
            self.add_error("again", "The two are not the same. Type both anew.")
        return cleaned


class TokenForm(forms.Form):
    """A key for a program."""

    name = forms.CharField(
        label="What it is for",
        max_length=64,
        validators=[check_printable],
        help_text="For example: the scanner in room 2.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do, within what you may",
        choices=Scope.choices,
        initial=[scope.value for scope in DEFAULT_SCOPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    life = forms.TypedChoiceField(
        label="How long it lives",
        choices=[(days, f"{days} day{'' if days == 1 else 's'}") for days in LIVES],
        coerce=lambda days: timedelta(days=int(days)),
        initial=DEFAULT_LIFE.days,
    )

    def clean_scopes(self) -> list[Scope]:
        return [Scope(scope) for scope in self.cleaned_data["scopes"]]


class PasswordForm(PasswordChangeForm):
    """Django's own, throttled and on record."""

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        try:
            is_right = confirm_password(user=self.user, password=password)
        except ServiceError as error:
            raise ValidationError(str(error), code=error.code) from error
        if not is_right:
            raise ValidationError("This is not your password. Type it anew.")
        return password

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - Django's signature.
        change_password(user=self.user, password=self.cleaned_data["new_password1"])
        return self.user
