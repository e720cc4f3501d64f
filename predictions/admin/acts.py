"""What is asked of chosen rows goes to a service, and each refusal is told in words."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import HttpRequest

from predictions.services.errors import ServiceError

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

RowT = TypeVar("RowT", bound=Model)
# Who is refused the same for fifty rows need not read fifty names.
NAMES_TOLD = 5


class Refusals:
    """What was refused, to which rows, in the service's words."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, name: object, words: object) -> None:
        self._names.setdefault(str(words), []).append(str(name))

    def told(self) -> list[str]:
        return [
            f"Not done for {_list(names)}: {words}"
            for words, names in self._names.items()
        ]


def _list(names: list[str]) -> str:
    told = ", ".join(names[:NAMES_TOLD])
    more = len(names) - NAMES_TOLD
    return f"{told} and {more} more" if more > 0 else told


def act_on_each(
    window: "ModelAdmin[Any]",
    request: HttpRequest,
    rows: Iterable[RowT],
    *,
    name: Callable[[RowT], object],
    done: str,
    act: Callable[[RowT], bool],
) -> None:
    """Ask the service about each row, and say what came of it.

    name: what to call a row in a refusal; done: what was done, after "2 of 3";
    act: False where there was nothing to do.
    """
    count, asked, refusals = 0, list(rows), Refusals()
    for row in asked:
        try:
            count += act(row)
        except ServiceError as error:
            refusals.add(name(row), error)
    tell(window, request, refusals)
    level = messages.SUCCESS if count else messages.WARNING
    window.message_user(request, f"{count} of {len(asked)} {done}.", level)


def tell(window: "ModelAdmin[Any]", request: HttpRequest, refusals: Refusals) -> None:
    for words in refusals.told():
        window.message_user(request, words, messages.ERROR)


def count_gone(request: HttpRequest, rows: Iterable[Model]) -> int:
    """How many of the chosen rows are not on this list any more."""
    chosen = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
    return len(chosen - {str(row.pk) for row in rows})
