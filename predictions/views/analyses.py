"""What a person may ask of an analysis: again, or not any more."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from predictions.services.analyses import (
    AnalysisUnfinishedError,
    ask_again,
    cancel_analysis,
)
from predictions.services.errors import ServiceError
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.refusals import refusal


@require_POST
@signed_in
def analysis_again(request: SignedInRequest, analysis_id: UUID) -> HttpResponse:
    analysis = queries.found(queries.analyses(request.user), analysis_id)
    try:
        ask_again(analysis=analysis, asked_by=request.user)
    except AnalysisUnfinishedError as error:
        messages.info(request, str(error))
    except ServiceError as error:
        return refusal(request, error)
    return redirect("image-detail", analysis.image_id)


@require_POST
@signed_in
def analysis_cancel(request: SignedInRequest, analysis_id: UUID) -> HttpResponse:
    analysis = queries.found(queries.analyses(request.user), analysis_id)
    try:
        cancelled = cancel_analysis(analysis=analysis, cancelled_by=request.user)
    except ServiceError as error:
        return refusal(request, error)
    if not cancelled:
        messages.info(request, "It was finished before it could be cancelled.")
    return redirect("image-detail", analysis.image_id)
