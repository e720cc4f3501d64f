"""A pathologist's reading: agreeing, overriding with words, and when it is refused."""

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from predictions.models import (
    AuditEvent,
    Image,
    Outcome,
    Prediction,
    Review,
    Verdict,
)
from predictions.services.audit import verify_chains
from predictions.services.errors import NotAllowedError
from predictions.services.reviews import (
    AnswerSupersededError,
    ReviewRefusedError,
    review_answer,
)
from predictions.services.standing import ImagePurgedError, ImageWithdrawnError
from predictions.services.withdrawals import withdraw_image
from predictions.services.words import WordsRefusedError
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_prediction,
    purge_without_files,
)


@pytest.fixture
def answer(image: Image) -> Prediction:
    """Malignant, 93 %."""
    return make_prediction(image)


def assert_no_review() -> None:
    assert not Review.objects.exists()
    assert not AuditEvent.objects.filter(action="review.record").exists()


def test_to_agree_is_to_say_what_the_model_said(answer: Prediction, bob: User) -> None:
    review = review_answer(prediction=answer, reader=bob, verdict="malignant")
    assert review.agrees is True
    assert (review.reader, review.verdict, review.comment) == (bob, "malignant", "")


def test_the_trail_has_the_verdict_but_not_the_comment(
    answer: Prediction, bob: User
) -> None:
    comment = "Mrs Miller's fibroadenoma"
    review = review_answer(
        prediction=answer, reader=bob, verdict="benign", comment=comment
    )
    event = AuditEvent.objects.get(action="review.record")
    assert (event.actor_id, event.subject) == (bob.pk, f"analysis:{answer.pk}")
    assert event.detail == {
        "image": str(answer.analysis.image_id),
        "review": str(review.pk),
        "verdict": "benign",
        "agrees": False,
    }
    assert list(verify_chains()) == []


@pytest.mark.parametrize("verdict", ["benign", "not_assessable"])
@pytest.mark.parametrize("comment", ["", "  \n "])
def test_an_override_says_why(
    answer: Prediction, bob: User, verdict: str, comment: str
) -> None:
    with pytest.raises(ReviewRefusedError, match="comment") as refused:
        review_answer(prediction=answer, reader=bob, verdict=verdict, comment=comment)
    assert refused.value.status == 422
    assert_no_review()


@pytest.mark.parametrize("outcome", [Outcome.REFER, Outcome.REFUSED])
@pytest.mark.parametrize("verdict", Verdict.values)
def test_where_the_model_gave_no_verdict_there_is_nothing_to_agree_with(
    image: Image, bob: User, outcome: str, verdict: str
) -> None:
    facts: dict[str, object] = {"outcome": outcome}
    if outcome == Outcome.REFUSED:
        facts |= {"probability": None, "refusal_reason": "No tissue was found."}
    answer = make_prediction(image, **facts)
    review = review_answer(prediction=answer, reader=bob, verdict=verdict)
    assert review.agrees is None


def test_the_database_too_wants_words_with_an_override(
    answer: Prediction, bob: User
) -> None:
    with pytest.raises(IntegrityError, match="review_override"), transaction.atomic():
        Review.objects.create(
            prediction=answer, reader=bob, verdict="benign", agrees=False
        )


def test_a_verdict_is_one_that_is_known(answer: Prediction, bob: User) -> None:
    with pytest.raises(ReviewRefusedError, match="not_assessable"):
        review_answer(prediction=answer, reader=bob, verdict="refer", comment="x")
    assert_no_review()


@pytest.mark.parametrize("comment", ["a" * 2001, "benign\x00", "\u202egnineb"])
def test_a_comment_is_words_of_a_length(
    answer: Prediction, bob: User, comment: str
) -> None:
    with pytest.raises(WordsRefusedError):
        review_answer(
            prediction=answer, reader=bob, verdict="malignant", comment=comment
        )
    assert_no_review()


@pytest.mark.parametrize("name", ["alice", "charlie", "dora"])
def test_only_pathologists_of_the_laboratory_review(
    answer: Prediction, name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    with pytest.raises(NotAllowedError, match="pathologist"):
        review_answer(prediction=answer, reader=person, verdict="malignant")
    assert_no_review()


def test_the_newest_reading_comes_first(answer: Prediction, bob: User) -> None:
    review_answer(prediction=answer, reader=bob, verdict="malignant")
    second = review_answer(
        prediction=answer, reader=bob, verdict="benign", comment="On second thought."
    )
    assert answer.reviews.first() == second
    assert answer.reviews.count() == 2


def test_what_was_said_is_not_changed(answer: Prediction, bob: User) -> None:
    review = review_answer(prediction=answer, reader=bob, verdict="malignant")
    with pytest.raises(IntegrityError, match="final"), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(verdict="benign")


def test_a_newer_answer_is_to_be_read_instead(
    answer: Prediction, image: Image, bob: User
) -> None:
    newer = make_prediction(image, outcome=Outcome.BENIGN, probability=0.1)
    with pytest.raises(AnswerSupersededError) as refused:
        review_answer(prediction=answer, reader=bob, verdict="malignant")
    assert refused.value.status == 409
    assert refused.value.more == {"analysis": str(newer.pk)}
    assert_no_review()
    assert review_answer(prediction=newer, reader=bob, verdict="benign").agrees


def test_a_question_without_an_answer_supersedes_nothing(
    answer: Prediction, image: Image, bob: User
) -> None:
    make_failed(image)
    make_analysis(image)
    assert review_answer(prediction=answer, reader=bob, verdict="malignant").agrees


def test_a_void_answer_is_not_reviewed(
    answer: Prediction, image: Image, alice: User, bob: User
) -> None:
    withdraw_image(image=image, reason="Another patient's", withdrawn_by=alice)
    with pytest.raises(ImageWithdrawnError) as refused:
        review_answer(prediction=answer, reader=bob, verdict="malignant")
    assert refused.value.status == 409
    assert_no_review()


def test_what_nobody_can_look_at_is_not_reviewed(
    answer: Prediction, image: Image, bob: User
) -> None:
    purge_without_files(image)
    with pytest.raises(ImagePurgedError):
        review_answer(prediction=answer, reader=bob, verdict="malignant")
    assert_no_review()
