"""The status of a case: what its images say, kept with it by every service."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from importlib import import_module

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from predictions.models import (
    Analysis,
    Case,
    CaseStatus,
    Image,
    JobStatus,
    Laboratory,
    Outcome,
    Prediction,
    Role,
)
from predictions.services.analyses import (
    Answer,
    cancel_analysis,
    record_answer,
    record_failure,
)
from predictions.services.case_status import misstated, restate_all, restating
from predictions.services.cases import open_case
from predictions.services.laboratories import create_laboratory
from tests.predictions.records import (
    MODEL,
    make_analysis,
    make_failed,
    make_image,
    make_model_version,
    make_person,
    make_prediction,
    make_review,
    make_running,
    purge_without_files,
    withdraw,
)
from tests.threads import beside, wait_until

LATER = timedelta(minutes=5)


def refuse(image: Image) -> Prediction:
    return make_prediction(
        image, outcome=Outcome.REFUSED, probability=None, refusal_reason="No tissue."
    )


@pytest.fixture
def status(case: Case) -> Callable[[], str]:
    """What is kept with the case."""

    def status() -> str:
        case.refresh_from_db()
        return case.status

    return status


def test_case_without_image_is_empty(status: Callable[[], str]) -> None:
    assert status() == "empty"


def test_case_is_working_while_anything_is_unfinished(
    status: Callable[[], str], case: Case, alice: User
) -> None:
    make_failed(make_image(case, alice))
    make_prediction(make_image(case, alice))
    waiting = make_analysis(make_image(case, alice))
    assert status() == "working"
    Analysis.objects.claim(waiting.pk)
    assert status() == "working"
    assert cancel_analysis(analysis=waiting, cancelled_by=alice)
    assert status() == "attention"


@pytest.mark.parametrize("how", ["failed", "cancelled", "refused"])
def test_case_needs_attention_when_a_newest_question_came_to_nothing(
    status: Callable[[], str], case: Case, alice: User, how: str
) -> None:
    make_prediction(make_image(case, alice))
    image = make_image(case, alice)
    if how == "failed":
        make_failed(image)
    elif how == "cancelled":
        assert cancel_analysis(analysis=make_analysis(image), cancelled_by=alice)
    else:
        refuse(image)
    assert status() == "attention"


def test_asking_again_takes_the_newest_answer(
    status: Callable[[], str], case: Case, alice: User, bob: User
) -> None:
    image = make_image(case, alice)
    make_analysis(
        image,
        status=JobStatus.FAILED,
        failure_reason="Away.",
        created_at=timezone.now() - LATER,
        finished_at=timezone.now(),
    )
    answer = make_prediction(image)
    assert status() == "to_review"
    make_review(answer, bob)
    assert status() == "reviewed"
    make_analysis(image, created_at=timezone.now() + LATER)
    assert status() == "working"


def test_case_is_to_review_until_every_newest_answer_is_make_review(
    status: Callable[[], str], case: Case, alice: User, bob: User
) -> None:
    one, two = (make_prediction(make_image(case, alice)) for _ in range(2))
    assert status() == "to_review"
    make_review(one, bob)
    assert status() == "to_review"
    make_review(two, bob)
    assert status() == "reviewed"


def test_refusal_that_a_pathologist_read_needs_nobody_any_more(
    status: Callable[[], str], case: Case, alice: User, bob: User
) -> None:
    make_review(refuse(make_image(case, alice)), bob)
    assert status() == "reviewed"


def test_reading_of_an_older_answer_does_not_count_for_the_newer(
    status: Callable[[], str], case: Case, alice: User, bob: User
) -> None:
    older = make_prediction(make_image(case, alice))
    make_review(older, bob)
    newer = make_analysis(older.analysis.image, created_at=timezone.now() + LATER)
    assert Analysis.objects.claim(newer.pk)
    held = Analysis.objects.get(pk=newer.pk)
    make_model_version()
    answer = Answer(MODEL, 1, Outcome.BENIGN, probability=0.1)
    record_answer(held=held, answer=answer)
    assert status() == "to_review"


@pytest.mark.parametrize("kind", ["waiting", "running", "failed", "answered"])
def test_withdrawn_images_do_not_count(
    status: Callable[[], str], case: Case, alice: User, kind: str
) -> None:
    image = make_image(case, alice)
    make: dict[str, Callable[[Image], object]] = {
        "waiting": make_analysis,
        "running": make_running,
        "failed": make_failed,
        "answered": make_prediction,
    }
    make[kind](image)
    assert status() != "empty"
    withdraw(image)
    assert status() == "empty"
    image.refresh_from_db()
    assert image.unread_answer is None


def test_the_newest_answer_is_unread_until_it_is_read(
    image: Image, alice: User, bob: User
) -> None:
    def unread() -> Prediction | None:
        image.refresh_from_db()
        return image.unread_answer

    assert unread() is None
    first = make_prediction(image)
    assert unread() == first
    make_analysis(image, created_at=timezone.now() + LATER)
    assert unread() == first
    make_review(first, bob)
    assert unread() is None
    second = make_prediction(image)
    assert unread() == second
    purge_without_files(image)
    assert unread() is None


def test_what_other_hands_wrote_is_found_and_mended(
    status: Callable[[], str], case: Case, alice: User
) -> None:
    made = make_analysis(make_image(case, alice))
    assert restate_all() == 0
    Analysis.objects.cancel(made.pk)
    assert (status(), misstated(Case.objects.all()).get()) == ("working", case)
    assert restate_all() == 1
    assert status() == "attention"


def test_migration_says_of_older_rows_what_is_said_now(
    case: Case, alice: User, bob: User, laboratory: Laboratory
) -> None:
    makers: list[Callable[[Image], object]] = [
        make_analysis,
        make_failed,
        make_prediction,
        refuse,
        withdraw,
        lambda image: make_review(make_prediction(image), bob),
        lambda image: (make_failed(image), make_prediction(image)),
    ]
    for number, make in enumerate(makers):
        other = open_case(
            laboratory=laboratory,
            opened_by=alice,
            accession_number=f"S25-{number}",
            patient_code="P-0001",
        )
        make(make_image(other, alice))
    statuses = set(Case.objects.values_list("status", flat=True))
    assert statuses == set(CaseStatus.values)
    Case.objects.update(status=CaseStatus.EMPTY)
    Image.objects.update(unread_answer=None)
    migration = import_module("predictions.migrations.0008_worklist_of_before")
    with connection.cursor() as cursor:
        cursor.execute(migration.STATUS)
        cursor.execute(migration.UNREAD)
    assert not misstated(Case.objects.all()).exists()


def test_two_that_end_at_once_are_both_seen(committed_db: str) -> None:
    """The second waits for the first, and then counts what that one did."""
    laboratory = create_laboratory(name="North")
    alice = make_person("alice", laboratory, Role.TECHNICIAN)
    case = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
    )
    first, second = (make_running(make_image(case, alice)) for _ in range(2))
    with ExitStack() as stack:
        with transaction.atomic(), restating(case):
            assert Analysis.objects.fail(first, "Away.")
            failing = partial(record_failure, held=second, reason="Away.")
            ending = stack.enter_context(beside(failing))
            wait_until(is_somebody_waiting, "the second did not come")
        assert ending.result()
    case.refresh_from_db()
    assert case.status == "attention"


def is_somebody_waiting() -> bool:
    """Whether any session of this database waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # Or it is a transaction's.
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
