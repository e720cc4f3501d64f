"""Errors of the API: problem+json (RFC 9457)."""

import logging
import uuid
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponseBase, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.urls import reverse
from rest_framework.exceptions import APIException, ErrorDetail, ParseError
from rest_framework.views import exception_handler

from predictions.services.errors import ServiceError
from predictions.services.rates import TooManyError

logger = logging.getLogger(__name__)

# What Django says of a body that cannot be read: the sender's fault, not ours.
UNREADABLE = (SuspiciousOperation, MultiPartParserError, UnreadablePostError)
KEPT_HEADERS = ("WWW-Authenticate", "Retry-After", "Allow")
RETRY_AFTER_S = 5  # What is away just now is back in about that time.


class LengthRequiredError(APIException):
    status_code = HTTPStatus.LENGTH_REQUIRED
    default_code = "length_required"
    default_detail = "Say with Content-Length how long the body is."


class BodyTooLargeError(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "This body is longer than any that is needed here."


def contents(
    *, status: int, title: str, detail: str, code: str, **more: object
) -> dict[str, object]:
    """One problem, with a page on its kind and a number to quote."""
    return {
        "type": reverse("api:problem", args=[code]),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{uuid.uuid4()}",
        **more,
    }


def of_service(error: ServiceError) -> dict[str, object]:
    """A service's no, in its own words."""
    return contents(
        status=error.status,
        title=error.title,
        detail=str(error),
        code=error.code,
        **error.more,
    )


def answer(error: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """The exception handler of every API view; None makes it a 500."""
    if isinstance(error, ServiceError):
        return _respond_to_service(error)
    if isinstance(error, UNREADABLE):
        error = ParseError("The body could not be read. Send the request again.")
    response = exception_handler(error, context)
    if response is None:
        return None
    more: dict[str, object] = {}
    if response.status_code == HTTPStatus.BAD_REQUEST and _names_fields(response.data):
        more["errors"] = response.data
    problem = contents(
        status=response.status_code,
        title=HTTPStatus(response.status_code).phrase,
        detail=_words(response.data),
        code=_code(error),
        **more,
    )
    answered = _respond(problem)
    for name in KEPT_HEADERS:
        if name in response.headers:
            answered[name] = response.headers[name]
    return answered


def _respond_to_service(error: ServiceError) -> JsonResponse:
    answered = _respond(of_service(error))
    if isinstance(error, TooManyError):
        answered["Retry-After"] = str(error.retry_after_s)
    elif error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        answered["Retry-After"] = str(RETRY_AFTER_S)
    return answered


def _code(error: Exception) -> str:
    if isinstance(error, Http404):
        return "not_found"
    if isinstance(error, PermissionDenied):
        return "permission_denied"
    return str(getattr(error, "default_code", "error"))


def _respond(problem: dict[str, object]) -> JsonResponse:
    """Whatever the address would have answered with otherwise."""
    logger.info("refused, number %s", problem["instance"])
    return JsonResponse(
        problem, status=problem["status"], content_type="application/problem+json"
    )


def _names_fields(said: object) -> bool:
    return isinstance(said, dict) and "detail" not in said


def _words(said: object) -> str:
    """What the framework says, in one line."""
    if isinstance(said, ErrorDetail | str):
        return str(said)
    if isinstance(said, dict):
        if "detail" in said:
            return _words(said["detail"])
        return " ".join(f"{name}: {_words(words)}" for name, words in said.items())
    if isinstance(said, list):
        return " ".join(_words(words) for words in said)
    return str(said)
