"""What every address of the API has in common: who asks, and what may be read."""

import re
from typing import IO, Any, TypeVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from predictions.api.problems import BodyTooLargeError
from predictions.models import Laboratory

Row = TypeVar("Row", bound=models.Model)


class OneAnswer(DefaultContentNegotiation):
    """Each address has one type of answer, whatever `Accept` says."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class SmallJSONParser(JSONParser):
    """JSON that cannot exhaust the stack; its length was judged before."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> dict[str, Any]:
        try:
            sent: object = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("This JSON is nested too deeply.") from error
        if not isinstance(sent, dict):
            raise ParseError("Send a JSON object.")
        return sent


def limit_body(request: Request, max_bytes: int) -> None:
    """Raise BodyTooLargeError before anything of a longer body is read."""
    if (declared_bytes(request) or 0) > max_bytes:
        raise BodyTooLargeError


def person(request: Request) -> User:
    """Whoever the token belongs to: every address of the API needs one."""
    return cast("User", request.user)


def declared_bytes(request: Request) -> int | None:
    """The length of the body, as its sender says; None if that is not said."""
    declared = request.headers.get("Content-Length", "")
    return int(declared) if re.fullmatch(r"[0-9]{1,18}", declared) else None


def stated_laboratory(request: Request, stated: UUID | None) -> Laboratory:
    """The one stated, or the only one there is."""
    mine = Laboratory.objects.visible_to(person(request))
    if stated is not None:
        return found(mine, stated)
    known: list[Laboratory] = list(mine[:20])
    if len(known) == 1:
        return known[0]
    names = ", ".join(f"{laboratory.pk} ({laboratory.name})" for laboratory in known)
    raise ValidationError({"laboratory": f"State one of: {names or 'none yet'}."})


def checked(shape: Serializer[Any]) -> Any:
    """What was sent, in that shape. Raises ValidationError."""
    shape.is_valid(raise_exception=True)
    return shape.validated_data


def found(rows: QuerySet[Row], row_id: UUID | int) -> Row:
    """The row, or 404: what is not visible is not there."""
    row = rows.filter(pk=row_id).first()
    if row is None:
        raise Http404
    return row
