"""Idempotency-Key: a request that is sent again is not done again."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from predictions.api.requests import person
from predictions.services.repeats import Answer, answer_once

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
PRINTABLE = re.compile(r"[\x20-\x7e]{1,128}")
WRITING = {"POST", "PATCH"}

Handler = Callable[..., Response]


class UnusableKeyError(APIException):
    """The key is no key."""

    status_code = 400
    default_code = "idempotency_key_unusable"
    default_detail = f"{HEADER} must be 1 to 128 printable ASCII characters."


class ShownOnce(Response):
    """An answer with a secret: `instead` stands in its place where it is kept."""

    def __init__(self, shown: Any, instead: Mapping[str, object], status: int) -> None:
        super().__init__(shown, status=status)
        self.instead = instead


def read_key(request: Request) -> str | None:
    """The key of a request that changes something; None if it has none."""
    key = request.headers.get(HEADER)
    if key is None or request.method not in WRITING:
        return None
    if not PRINTABLE.fullmatch(key):
        raise UnusableKeyError
    return key


def keyed(handler: Handler, key: str) -> Handler:
    """The handler, in one transaction with its answer: asked again, it is not run."""

    def once(request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = answer_once(
            user=person(request),
            key=key,
            request_sha256=digest(request, request._request.body),  # noqa: SLF001 - The bytes themselves, before any parser.
            act=lambda: _answer(handler(request, *args, **kwargs)),
        )
        return respond(answer)

    return once


def digest(request: Request, *parts: bytes) -> str:
    """SHA-256 of method, address and what was sent, each with its length before it."""
    whole = hashlib.sha256()
    address = [str(request.method), request.path, request.META.get("QUERY_STRING", "")]
    for part in (*(word.encode() for word in address), *parts):
        whole.update(b"%d:" % len(part) + part)
    return whole.hexdigest()


def respond(answer: Answer) -> Response:
    """The answer, which says so if it is an old one."""
    headers = {REPLAYED: "true"} if answer.is_replayed else None
    return Response(answer.body, status=answer.status, headers=headers)


def as_json(shown: object) -> Any:
    """As it is sent: what the database can keep, and give back the same."""
    return json.loads(JSONRenderer().render(shown))


def _answer(response: Response) -> Answer:
    body = as_json(response.data)
    instead = response.instead if isinstance(response, ShownOnce) else {}
    return Answer(response.status_code, body, {**body, **instead})
