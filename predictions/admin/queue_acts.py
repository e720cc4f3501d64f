"""What may be done about the answers of the queue: each through its service."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from predictions.admin.acts import Refusals, act_on_each, count_gone, tell
from predictions.admin.windows import acting
from predictions.forms.override import OverrideForm
from predictions.models import Image, Laboratory, ReviewQueue
from predictions.services.analyses import ask_again
from predictions.services.cases import change_case
from predictions.services.errors import NotAllowedError
from predictions.services.laboratories import READERS, require_role
from predictions.services.reviews import SCORED, ReviewRefusedError, review_answer

if TYPE_CHECKING:
    Queue = ModelAdmin[ReviewQueue]
    Answers = QuerySet[ReviewQueue]
else:
    Queue, Answers = ModelAdmin, QuerySet

GONE = (
    "{} of the chosen answers left the queue meanwhile: somebody reviewed it, or there "
    "is a newer one. Nothing was done about it."
)


def image_of(answer: ReviewQueue) -> Image:
    return answer.analysis.image


@admin.action(description="Agree with the model")
def agree(window: Queue, request: HttpRequest, answers: Answers) -> None:
    user = acting(request)
    _tell_gone(window, request, answers)
    act_on_each(
        window,
        request,
        answers,
        name=image_of,
        done="answers agreed with",
        act=lambda answer: _agree(answer, user),
    )


def _agree(answer: ReviewQueue, user: User) -> bool:
    if answer.outcome not in SCORED:
        raise ReviewRefusedError(
            "The model gave no verdict to agree with. Choose Override to give yours."
        )
    review_answer(prediction=answer, reader=user, verdict=answer.outcome)
    return True


@admin.action(description="Override: give your own verdict")
def override(
    window: Queue, request: HttpRequest, answers: Answers
) -> HttpResponse | None:
    """Asks on a page of its own, which shows what was chosen; then records."""
    user = acting(request)
    readable = _readable(window, request, answers, user)
    if not readable:
        window.message_user(request, "No answer was overridden.", messages.WARNING)
        return None
    outcomes = {str(answer.outcome) for answer in readable}
    if "confirmed" not in request.POST:
        return _ask(window, request, readable, OverrideForm(outcomes=outcomes))
    form = OverrideForm(request.POST, outcomes=outcomes)
    if not form.is_valid():
        return _ask(window, request, readable, form)
    act_on_each(
        window,
        request,
        readable,
        name=image_of,
        done="answers reviewed",
        act=lambda answer: bool(
            review_answer(prediction=answer, reader=user, **form.cleaned_data)
        ),
    )
    return None


def _readable(
    window: Queue, request: HttpRequest, answers: Answers, user: User
) -> list[ReviewQueue]:
    """Those of laboratories where the person may review; the others are told.

    Asked before anybody writes a comment; the service asks once more.
    """
    _tell_gone(window, request, answers)
    refused: dict[Laboratory, NotAllowedError] = {}
    for laboratory in {image_of(answer).case.laboratory for answer in answers}:
        try:
            require_role(laboratory=laboratory, user=user, roles=READERS)
        except NotAllowedError as error:
            refused[laboratory] = error
    refusals, readable = Refusals(), []
    for answer in answers:
        words = refused.get(image_of(answer).case.laboratory)
        if words is None:
            readable.append(answer)
        else:
            refusals.add(image_of(answer), words)
    tell(window, request, refusals)
    return readable


def _ask(
    window: Queue, request: HttpRequest, answers: list[ReviewQueue], form: OverrideForm
) -> HttpResponse:
    context: dict[str, Any] = {
        **window.admin_site.each_context(request),
        "title": "Override the model",
        "opts": window.opts,
        "answers": answers,
        "form": form,
    }
    return TemplateResponse(
        request,
        "admin/predictions/reviewqueue/override.html",
        context,
        status=422 if form.errors else 200,
    )


@admin.action(description="Ask again")
def ask_anew(window: Queue, request: HttpRequest, answers: Answers) -> None:
    user = acting(request)
    _tell_gone(window, request, answers)
    act_on_each(
        window,
        request,
        answers,
        name=image_of,
        done="asked again",
        act=lambda answer: bool(ask_again(analysis=answer.analysis, asked_by=user)),
    )


@admin.action(description="Assign the case to me")
def assign_to_me(window: Queue, request: HttpRequest, answers: Answers) -> None:
    user = acting(request)
    _tell_gone(window, request, answers)
    act_on_each(
        window,
        request,
        {image_of(answer).case for answer in answers},
        name=lambda case: case,
        done="cases assigned to you",
        act=lambda case: bool(change_case(case=case, changed_by=user, assignee=user)),
    )


def _tell_gone(window: Queue, request: HttpRequest, answers: Answers) -> None:
    if gone := count_gone(request, answers):
        window.message_user(request, GONE.format(gone), messages.WARNING)
