"""Signing in, and changing the password."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from predictions.services.errors import ServiceError
from predictions.services.rates import TooManyError
from predictions.services.sign_in import check_sign_in


class SignInForm(AuthenticationForm):
    """A name and a password; whether they are good is the service's to say."""

    retry_after_s: int | None = None

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        password = self.cleaned_data.get("password")
        if not username or not password:
            return self.cleaned_data
        try:
            self.user_cache = check_sign_in(
                username=username, password=password, address=self.address
            )
        except ServiceError as error:
            if isinstance(error, TooManyError):
                self.retry_after_s = error.retry_after_s
            raise ValidationError(str(error), code=error.code) from error
        return self.cleaned_data
