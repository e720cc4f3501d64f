"""Transitions: one conditional UPDATE each, fenced by the attempt's token."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from predictions.models import Analysis, Case, Image, JobStatus, Prediction, Role
from predictions.models.job import GIVE_UP_AFTER, LEASE, MAX_ATTEMPTS
from predictions.services.cases import open_case
from predictions.services.laboratories import create_laboratory
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_person,
    make_prediction,
    prediction_facts,
)
from tests.threads import all_at_once

SOON = timedelta(seconds=5)

Write = Callable[[Analysis], bool]
WRITES: dict[str, Write] = {
    "beat": Analysis.objects.beat,
    "break": Analysis.objects.count_break,
    "succeed": Analysis.objects.succeed,
    "fail": lambda held: Analysis.objects.fail(held, "Why."),
    "release": lambda held: Analysis.objects.release(held, after=SOON),
    "give back": lambda held: Analysis.objects.give_back(held, after=SOON),
}
EACH_WRITE = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)

CHANGES: dict[str, Write] = {
    **WRITES,
    "claim": lambda row: Analysis.objects.claim(row.pk) is not None,
    "cancel": lambda row: Analysis.objects.cancel(row.pk),
    "fail lapsed": lambda row: Analysis.objects.fail_lapsed(row.pk, "Why."),
    "fail waiting": lambda row: Analysis.objects.fail_waiting(row.pk, "Why."),
}
EACH_CHANGE = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@pytest.fixture
def analysis(image: Image) -> Analysis:
    return make_analysis(image)


def claimed(analysis: Analysis) -> Analysis:
    held = Analysis.objects.claim(analysis.pk)
    assert held is not None
    return held


def let_lapse(analysis: Analysis) -> None:
    past = timezone.now() - timedelta(seconds=1)
    running = Analysis.objects.filter(pk=analysis.pk, status=JobStatus.RUNNING)
    running.update(lease_until=past)


def make_whole(held: Analysis) -> None:
    """The answer that must stand beside it by COMMIT."""
    held.refresh_from_db()
    if held.status == JobStatus.SUCCEEDED:
        Prediction.objects.create(analysis=held, **prediction_facts(held.image))


def make_cancelled(image: Image) -> Analysis:
    made = make_analysis(image)
    assert Analysis.objects.cancel(made.pk)
    return made


def make_answered(image: Image) -> Analysis:
    return make_prediction(image).analysis


# --- Claiming -----------------------------------------------------------------


def test_a_claim_takes_it_with_a_token_and_a_lease(analysis: Analysis) -> None:
    held = claimed(analysis)

    assert held.status == JobStatus.RUNNING
    assert (held.attempt, held.given_back, held.breaks) == (1, 0, 0)
    assert held.token is not None
    assert held.started_at is not None
    assert held.lease_until is not None
    assert LEASE - SOON < held.lease_until - timezone.now() <= LEASE
    assert held.next_at == held.lease_until, "rung for again when the lease lapses"


def test_what_somebody_holds_is_not_claimed_again(analysis: Analysis) -> None:
    claimed(analysis)
    assert Analysis.objects.claim(analysis.pk) is None


def test_what_does_not_exist_is_not_claimed(db: None) -> None:
    assert Analysis.objects.claim(uuid.uuid4()) is None


def test_a_lapsed_attempt_is_taken_over_and_counts(analysis: Analysis) -> None:
    first = claimed(analysis)
    let_lapse(analysis)
    second = claimed(analysis)

    assert second.attempt == 2
    assert second.token != first.token


def test_an_attempt_that_beats_does_not_lapse(analysis: Analysis) -> None:
    held = claimed(analysis)
    let_lapse(analysis)
    assert Analysis.objects.beat(held)
    assert Analysis.objects.claim(analysis.pk) is None


def test_there_is_no_attempt_after_the_last(analysis: Analysis) -> None:
    for _ in range(MAX_ATTEMPTS):
        claimed(analysis)
        let_lapse(analysis)
    assert Analysis.objects.claim(analysis.pk) is None


def test_of_many_claimers_at_once_one_wins(committed_db: str) -> None:
    laboratory = create_laboratory(name="North")
    alice = make_person("alice", laboratory, Role.TECHNICIAN)
    case = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
    )
    asked = [make_analysis(make_image(case, alice)) for _ in range(10)]

    def claim_all() -> list[Analysis]:
        claims = [Analysis.objects.claim(analysis.pk) for analysis in asked]
        return [held for held in claims if held is not None]

    won = [held for claims in all_at_once([claim_all] * 4) for held in claims]
    assert len(won) == len(asked)
    assert {held.pk for held in won} == {analysis.pk for analysis in asked}
    assert set(Analysis.objects.values_list("attempt", flat=True)) == {1}


# --- The fence ----------------------------------------------------------------


@EACH_WRITE
def test_a_late_worker_cannot_write(analysis: Analysis, write: Write) -> None:
    late = claimed(analysis)
    let_lapse(analysis)
    newer = claimed(analysis)

    assert not write(late)
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.RUNNING
    assert (analysis.token, analysis.attempt) == (newer.token, 2)
    assert analysis.lease_until == newer.lease_until
    assert analysis.breaks == 0


@EACH_WRITE
def test_who_gave_it_away_cannot_write(analysis: Analysis, write: Write) -> None:
    held = claimed(analysis)
    assert Analysis.objects.give_back(held, after=SOON)

    assert not write(held)
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.ACCEPTED


@EACH_WRITE
def test_a_lapsed_holder_may_write_until_another_claims(
    analysis: Analysis, write: Write
) -> None:
    held = claimed(analysis)
    let_lapse(analysis)
    assert write(held)
    make_whole(held)


# --- What each leaves behind --------------------------------------------------


def test_a_beat_extends_the_lease(analysis: Analysis) -> None:
    held = claimed(analysis)
    let_lapse(analysis)
    assert Analysis.objects.beat(held)
    analysis.refresh_from_db()
    assert analysis.lease_until is not None
    assert analysis.lease_until - timezone.now() > LEASE - SOON


def test_a_released_attempt_counts(analysis: Analysis) -> None:
    assert Analysis.objects.release(claimed(analysis), after=SOON)
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.ACCEPTED
    assert (analysis.attempt, analysis.given_back) == (1, 0)
    assert analysis.token is None
    assert analysis.lease_until is None
    assert analysis.next_at > timezone.now() + SOON / 2


def test_a_given_back_attempt_does_not_count(analysis: Analysis) -> None:
    assert Analysis.objects.give_back(claimed(analysis), after=SOON)
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.ACCEPTED
    assert (analysis.attempt, analysis.given_back) == (0, 1)
    assert analysis.next_at > timezone.now() + SOON / 2


def test_a_break_is_remembered(analysis: Analysis) -> None:
    held = claimed(analysis)
    assert Analysis.objects.count_break(held)
    assert Analysis.objects.release(held, after=SOON)
    assert claimed(analysis).breaks == 1


def test_the_token_stays_on_what_was_answered(analysis: Analysis) -> None:
    held = claimed(analysis)
    assert Analysis.objects.succeed(held)
    make_whole(held)
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.SUCCEEDED
    assert analysis.token == held.token
    assert analysis.lease_until is None
    assert analysis.finished_at is not None


def test_a_failure_has_its_reason_and_time(analysis: Analysis) -> None:
    assert Analysis.objects.fail(claimed(analysis), "Upload it again.")
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.FAILED
    assert analysis.failure_reason == "Upload it again."
    assert analysis.finished_at is not None


@pytest.mark.parametrize("claims", [0, 1], ids=["waiting", "running"])
def test_what_is_unfinished_can_be_cancelled(analysis: Analysis, claims: int) -> None:
    for _ in range(claims):
        claimed(analysis)
    assert Analysis.objects.cancel(analysis.pk)
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.CANCELLED
    assert analysis.finished_at is not None


# --- The clock ----------------------------------------------------------------


def test_what_lapsed_in_its_last_attempt_fails_by_the_clock(analysis: Analysis) -> None:
    for _ in range(MAX_ATTEMPTS):
        claimed(analysis)
        let_lapse(analysis)
    assert Analysis.objects.fail_lapsed(analysis.pk, "Export it again.")


def test_a_last_attempt_that_beats_does_not_fail_by_the_clock(
    analysis: Analysis,
) -> None:
    for _ in range(MAX_ATTEMPTS):
        let_lapse(analysis)
        claimed(analysis)
    assert not Analysis.objects.fail_lapsed(analysis.pk, "Export it again.")


def test_what_lapsed_with_an_attempt_left_does_not_fail(analysis: Analysis) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        claimed(analysis)
        let_lapse(analysis)
    assert not Analysis.objects.fail_lapsed(analysis.pk, "Export it again.")


def test_only_what_waited_too_long_fails_by_the_clock(image: Image, case: Case) -> None:
    long_ago = timezone.now() - GIVE_UP_AFTER - SOON
    old = make_analysis(image, created_at=long_ago)
    young = make_analysis(make_image(case, image.uploaded_by))

    assert Analysis.objects.fail_waiting(old.pk, "Ask again.")
    assert not Analysis.objects.fail_waiting(young.pk, "Ask again.")


def test_what_runs_is_not_too_old(image: Image) -> None:
    long_ago = timezone.now() - GIVE_UP_AFTER - SOON
    claimed(make_analysis(image, created_at=long_ago))
    assert not Analysis.objects.fail_waiting(image.analyses.get().pk, "Ask again.")


# --- The end ------------------------------------------------------------------


@EACH_CHANGE
@pytest.mark.parametrize("finish", [make_answered, make_failed, make_cancelled])
def test_nothing_leaves_a_terminal_state(
    image: Image, finish: Callable[[Image], Analysis], change: Write
) -> None:
    """Even with the token that is on the row, long lapsed and in its last attempt."""
    finished = finish(image)
    finished.refresh_from_db()
    with connection.cursor() as cursor:  # COMMIT's checks, while they still hold.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert not change(finished)
    unchanged = Analysis.objects.values().get(pk=finished.pk)
    assert unchanged == {name: getattr(finished, name) for name in unchanged}


def test_what_ended_is_not_due(image: Image) -> None:
    analysis = make_analysis(image)
    assert list(Analysis.objects.due()) == [analysis]
    Analysis.objects.cancel(analysis.pk)
    assert not Analysis.objects.due().exists()
    assert analysis.is_finished is False
    analysis.refresh_from_db()
    assert analysis.is_finished is True
