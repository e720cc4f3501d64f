"""Importing a folder: a page that says first what would happen, then lets it."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from predictions.forms.images import UploadForm
from predictions.forms.imports import FormRefusedError, ImportForm, read_folder
from predictions.services.errors import NotAllowedError, ServiceError
from predictions.services.imports import (
    Action,
    Plan,
    PlannedRow,
    open_import,
    plan_import,
)
from predictions.services.manifests import MAX_BYTES, MAX_ROWS, read_manifest
from predictions.uploads import receive_small_files
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.refusals import refusal


@require_safe
@signed_in
def import_new(request: SignedInRequest) -> HttpResponse:
    context = {
        "form": ImportForm(user=request.user),
        "may_open": queries.may_open_cases(request.user),
        "max_rows": MAX_ROWS,
    }
    return render(request, "predictions/import_new.html", context)


# As with an upload, the body is read only once the person was checked, so Django's own
# CSRF check, which reads it, comes last.
@csrf_exempt
@require_POST
@signed_in
def import_check(request: SignedInRequest) -> HttpResponse:
    """The dry run: nothing of what is sent stays."""
    return _received(request, is_dry_run=True)


@csrf_exempt
@require_POST
@signed_in
def import_open(request: SignedInRequest) -> HttpResponse:
    """Open the cases; the script then sends each file to its own."""
    return _received(request, is_dry_run=False)


def _received(request: SignedInRequest, *, is_dry_run: bool) -> HttpResponse:
    try:
        if not queries.may_open_cases(request.user):
            raise NotAllowedError(
                "Ask a technician or a pathologist of your laboratory to do this."
            )
        files = receive_small_files(request, max_bytes=MAX_BYTES)
    except ServiceError as error:
        return refusal(request, error)
    return _answer(request, files=files, is_dry_run=is_dry_run)


@csrf_protect
def _answer(
    request: SignedInRequest, *, files: dict[str, bytes], is_dry_run: bool
) -> HttpResponse:
    form = ImportForm(request.POST, user=request.user)
    try:
        if not form.is_valid():
            raise FormRefusedError("Choose a laboratory of yours.")
        folder = read_folder(files.get("folder"))
        plan = plan_import(
            laboratory=form.cleaned_data["laboratory"],
            asked_by=request.user,
            rows=read_manifest(files.get("manifest", b"")),
            filenames=folder,
            sizes_bytes=folder,
        )
        if not is_dry_run:
            plan = open_import(plan=plan, opened_by=request.user)
    except ServiceError as error:
        return refusal(request, error)
    return JsonResponse(_shown(plan))


def _shown(plan: Plan) -> dict[str, object]:
    return {
        "rows": [_row(planned) for planned in plan.rows],
        "unnamed": plan.unnamed,
        "counts": {action: plan.count(action) for action in Action},
    }


def _row(planned: PlannedRow) -> dict[str, object]:
    """What the page shows of a row; what the script sends with its file."""
    row = planned.row
    return {
        "line": row.line,
        "file": row.file,
        "accession_number": row.accession_number,
        "patient_code": row.patient_code,
        "action": planned.action,
        "words": planned.words,
        "found": planned.found,
        "case": _address("case-detail", planned),
        "upload": _address("image-upload", planned),
        "said": {
            "spacing": UploadForm.ASSUMED
            if row.spacing_um is None
            else UploadForm.STATED,
            "spacing_um": _number(row.spacing_um),
            "magnification": _number(row.magnification),
            "specimen_label": row.specimen_label,
        },
    }


def _address(name: str, planned: PlannedRow) -> str:
    return reverse(name, args=[planned.case.pk]) if planned.case else ""


def _spacing(spacing_um: float | None) -> str:
    return UploadForm.ASSUMED if spacing_um is None else UploadForm.STATED


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"
