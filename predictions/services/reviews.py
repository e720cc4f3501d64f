"""A pathologist's reading of an answer: kept beside it, never in place of it."""

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import JobStatus, Outcome, Prediction, Review, Verdict
from predictions.services.audit import record_event
from predictions.services.case_status import restating
from predictions.services.errors import ConflictError, ServiceError
from predictions.services.laboratories import READERS, require_role
from predictions.services.standing import hold_standing
from predictions.services.words import check_words

COMMENT_CHARACTERS = 2000
# Only these say something that a verdict can agree with.
SCORED = (Outcome.BENIGN, Outcome.MALIGNANT)


class AnswerSupersededError(ConflictError):
    """The image has a newer answer: that one is to be read."""

    code = "answer_superseded"
    title = "There is a newer answer"

    def __init__(self, newer: Prediction) -> None:
        super().__init__(
            "The model was asked again, and there is a newer answer. Read that one.",
            analysis=str(newer.pk),
        )


class ReviewRefusedError(ServiceError):
    """The review says too little, or nothing that is known."""

    status = 422
    code = "review_refused"
    title = "This review was not accepted"


@transaction.atomic
def review_answer(
    *, prediction: Prediction, reader: User, verdict: str, comment: str = ""
) -> Review:
    """Record what a pathologist makes of an answer. The newest review counts.

    Whoever overrides the model says why. Where the model gave no verdict (refer,
    refused) there is nothing to agree with: `agrees` is None, the comment optional.
    Raises NotAllowedError, ReviewRefusedError, WordsRefusedError,
    ImageWithdrawnError, ImagePurgedError, AnswerSupersededError.
    """
    image = prediction.analysis.image
    require_role(laboratory=image.case.laboratory, user=reader, roles=READERS)
    agrees = _agrees(prediction, verdict)
    words = check_words(comment, what="The comment", most=COMMENT_CHARACTERS)
    if agrees is False and not words:
        raise ReviewRefusedError("Say in a comment why you read it otherwise.")
    with restating(image.case):
        hold_standing(image=image)
        _refuse_superseded(prediction)
        review = Review.objects.create(
            prediction=prediction,
            reader=reader,
            agrees=agrees,
            verdict=verdict,
            comment=words,
        )
    record_event(
        laboratory=image.case.laboratory,
        actor=reader,
        action="review.record",
        subject=f"analysis:{prediction.pk}",
        detail={
            "image": str(image.pk),
            "review": str(review.pk),
            "verdict": verdict,
            "agrees": agrees,
        },
    )
    return review


def _agrees(prediction: Prediction, verdict: str) -> bool | None:
    if verdict not in Verdict.values:
        raise ReviewRefusedError(f"A verdict is one of {', '.join(Verdict.values)}.")
    if prediction.outcome not in SCORED:
        return None
    return prediction.outcome == verdict


def _refuse_superseded(prediction: Prediction) -> None:
    newer = (
        Prediction.objects.filter(
            analysis__image=prediction.analysis.image_id,
            analysis__status=JobStatus.SUCCEEDED,
            analysis__created_at__gt=prediction.analysis.created_at,
        )
        .order_by("-analysis__created_at", "pk")
        .first()
    )
    if newer is not None:
        raise AnswerSupersededError(newer)
