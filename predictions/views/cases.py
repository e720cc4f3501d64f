"""A case: opened, looked at, corrected, given to somebody, talked about."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from predictions.forms.cases import AssignForm, CaseChangeForm, CaseForm, MessageForm
from predictions.forms.fetches import FetchForm
from predictions.forms.images import UploadForm
from predictions.models import Case
from predictions.services.cases import DuplicateCaseError, change_cases, open_case
from predictions.services.errors import ServiceError
from predictions.services.messages import post_message
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.casework import (
    Casework,
    PageCase,
    case_pages,
    last_of,
    messages_of,
)
from predictions.views.refusals import refusal
from predictions.views.timeline import timeline
from predictions.views.worklist import say_changed

UNCHANGED = 204  # htmx leaves the page as it is.
UNPROCESSABLE = 422
FORBIDDEN = 403


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def case_new(request: SignedInRequest) -> HttpResponse:
    form = CaseForm(request.POST or None, user=request.user)
    context: dict[str, object] = {
        "form": form,
        "may_open": queries.may_open_cases(request.user),
    }
    if request.method == "POST" and form.is_valid():
        try:
            case = open_case(opened_by=request.user, **form.cleaned_data)
        except DuplicateCaseError as error:
            form.add_error("accession_number", str(error))
            context["existing"] = error.case
        except ServiceError as error:
            return refusal(request, error)
        else:
            return redirect("case-detail", case.pk)
    status = UNPROCESSABLE if form.errors else 200
    return render(request, "predictions/case_new.html", context, status=status)


@require_safe
@signed_in
def case_detail(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    case: PageCase = queries.found(case_pages(request.user), case_id)
    work = Casework.of(case, request.user)
    context = {
        "case": case,
        "chip": f"predictions/case_status/{case.status}.html",
        "work": work,
        "notes": messages_of(case, request.user),
        "message_form": MessageForm(),
        "timeline": timeline(case, work.images, request.user),
        "fetch_form": FetchForm(),
        "may_ask": case.may_ask,
        "upload": UploadForm(
            initial={"spacing_um": case.laboratory.default_spacing_um}
        ),
    }
    return render(request, "predictions/case_detail.html", context)


@require_safe
@signed_in
def case_images(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    """The part of the case page that moves: asked for again while work goes on."""
    case = queries.found(queries.cases(request.user), case_id)
    work = Casework.of(case, request.user)
    if request.GET.get("seen") == work.fingerprint:
        return HttpResponse(status=UNCHANGED)
    may_ask = queries.may_ask(request.user, case)
    context = {"case": case, "work": work, "may_ask": may_ask}
    return render(request, "predictions/case_images.html", context)


@require_safe
@signed_in
def case_timeline(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    case: PageCase = queries.found(case_pages(request.user), case_id)
    work = Casework.of(case, request.user)
    told = timeline(case, work.images, request.user)
    if request.GET.get("seen") == told.fingerprint:
        return HttpResponse(status=UNCHANGED)
    context = {"case": case, "timeline": told}
    return render(request, "predictions/case_timeline.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def case_messages(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    """The list, asked for again while the page is open; and where one is posted."""
    case = queries.found(queries.cases(request.user), case_id)
    if request.method == "POST":
        return _post(request, case)
    notes = messages_of(case, request.user)
    if request.GET.get("seen") == last_of(notes):
        return HttpResponse(status=UNCHANGED)
    context = {"case": case, "notes": notes}
    return render(request, "predictions/case_messages.html", context)


def _post(request: SignedInRequest, case: Case) -> HttpResponse:
    """The list anew for htmx, which leaves the rest of the page, and uploads, alone."""
    problem = ""
    try:
        text = request.POST.get("text", "")
        post_message(case=case, author=request.user, text=text)
    except ServiceError as error:
        if not request.htmx:
            return refusal(request, error)
        problem = str(error)
    if not request.htmx:
        return redirect(f"{reverse('case-detail', args=[case.pk])}#messages")
    context = {
        "case": case,
        "notes": messages_of(case, request.user),
        "problem": problem,
    }
    status = UNPROCESSABLE if problem else 200
    return render(request, "predictions/case_messages.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def case_change(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    case = queries.found(queries.cases(request.user), case_id)
    form = CaseChangeForm(request.POST or None, case=case)
    may_change = queries.may_ask(request.user, case)
    context: dict[str, object] = {"form": form, "case": case, "may_change": may_change}
    if request.method == "POST" and form.is_valid():
        try:
            events = change_cases(cases=[case], changed_by=request.user, **form.changes)
        except DuplicateCaseError as error:
            form.add_error("accession_number", str(error))
            context["existing"] = error.case
        except ServiceError as error:
            return refusal(request, error)
        else:
            if events:
                say_changed(request, events, "The case was changed.")
            return redirect("case-detail", case.pk)
    status = UNPROCESSABLE if form.errors else 200
    if not may_change:
        status = FORBIDDEN
    return render(request, "predictions/case_change.html", context, status=status)


@require_POST
@signed_in
def case_assign(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    """Take the case, or give it back, with one click."""
    case = queries.found(queries.cases(request.user), case_id)
    to_me = AssignForm(request.POST).is_to_me
    try:
        events = change_cases(
            cases=[case],
            changed_by=request.user,
            assignee=request.user if to_me else None,
        )
    except ServiceError as error:
        return refusal(request, error)
    if events:
        whom = "you" if to_me else "nobody"
        say_changed(request, events, f"The case is assigned to {whom}.")
    return redirect("case-detail", case.pk)
