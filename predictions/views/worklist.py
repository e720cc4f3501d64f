"""The worklist: found, sorted, worked off, exported."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST, require_safe

from predictions.forms.worklist import BulkForm, WorklistForm
from predictions.models import AuditEvent, Case, CaseStatus, Priority
from predictions.services.cases import (
    CaseChanges,
    change_cases,
    undo_changes,
    undoable,
)
from predictions.services.errors import ServiceError
from predictions.services.exports import csv_lines, export_answers, export_cases
from predictions.services.worklist import (
    ME,
    page_of,
    worklist,
)
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.refusals import refusal
from predictions.views.shown import Tally, mark_of, tallies

CASES_PER_PAGE = 25
EVENT_IDS = re.compile(r"\b[0-9]{1,18}\b")
EXPORTS = {"cases": export_cases, "answers": export_answers}
# What a column is called, by which orders, the likelier one first.
HEADS = [
    ("Case", "accession_number", "-accession_number"),
    ("Patient", "patient", "-patient"),
    ("State", "status", "-status"),
    ("Priority", "priority", "-priority"),
    ("Assignee", "", ""),
    ("Images", "", ""),
    ("Opened", "-opened", "opened"),
]
VIEWS = [
    ("All cases", {}),
    ("My cases", {"assignee": ME}),
    ("To review", {"status": CaseStatus.TO_REVIEW.value}),
    ("Needs attention", {"status": CaseStatus.ATTENTION.value}),
    ("In analysis", {"status": CaseStatus.WORKING.value}),
]


@dataclass(frozen=True)
class Row:
    """A case of the list, ready to be printed."""

    case: Case
    image_count: int
    tallies: Sequence[Tally]

    @property
    def mark(self) -> str:
        return mark_of(f"predictions/case_status/{self.case.status}.html")


@dataclass(frozen=True)
class Head:
    """A column's head: by which order its link sorts, and how it is sorted now."""

    label: str
    order: str
    sorted: str  # aria-sort's word; empty where it is not.


@dataclass(frozen=True)
class Link:
    label: str
    address: str
    is_current: bool = False


@require_safe
@signed_in
def case_list(request: SignedInRequest) -> HttpResponse:
    form = WorklistForm(request.GET, user=request.user)
    cases = worklist(user=request.user, filters=form.wanted, ordering=form.wanted_order)
    page = page_of(cases, number=form.wanted_page, size=CASES_PER_PAGE)
    counts, models = queries.count_newest(page.cases)
    context = {
        "form": form,
        "page": page,
        "rows": [
            Row(
                case,
                sum(counts.get(case.pk, {}).values()),
                tallies(counts.get(case.pk, {})),
            )
            for case in page.cases
        ],
        "models": models,
        "heads": [_head(*head, order=form.wanted_order) for head in HEADS],
        "views": _views(request, form),
        "chips": [
            (chip, _without(request.GET, chip.name, "page")) for chip in form.chips
        ],
        "is_plain": not form.chips and not form.is_wrong,
        "may_open": queries.may_open_cases(request.user),
        "is_member": bool(form.laboratories),
    }
    return render(request, "predictions/case_list.html", context)


@require_POST
@signed_in
def case_bulk(request: SignedInRequest) -> HttpResponse:
    """Do the same to every chosen case; the answer's message offers to undo it."""
    form = BulkForm(request.POST)
    cases = _chosen(request)
    if not form.is_valid() or not cases:
        messages.info(request, "Choose at least one case, then what to do with it.")
        return back_from(request)
    wanted, words = _wish(request, form.cleaned_data["do"])
    try:
        events = change_cases(cases=cases, changed_by=request.user, **wanted)
    except ServiceError as error:
        return refusal(request, error)
    if events:
        say_changed(request, events, f"{_cases(len(events))} {words}.")
    else:
        messages.info(request, "Nothing to do: the chosen cases were so already.")
    return back_from(request)


@require_POST
@signed_in
def case_undo(request: SignedInRequest) -> HttpResponse:
    ids = EVENT_IDS.findall(request.POST.get("events", ""))
    events = AuditEvent.objects.visible_to(request.user).filter(pk__in=ids)
    try:
        count = undo_changes(events=events, undone_by=request.user)
    except ServiceError as error:
        return refusal(request, error)
    words = f"{_cases(count)} put back as before."
    if count < len(ids):
        words += f" {_cases(len(ids) - count)} changed again since, and left alone."
    messages.info(request, words)
    return back_from(request)


@require_GET
@signed_in
def case_export(request: SignedInRequest, what: str) -> HttpResponseBase:
    form = WorklistForm(request.GET, user=request.user)
    if form.is_wrong:  # Never more than what was asked for.
        return redirect(f"{reverse('case-list')}?{request.GET.urlencode()}")
    rows = EXPORTS[what](exported_by=request.user, filters=form.wanted)
    today = timezone.localdate().isoformat()
    return StreamingHttpResponse(
        csv_lines(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{what}-{today}.csv"'},
    )


def say_changed(request: HttpRequest, events: Sequence[AuditEvent], words: str) -> None:
    """A message that offers to undo it, where that can be done."""
    ids = " ".join(str(event.pk) for event in undoable(events))
    messages.success(request, words, extra_tags=ids)


def _chosen(request: SignedInRequest) -> list[Case]:
    """The chosen cases; 404 if one of them is not there for this person."""
    try:
        ids = {UUID(text) for text in request.POST.getlist("case")}
    except ValueError as error:
        raise Http404 from error
    cases = list(queries.cases(request.user).filter(pk__in=ids))
    if len(cases) != len(ids):
        raise Http404
    return cases


def _wish(request: SignedInRequest, do: str) -> tuple[CaseChanges, str]:
    """What is to change, and how it is said afterwards."""
    wishes: dict[str, tuple[CaseChanges, str]] = {
        BulkForm.MINE: ({"assignee": request.user}, "assigned to you"),
        BulkForm.NOBODYS: ({"assignee": None}, "assigned to nobody"),
        BulkForm.URGENT: ({"priority": Priority.URGENT}, "made urgent"),
        BulkForm.ROUTINE: ({"priority": Priority.ROUTINE}, "made routine"),
    }
    return wishes[do]


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def back_from(request: HttpRequest) -> HttpResponse:
    """To the page that was left, if it is one of ours."""
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if is_ours and back.startswith("/") else "case-list")


def _head(label: str, first: str, other: str, *, order: str) -> Head:
    if order not in {first, other} or not order:
        return Head(label, first, "")
    direction = "descending" if order.startswith("-") else "ascending"
    return Head(label, other if order == first else first, direction)


def _views(request: HttpRequest, form: WorklistForm) -> list[Link]:
    """The lists that a working day begins with."""
    now = {chip.name: request.GET.get(chip.name) for chip in form.chips}
    return [
        Link(label, f"?{_query(said)}" if said else request.path, now == said)
        for label, said in VIEWS
    ]


def _query(said: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update(said)
    return query.urlencode()


def _without(said: QueryDict, *names: str) -> str:
    query = said.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()
