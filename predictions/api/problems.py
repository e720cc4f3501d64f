"""Errors of the API: problem+json (RFC 9457)."""

import uuid
from typing import Any

from rest_framework.exceptions import ErrorDetail
from rest_framework.response import Response
from rest_framework.views import exception_handler

from predictions.services.errors import ServiceError


def problem(
    *, status: int, title: str, detail: str, code: str, **more: object
) -> Response:
    """One problem, with a number to quote."""
    content = {
        "type": f"urn:histoapp:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{uuid.uuid4()}",
        **more,
    }
    return Response(content, status=status, content_type="application/problem+json")


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """The exception handler of every API view; None makes it a 500."""
    if isinstance(error, ServiceError):
        return problem(
            status=error.status,
            title=error.title,
            detail=str(error),
            code=error.code,
            **error.more,
        )
    response = exception_handler(error, context)
    if response is None:
        return None
    answered = problem(
        status=response.status_code,
        title=response.status_text,
        detail=_words(response.data),
        code=getattr(error, "default_code", "error"),
    )
    if response.status_code == 400 and isinstance(response.data, dict):  # noqa: PLR2004 - Bad Request.
        answered.data["errors"] = response.data
    for name in ("WWW-Authenticate", "Retry-After", "Allow"):
        if name in response.headers:
            answered[name] = response.headers[name]
    return answered


def _words(data: object) -> str:
    """The first sentence in what the framework says."""
    if isinstance(data, ErrorDetail | str):
        return str(data)
    if isinstance(data, dict):
        if "detail" in data:
            return _words(data["detail"])
        return "; ".join(f"{name}: {_words(value)}" for name, value in data.items())
    if isinstance(data, list):
        return " ".join(_words(item) for item in data)
    return str(data)
