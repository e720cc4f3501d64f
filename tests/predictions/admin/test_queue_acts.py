"""What is done from the queue goes through the services, and is told in words."""

from collections.abc import Iterable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    JobStatus,
    Laboratory,
    Outcome,
    Prediction,
    Review,
    Role,
    Verdict,
)
from predictions.services.cases import open_case
from predictions.services.laboratories import add_member
from predictions.services.reviews import review_answer
from predictions.services.withdrawals import withdraw_image
from tests.predictions.admin.conftest import make_staff, sign_in
from tests.predictions.admin.test_windows import list_of
from tests.predictions.records import make_image, make_prediction

QUEUE = list_of("reviewqueue")
BENIGN = {"outcome": Outcome.BENIGN, "probability": 0.1}
REFER = {"outcome": Outcome.REFER, "probability": 0.5}
CLICKED = {"index": "0"}


def answer_to(case: Case, **facts: object) -> Prediction:
    return make_prediction(make_image(case, case.created_by), **facts)


def act(client: Client, action: str, answers: Iterable[Prediction], **more: str) -> str:
    """Choose an action for these answers; the page that follows."""
    chosen = {"action": action, "_selected_action": [str(a.pk) for a in answers]}
    response = client.post(QUEUE, chosen | more, follow=True)
    return response.content.decode()


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("sequence"))


@pytest.fixture
def theirs(charlie: User, elsewhere: Laboratory) -> Case:
    return open_case(
        laboratory=elsewhere,
        opened_by=charlie,
        accession_number="X26-0666",
        patient_code="P-0666",
    )


@pytest.fixture
def technician(laboratory: Laboratory) -> Client:
    return sign_in(make_staff("tom", laboratory, Role.TECHNICIAN))


# --- Agree ----------------------------------------------------------------------


def test_agreeing_reviews_each_with_the_model_s_verdict(
    as_staff: Client, staff: User, case: Case
) -> None:
    answers = [answer_to(case), answer_to(case, **BENIGN)]
    assert "2 of 2 answers agreed with." in act(as_staff, "agree", answers)
    said = {
        (review.prediction_id, review.verdict, review.agrees, review.reader)
        for review in Review.objects.select_related("reader")
    }
    assert said == {
        (answers[0].pk, "malignant", True, staff),
        (answers[1].pk, "benign", True, staff),
    }
    assert [event.actor for event in events("review.record")] == ["sue", "sue"]
    assert as_staff.get(QUEUE).context["cl"].result_count == 0


def test_there_is_nothing_to_agree_with_where_the_model_refers(
    as_staff: Client, case: Case
) -> None:
    answers = [answer_to(case, **REFER), answer_to(case)]
    page = act(as_staff, "agree", answers)
    assert "1 of 2 answers agreed with." in page
    assert f"{answers[0].analysis.image}: The model gave no verdict" in page
    assert Review.objects.get().prediction == answers[1]


@pytest.mark.parametrize("action", ["agree", "override"])
def test_only_a_pathologist_of_the_laboratory_reviews(
    technician: Client,
    as_root: Client,
    laboratory: Laboratory,
    case: Case,
    action: str,
) -> None:
    administrator = sign_in(make_staff("ada", laboratory, Role.ADMINISTRATOR))
    answers = [answer_to(case), answer_to(case)]
    for client in (technician, administrator, as_root):
        page = act(client, action, answers, confirmed="yes", verdict="benign")
        told = ", ".join(str(answer.analysis.image) for answer in answers)
        swapped = ", ".join(str(answer.analysis.image) for answer in answers[::-1])
        words = ": Ask a pathologist of North to do this."
        assert told + words in page or swapped + words in page
    assert not Review.objects.exists()
    assert not events("review.record")


def test_an_answer_that_left_the_queue_meanwhile_is_told(
    as_staff: Client, case: Case, bob: User
) -> None:
    read, left = answer_to(case), answer_to(case)
    review_answer(prediction=read, reader=bob, verdict=Verdict.BENIGN, comment="No.")
    page = act(as_staff, "agree", [read, left])
    assert "1 of the chosen answers left the queue meanwhile" in page
    assert "1 of 1 answers agreed with." in page
    assert read.reviews.count() == 1


def test_an_answer_about_a_withdrawn_image_cannot_be_agreed_with(
    as_staff: Client, case: Case, bob: User
) -> None:
    answer = answer_to(case)
    withdraw_image(image=answer.analysis.image, reason="Wrong case.", withdrawn_by=bob)
    assert "left the queue meanwhile" in act(as_staff, "agree", [answer])
    assert not Review.objects.exists()


def test_what_was_not_looked_at_is_not_agreed_with(
    as_staff: Client, case: Case
) -> None:
    answer = answer_to(case)
    page = act(as_staff, "agree", [answer], select_across="1", **CLICKED)
    assert "Choose answers on this page" in page
    assert not Review.objects.exists()
    for _ in range(50):
        answer_to(case)
    assert "Select all 5" not in as_staff.get(QUEUE).content.decode()


@pytest.mark.parametrize("action", ["agree", "override", "ask_anew", "assign_to_me"])
def test_another_laboratory_s_answer_is_not_there(
    as_staff: Client, theirs: Case, action: str
) -> None:
    answer = answer_to(theirs)
    before = AuditEvent.objects.count()
    act(as_staff, action, [answer], confirmed="yes", verdict="benign", comment="No.")
    assert AuditEvent.objects.count() == before
    assert Analysis.objects.count() == 1
    assert not Review.objects.exists()


