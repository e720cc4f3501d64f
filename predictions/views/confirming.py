"""A page between a button and what cannot simply be undone."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from predictions.services.errors import ServiceError

METHODS = ["GET", "HEAD", "POST"]


@dataclass(frozen=True)
class Question:
    """What is asked before it is done, and said after."""

    title: str
    words: str
    action: str
    done: str
    back: str  # The address to go to, either way.
    is_grave: bool = True


def confirmed(
    request: HttpRequest, question: Question, do: Callable[[], object]
) -> HttpResponse:
    """Ask by GET; by POST do it, or say with the service's words why not."""
    if request.method != "POST":
        return _page(request, question)
    try:
        do()
    except ServiceError as error:
        return _page(request, question, refused=error)
    messages.success(request, question.done)
    return redirect(question.back)


def _page(
    request: HttpRequest, question: Question, *, refused: ServiceError | None = None
) -> HttpResponse:
    context = {"question": question, "refused": refused}
    status = refused.status if refused else 200
    return render(request, "predictions/people/confirm.html", context, status=status)
