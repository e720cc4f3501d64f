"""How long a session lasts: not beyond a pause, and not beyond a day's work."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponseBase

BEGAN_AT, SEEN_AT = "began_at", "seen_at"  # Seconds since 1970.
NOTED_EVERY_S = 60  # Not a write per request: a pause is told to the minute.

# What portal.js adds to a request of htmx behind which there is a click or a key.
ASKED_BY_A_PERSON = "X-Asked-By"


class SessionLimits:
    """End a session after a pause (SESSION_IDLE_S), and after SESSION_LIMIT_S.

    A page that asks by itself whether there is news keeps nobody signed in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        has_cookie = settings.SESSION_COOKIE_NAME in request.COOKIES
        if has_cookie and SESSION_KEY in request.session:
            _continue_or_end(request)
        response = self.get_response(request)
        session = request.session
        if session.modified and SESSION_KEY in session and BEGAN_AT not in session:
            session[BEGAN_AT] = session[SEEN_AT] = time.time()
        return response


def _continue_or_end(request: HttpRequest) -> None:
    session, now = request.session, time.time()
    began_at = session.setdefault(BEGAN_AT, now)
    seen_at = session.setdefault(SEEN_AT, now)
    if now - began_at > settings.SESSION_LIMIT_S:
        _end(request, f"a session lasts {_words(settings.SESSION_LIMIT_S)} at most")
    elif now - seen_at > settings.SESSION_IDLE_S:
        _end(request, f"nothing was done for {_words(settings.SESSION_IDLE_S)}")
    elif now - seen_at > NOTED_EVERY_S and _is_of_a_person(request):
        session[SEEN_AT] = now


def _is_of_a_person(request: HttpRequest) -> bool:
    asks_only = request.method in {"GET", "HEAD"}
    is_part = request.headers.get("HX-Request") == "true"
    return not (asks_only and is_part) or ASKED_BY_A_PERSON in request.headers


def _end(request: HttpRequest, why: str) -> None:
    logout(request)
    messages.info(request, f"You are signed out: {why}. Sign in to go on.")


def _words(seconds: int) -> str:
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