# --- Override -------------------------------------------------------------------


def test_overriding_asks_first_and_shows_what_was_chosen(
    as_staff: Client, case: Case
) -> None:
    answers = [answer_to(case), answer_to(case, **REFER)]
    page = act(as_staff, "override", answers, **CLICKED)
    assert "Record for 2 answers" in page
    for answer in answers:
        image = answer.analysis.image
        assert str(image) in page
        picture = "admin:predictions_reviewqueue_thumbnail"
        assert reverse(picture, args=[image.pk]) in page
        assert f'name="_selected_action" value="{answer.pk}"' in page
    assert page.count("breast-mil v1. Research use only.") == 2
    assert not Review.objects.exists()


def test_an_override_is_recorded_for_each(
    as_staff: Client, staff: User, case: Case
) -> None:
    answers = [answer_to(case), answer_to(case, **REFER)]
    said = {"confirmed": "yes", "verdict": "benign", "comment": "Adenosis."}
    page = act(as_staff, "override", answers, **said)
    assert "2 of 2 answers reviewed." in page
    kept = {
        (review.prediction_id, review.agrees, review.verdict, review.comment)
        for review in Review.objects.filter(reader=staff)
    }
    assert kept == {
        (answers[0].pk, False, "benign", "Adenosis."),
        (answers[1].pk, None, "benign", "Adenosis."),
    }
    assert len(events("review.record")) == 2
    assert "Adenosis" not in str([event.detail for event in events("review.record")])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"verdict": "benign"}, "The model said malignant: say why you do not."),
        ({"comment": "Because."}, "This field is required."),
        ({"verdict": "cured", "comment": "So."}, "Select a valid choice."),
        ({"verdict": "benign", "comment": "x" * 2001}, "at most 2000 characters"),
    ],
)
def test_an_override_that_says_too_little_is_asked_again(
    as_staff: Client, case: Case, said: dict[str, str], words: str
) -> None:
    page = act(as_staff, "override", [answer_to(case)], confirmed="yes", **said)
    assert words in page
    assert "Record for 1 answer" in page
    assert said.get("comment", "") in page
    assert not Review.objects.exists()


def test_where_the_model_left_it_open_no_comment_is_needed(
    as_staff: Client, case: Case
) -> None:
    said = {"confirmed": "yes", "verdict": "malignant"}
    page = act(as_staff, "override", [answer_to(case, **REFER)], **said)
    assert "1 of 1 answers reviewed." in page
    assert Review.objects.get().agrees is None


def test_who_reads_in_one_of_two_laboratories_overrides_there_alone(
    as_staff: Client, staff: User, case: Case, theirs: Case
) -> None:
    add_member(laboratory=theirs.laboratory, user=staff, role=Role.TECHNICIAN)
    mine, other = answer_to(case), answer_to(theirs)
    page = act(as_staff, "override", [mine, other], **CLICKED)
    assert f"{other.analysis.image}: Ask a pathologist of South to do this." in page
    assert "Record for 1 answer" in page
    assert f'value="{other.pk}"' not in page


# --- Ask again, assign ----------------------------------------------------------


def test_asking_again_from_the_queue_calls_the_service(
    technician: Client, case: Case
) -> None:
    answers = [answer_to(case), answer_to(case)]
    under_way = Analysis.objects.create(
        image=answers[1].analysis.image,
        model_name="breast-mil",
        asked_by=case.created_by,
    )
    page = act(technician, "ask_anew", answers)
    assert "1 of 2 asked again." in page
    assert f"{answers[1].analysis.image}: This image is being analysed" in page
    again = Analysis.objects.exclude(pk=under_way.pk).get(status=JobStatus.ACCEPTED)
    assert again.again_after == answers[0].analysis
    (event,) = events("analysis.ask_again")
    assert event.actor == "tom"


def test_a_case_is_assigned_to_who_asks_once_for_all_its_answers(
    as_staff: Client, staff: User, case: Case
) -> None:
    page = act(as_staff, "assign_to_me", [answer_to(case), answer_to(case)])
    assert "1 of 1 cases assigned to you." in page
    case.refresh_from_db()
    assert case.assignee == staff
    (event,) = events("case.assign")
    assert event.actor == "sue"


@pytest.mark.parametrize("action", ["ask_anew", "assign_to_me"])
def test_who_does_not_work_on_cases_is_refused_in_words(
    as_root: Client, case: Case, action: str
) -> None:
    page = act(as_root, action, [answer_to(case)])
    assert "Ask a technician or a pathologist of North to do this." in page
    assert "0 of 1" in page
    case.refresh_from_db()
    assert case.assignee is None
    assert Analysis.objects.count() == 1


def test_fifty_refusals_are_told_once(technician: Client, case: Case) -> None:
    page = act(technician, "agree", [answer_to(case) for _ in range(9)])
    assert page.count("Ask a pathologist of North to do this.") == 1
    assert " and 4 more: Ask" in page


def test_nothing_is_done_by_get(as_staff: Client, case: Case) -> None:
    answer = answer_to(case)
    as_staff.get(QUEUE, {"action": "agree", "_selected_action": str(answer.pk)})
    assert not Review.objects.exists()
