"""Files coming in: one at a time from the drop zone, several from a plain form."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from predictions.forms.images import UploadForm
from predictions.models import Case
from predictions.services.errors import ServiceError
from predictions.services.images import (
    DuplicateImageError,
    ReceivedFile,
    may_upload,
    submit_image,
)
from predictions.uploads import receive_files
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in, wants_json
from predictions.views.refusals import refusal

ACCEPTED = 201


@dataclass(frozen=True)
class Result:
    """What became of one file."""

    filename: str
    state: str  # accepted, duplicate or refused
    message: str
    status: int
    url: str = ""


# The body may be read only after the person, the case and the quota were checked, so
# Django's own CSRF check, which reads it, comes last: on _submit.
@csrf_exempt
@require_POST
@signed_in
def image_upload(request: SignedInRequest, case_id: UUID) -> HttpResponse:
    case = queries.found(queries.cases(request.user), case_id)
    try:
        may_upload(
            case=case, user=request.user, declared_bytes=_declared_bytes(request)
        )
        files = receive_files(request)
    except ServiceError as error:
        return refusal(request, error)
    return _submit(request, case, files)


@csrf_protect
def _submit(
    request: SignedInRequest, case: Case, files: list[ReceivedFile]
) -> HttpResponse:
    form = UploadForm(request.POST)
    if form.is_valid():
        results = [_submit_one(request, case, file, form) for file in files]
    else:
        results = [
            Result(file.filename, "refused", form.first_error(), 422) for file in files
        ]
    return _answer(request, case, results)


def _submit_one(
    request: SignedInRequest, case: Case, received: ReceivedFile, form: UploadForm
) -> Result:
    said = form.cleaned_data
    try:
        submission = submit_image(
            case=case,
            uploaded_by=request.user,
            received=received,
            spacing_um=said["spacing_um"],
            magnification=said["magnification"],
            specimen_label=said["specimen_label"],
        )
    except DuplicateImageError as error:
        return Result(
            received.filename,
            "duplicate",
            str(error),
            error.status,
            reverse("image-detail", args=[error.image.pk]),
        )
    except ServiceError as error:
        return Result(received.filename, "refused", str(error), error.status)
    return Result(
        received.filename,
        "accepted",
        "Accepted for analysis.",
        ACCEPTED,
        reverse("image-detail", args=[submission.image.pk]),
    )


def _answer(request: HttpRequest, case: Case, results: list[Result]) -> HttpResponse:
    """One status for all: the best that any file came to."""
    status = min(result.status for result in results)
    if wants_json(request):
        shown = [
            {"state": result.state, "message": result.message, "url": result.url}
            for result in results
        ]
        return JsonResponse({"results": shown}, status=status)
    context = {"case": case, "results": results}
    return render(request, "predictions/upload_results.html", context, status=status)


def _declared_bytes(request: HttpRequest) -> int | None:
    declared = request.headers.get("Content-Length", "")
    return int(declared) if declared.isdigit() else None
