"""What may be asked of an analysis, by a person, a worker or the clock.

Each is one conditional UPDATE and, if it took effect, one audit event, in one
transaction.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from predictions.models import Analysis, JobStatus, ModelVersion, Prediction
from predictions.models.job import UNFINISHED
from predictions.services.audit import record_event
from predictions.services.case_status import restating
from predictions.services.errors import ConflictError
from predictions.services.images import ring
from predictions.services.laboratories import UPLOADERS, require_role
from predictions.services.standing import hold_standing


class AnalysisUnfinishedError(ConflictError):
    """The image is being analysed already."""

    code = "analysis_unfinished"


class StaleAnswerError(Exception):
    """The attempt is not this worker's any more: its answer was discarded."""


class UnknownModelVersionError(Exception):
    """A version answered that nobody registered."""


@dataclass(frozen=True)
class Answer:
    """What the pipeline found, in the words of the record."""

    model_name: str
    version: int
    outcome: str
    probability: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    refusal_reason: str = ""
    tissue: float | None = None
    spacing_um: float | None = None
    tiles: list[dict[str, float]] = field(default_factory=list)
    heatmap_file: UUID | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@transaction.atomic
def ask_again(*, analysis: Analysis, asked_by: User) -> Analysis:
    """Ask the same model about the same image anew: a new row that points back.

    Raises AnalysisUnfinishedError while one is under way, NotAllowedError,
    ImageWithdrawnError, ImagePurgedError.
    """
    laboratory = analysis.image.case.laboratory
    require_role(laboratory=laboratory, user=asked_by, roles=UPLOADERS)
    with restating(analysis.image.case):
        hold_standing(image=analysis.image)
        again = _ask_again(analysis, asked_by)
    ring()
    record_event(
        laboratory=laboratory,
        actor=asked_by,
        action="analysis.ask_again",
        subject=f"analysis:{again.pk}",
        detail={"after": str(analysis.pk)},
    )
    return again


def _ask_again(analysis: Analysis, asked_by: User) -> Analysis:
    try:
        with transaction.atomic():
            return Analysis.objects.create(
                image=analysis.image,
                model_name=analysis.model_name,
                priority=analysis.image.case.priority,
                asked_by=asked_by,
                again_after=analysis,
            )
    except IntegrityError as error:
        raise _unfinished(analysis) from error


def _unfinished(analysis: Analysis) -> AnalysisUnfinishedError:
    """What the database refused another analysis for; by now it may have ended."""
    under_way = Analysis.objects.filter(
        image=analysis.image, model_name=analysis.model_name, status__in=UNFINISHED
    ).first()
    return AnalysisUnfinishedError(
        "This image is being analysed already. Wait for that answer.",
        analysis=str(under_way.pk if under_way else analysis.pk),
    )


@transaction.atomic
def cancel_analysis(*, analysis: Analysis, cancelled_by: User) -> bool:
    """Stop wanting the answer. False if it was finished before."""
    laboratory = analysis.image.case.laboratory
    require_role(laboratory=laboratory, user=cancelled_by, roles=UPLOADERS)
    with restating(analysis.image.case):
        is_ours = Analysis.objects.cancel(analysis.pk)
    if is_ours:
        _record(analysis, "analysis.cancel", actor=cancelled_by)
    return is_ours


@transaction.atomic
def record_answer(*, held: Analysis, answer: Answer) -> Prediction:
    """Write the answer, once. Raises StaleAnswerError if no longer held.

    Raises UnknownModelVersionError if the version that answered is not registered.
    """
    with restating(held.image.case):
        prediction = _answer(held, answer)
    version = prediction.model_version
    _record(
        held,
        "analysis.answer",
        detail={
            "outcome": answer.outcome,
            "probability": answer.probability,
            "model": f"{answer.model_name}:{answer.version}",
            "model_sha256": version.sha256,
        },
    )
    return prediction


def _answer(held: Analysis, answer: Answer) -> Prediction:
    if not Analysis.objects.succeed(held):
        raise StaleAnswerError(f"analysis {held.pk}")
    return Prediction.objects.create(
        analysis=held,
        model_version=_registered(answer),
        outcome=answer.outcome,
        probability=answer.probability,
        interval_low=answer.interval_low,
        interval_high=answer.interval_high,
        refusal_reason=answer.refusal_reason,
        tissue=answer.tissue,
        spacing_um=answer.spacing_um,
        spacing_assumed=held.image.spacing_assumed,
        input_sha256=held.image.sha256_stored,
        tiles=answer.tiles,
        heatmap_file=answer.heatmap_file,
        seconds=answer.seconds,
    )


def _registered(answer: Answer) -> ModelVersion:
    version = ModelVersion.objects.filter(
        name=answer.model_name, version=answer.version
    ).first()
    if version is None:
        raise UnknownModelVersionError(
            f"Version {answer.version} of {answer.model_name} answered, but it is not "
            "registered. An administrator must run: manage.py register_model"
        )
    return version


def was_answered_by(held: Analysis) -> bool:
    """Whether this very attempt's answer is on record: for a COMMIT cut short."""
    return Analysis.objects.filter(
        pk=held.pk, token=held.token, status=JobStatus.SUCCEEDED
    ).exists()


@transaction.atomic
def record_failure(*, held: Analysis, reason: str) -> bool:
    """End it without an answer, with words that a person can act on."""
    with restating(held.image.case):
        is_ours = Analysis.objects.fail(held, reason)
    if is_ours:
        _record(held, "analysis.fail", detail={"reason": reason})
    return is_ours


@transaction.atomic
def retry_later(*, held: Analysis, after: timedelta) -> bool:
    """This attempt came to nothing, and counts."""
    return Analysis.objects.release(held, after=after)


@transaction.atomic
def give_back(*, held: Analysis, after: timedelta) -> bool:
    """This attempt came to nothing through nobody's fault, and does not count."""
    return Analysis.objects.give_back(held, after=after)


@transaction.atomic
def fail_overdue(*, analysis: Analysis, reason: str) -> bool:
    """The clock's verdict on what lapsed, or waited, for the last time."""
    with restating(analysis.image.case):
        ended = Analysis.objects.fail_lapsed(
            analysis.pk, reason
        ) or Analysis.objects.fail_waiting(analysis.pk, reason)
    if ended:
        _record(analysis, "analysis.fail", detail={"reason": reason})
    return ended


def _record(
    analysis: Analysis,
    action: str,
    *,
    actor: User | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    record_event(
        laboratory=analysis.image.case.laboratory,
        actor=actor,
        action=action,
        subject=f"analysis:{analysis.pk}",
        detail={"image": str(analysis.image_id), **(detail or {})},
    )
