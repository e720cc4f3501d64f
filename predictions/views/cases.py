"""The worklist, a new case, one case with its images."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from predictions.forms.cases import CaseForm, SearchForm
from predictions.forms.images import UploadForm
from predictions.models import Case
from predictions.services.cases import DuplicateCaseError, open_case
from predictions.services.errors import ServiceError
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.refusals import refusal
from predictions.views.shown import Picture, fingerprint, tallies

CASES_PER_PAGE = 25
UNCHANGED = 204  # htmx leaves the page as it is.


@require_safe
@signed_in
def case_list(request: SignedInRequest) -> HttpResponse:
    search = SearchForm(request.GET)
    text = search.cleaned_data["q"] if search.is_valid() else ""
    found = queries.worklist(request.user, accession_number=text)
    page = Paginator(found, CASES_PER_PAGE).get_page(request.GET.get("page"))
    counts, models = queries.count_newest(page)
    rows = [
        {
            "case": case,
            "image_count": sum(counts.get(case.pk, {}).values()),
            "tallies": tallies(counts.get(case.pk, {})),
        }
        for case in page
    ]
    context = {
        "search": search,
        "text": text,
        "page": page,
        "rows": rows,
        "models": models,
        "may_open": queries.may_open_cases(request.user),
        "is_member": bool(rows) or queries.is_member(request.user),
    }
    return render(request, "predictions/case_list.html", context)


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
    status = 422 if form.errors else 200
    return render(request, "predictions/case_new.html", context, status=status)


@require_safe
@signed_in
def case_detail(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    case = queries.found(queries.cases(request.user), case_id)
    context = _images_of(request, case) | {
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
    context = _images_of(request, case)
    if request.GET.get("seen") == context["fingerprint"]:
        return HttpResponse(status=UNCHANGED)
    return render(request, "predictions/case_images.html", context)


def _images_of(request: SignedInRequest, case: Case) -> dict[str, object]:
    images = queries.images(request.user).filter(case=case)
    pictures = [Picture(image, request.user) for image in images]
    unfinished = sum(picture.newest.is_unfinished for picture in pictures)
    return {
        "case": case,
        "pictures": pictures,
        "unfinished": unfinished,
        "finished": len(pictures) - unfinished,
        "fingerprint": fingerprint(pictures),
        "may_ask": queries.may_ask(request.user, case),
    }
