"""How many requests a minute are answered: one program cannot take all of it."""

from datetime import timedelta

from django.conf import settings
from rest_framework.request import Request

from predictions.api.requests import person
from predictions.services.rates import spend

MINUTE = timedelta(minutes=1)
SAFE = {"GET", "HEAD", "OPTIONS"}


def spend_request(request: Request) -> None:
    """Count what a person asks, through all tokens. Raises TooManyError."""
    _spend(request, "api", whom=person(request).pk)


def spend_refusal(request: Request) -> None:
    """Count a request without a usable token, by address. Raises TooManyError."""
    _spend(request, "api.stranger", whom=request.META.get("REMOTE_ADDR", ""))


def _spend(request: Request, what: str, *, whom: object) -> None:
    if request.method in SAFE:
        kind, limit = "read", settings.API_READS_PER_MINUTE
    else:
        kind, limit = "write", settings.API_WRITES_PER_MINUTE
    spend(what=f"{what}.{kind}", whom=whom, limit=limit, window=MINUTE)
