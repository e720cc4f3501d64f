"""Images by their address: asked for, watched, taken back, asked for again."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from predictions.forms.fetches import FetchForm
from predictions.models import Case
from predictions.services.errors import ServiceError
from predictions.services.fetches import (
    FetchRefusedError,
    ask_to_fetch,
    cancel_fetch,
    fetch_again,
)
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.fetched import Fetches
from predictions.views.refusals import refusal

UNCHANGED = 204  # htmx leaves the page as it is.


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def case_fetches(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    """The list, asked for again while something is fetched; and where one is asked."""
    case = queries.found(queries.cases(request.user), case_id)
    if request.method == "POST":
        return _ask(request, case)
    fetches = Fetches.of(case, request.user)
    if fetches and request.GET.get("seen") == fetches.fingerprint:
        return HttpResponse(status=UNCHANGED)
    return _listed(request, case)


@require_POST
@signed_in
def fetch_cancel(request: SignedInRequest, fetch_id: UUID) -> HttpResponse:
    fetch = queries.found(queries.fetches(request.user), fetch_id)
    try:
        cancelled = cancel_fetch(fetch=fetch, cancelled_by=request.user)
    except ServiceError as error:
        return refusal(request, error)
    if not cancelled:
        messages.info(request, "It was finished before it could be cancelled.")
    return _back_to(fetch.case)


@require_POST
@signed_in
def fetch_retry(request: SignedInRequest, fetch_id: UUID) -> HttpResponse:
    """Only for who asked: nobody else knows the address."""
    mine = queries.fetches(request.user).filter(asked_by=request.user)
    fetch = queries.found(mine, fetch_id)
    try:
        fetch_again(fetch=fetch, asked_by=request.user)
    except ServiceError as error:
        return refusal(request, error)
    return _back_to(fetch.case)


def _ask(request: SignedInRequest, case: Case) -> HttpResponse:
    form = FetchForm(request.POST)
    try:
        if not form.is_valid():
            raise FetchRefusedError(form.first_error())
        ask_to_fetch(case=case, asked_by=request.user, **form.cleaned_data)
    except ServiceError as error:
        return _listed(request, case, form=form, problem=error)
    return _listed(request, case) if request.htmx else _back_to(case)


def _listed(
    request: SignedInRequest,
    case: Case,
    *,
    form: FetchForm | None = None,
    problem: ServiceError | None = None,
) -> HttpResponse:
    """The list for htmx, which leaves the form as it is; or else a page with both."""
    context = {
        "case": case,
        "fetches": Fetches.of(case, request.user),
        "may_ask": queries.may_ask(request.user, case),
        "fetch_form": form or FetchForm(),
        "problem": str(problem or ""),
    }
    status = problem.status if problem else 200
    template = "fetches" if request.htmx else "fetch_page"
    return render(request, f"predictions/{template}.html", context, status=status)


def _back_to(case: Case) -> HttpResponse:
    return redirect(f"{reverse('case-detail', args=[case.pk])}#fetches")
