"""A pathologist's reading, sent from the image's page."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from predictions.forms.reviews import ReviewForm
from predictions.models import Prediction
from predictions.services.errors import ConflictError, ServiceError
from predictions.services.reviews import review_answer
from predictions.services.words import WordsRefusedError
from predictions.views import queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.images import image_page, picture_of
from predictions.views.refusals import refusal


@require_POST
@signed_in
def analysis_review(request: SignedInRequest, analysis_id: UUID) -> HttpResponse:
    prediction = _prediction(request, analysis_id)
    image_id = prediction.analysis.image_id
    form = ReviewForm(request.POST, outcome=prediction.outcome)
    if not form.is_valid():
        return _page_with(request, form, image_id)
    try:
        review_answer(prediction=prediction, reader=request.user, **form.cleaned_data)
    except WordsRefusedError as error:
        form.add_error("comment", str(error))
        return _page_with(request, form, image_id)
    except ConflictError as error:
        messages.info(request, str(error))
    except ServiceError as error:
        return refusal(request, error)
    else:
        messages.success(request, "Your reading is on record.")
    return redirect("image-detail", image_id)


def _prediction(request: SignedInRequest, analysis_id: UUID) -> Prediction:
    answers = queries.analyses(request.user).select_related("prediction")
    analysis = queries.found(answers, analysis_id)
    try:
        return analysis.prediction
    except Prediction.DoesNotExist as error:
        raise Http404 from error


def _page_with(
    request: SignedInRequest, form: ReviewForm, image_id: UUID
) -> HttpResponse:
    """What is wrong with it, beside the field, which has the focus."""
    name = next(iter(form.errors))
    if name in form.fields:
        form.fields[name].widget.attrs["autofocus"] = True
    picture = picture_of(request, image_id)
    return image_page(request, picture, status=422, review=form)
