"""What a person or a program reads when something is wrong."""

import logging
import sys
import uuid

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

logger = logging.getLogger(__name__)
RETRY_AFTER_S = 5  # PostgreSQL restarts in about that time.

TITLES = {
    400: "This request could not be understood",
    403: "You may not do this",
    404: "There is nothing here for you",
    500: "Something went wrong on our side",
    503: "The records cannot be reached just now",
}
ADVICE = {
    400: "Go back and try again. If it happens again, tell your administrator.",
    403: "If the page was open for long, reload it and try again.",
    404: "The address is wrong, or it belongs to another laboratory.",
    500: "Nothing that was accepted is lost. Try again, or tell your administrator "
    "the number below.",
    503: "Nothing that was accepted is lost. Try again in a few seconds.",
}


CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    500: "server_error",
    503: "unavailable",
}


def answer(request: HttpRequest, status: int) -> HttpResponse:
    """An error page, or problem+json (RFC 9457) under /api/."""
    number = uuid.uuid4()
    logger.warning("answered %s to %s, number %s", status, request.method, number)
    if request.path.startswith("/api/"):
        problem = {
            "type": f"/api/v1/problems/{CODES[status]}",
            "title": TITLES[status],
            "status": status,
            "detail": ADVICE[status],
            "instance": f"urn:uuid:{number}",
        }
        return JsonResponse(
            problem, status=status, content_type="application/problem+json"
        )
    context = {
        "status": status,
        "title": TITLES[status],
        "advice": ADVICE[status],
        "number": number,
    }
    return render(None, "errors/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or 503 with Retry-After while PostgreSQL is away, from any layer."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        response = answer(request, 503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
    return answer(request, 500)
