"""Long lists, a page at a time, each from where the one before it ended."""

from typing import Any

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

SALT = "predictions.api.pagination"


class BadCursorError(APIException):
    """The cursor is none of ours, or of another ordering."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "bad_cursor"
    default_detail = (
        "This cursor is not one of this list in this order. "
        "Begin anew without `cursor`, and follow `next` as it is."
    )


class CursorPages(BasePagination):
    """`?cursor=` of the page before; at most 200 rows a page.

    A cursor holds the last row's place in the order, the id last: rows that come or
    go meanwhile neither repeat nor hide another. It is signed, and so opaque.
    """

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any]:
        asked = view.asked.validated_data
        columns = view.asked.columns()
        rows = queryset.order_by(*columns)
        if "cursor" in asked:
            rows = _after(rows, columns, _read(asked["cursor"], columns))
        page = list(rows[: asked["page_size"] + 1])
        self.next = None
        if len(page) > asked["page_size"]:
            page.pop()
            here = request.build_absolute_uri()
            self.next = replace_query_param(here, "cursor", _write(page[-1], columns))
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        address = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "The next page; null on the last.",
        }
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": address, "results": schema},
        }


def _after(rows: QuerySet[Any], columns: list[str], values: list[str]) -> QuerySet[Any]:
    """The rows that stand behind the one with these values, in this order."""
    behind, same = Q(), Q()
    for column, value in zip(columns, values, strict=True):
        name = column.removeprefix("-")
        lookup = f"{name}__lt" if column.startswith("-") else f"{name}__gt"
        behind |= same & Q(**{lookup: value})
        same &= Q(**{name: value})
    return rows.filter(behind)


def _write(row: Model, columns: list[str]) -> str:
    values = [_field(row, column).value_to_string(row) for column in columns]
    signed: str = signing.Signer(salt=SALT).sign_object([columns, values])
    return signed


def _field(row: Model, column: str) -> Any:
    name = column.removeprefix("-")
    columns = row._meta  # noqa: SLF001 - Django's documented way to a row's columns.
    return columns.pk if name == "pk" else columns.get_field(name)


def _read(cursor: str, columns: list[str]) -> list[str]:
    try:
        made_for, values = signing.Signer(salt=SALT).unsign_object(cursor)
    except signing.BadSignature as error:
        raise BadCursorError from error
    if made_for != columns:
        raise BadCursorError
    read: list[str] = values
    return read
