"""Signing in."""

from django.contrib.auth.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Django's own, in our words."""

    error_messages = {
        "invalid_login": "This name and password do not belong together. Check both "
        "and try again, or ask your laboratory's administrator.",
        "inactive": "This name and password do not belong together. Check both "
        "and try again, or ask your laboratory's administrator.",
    }
