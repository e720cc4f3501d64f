"""A pathologist's reading, on the page of the image."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.formats import date_format

from predictions.models import Image, Outcome, Prediction, Review
from predictions.services.reviews import review_answer
from tests.predictions.records import make_failed, make_prediction
from tests.predictions.views.test_images import text_of

WHY = "A fibroadenoma, cut tangentially."


@pytest.fixture
def answer(image: Image) -> Prediction:
    return make_prediction(image)


def path_of(answer: Prediction) -> str:
    return f"/analyses/{answer.pk}/review/"


def reading_card(page: str) -> str:
    parts = page.split('id="reading-head"')
    return parts[1].split("</section>", maxsplit=1)[0] if len(parts) > 1 else ""


def test_agreeing_takes_one_choice(
    as_bob: Client, answer: Prediction, image: Image
) -> None:
    card = reading_card(text_of(as_bob, image))
    assert "No pathologist has read this answer yet." in card
    assert "Agree with the model: malignant" in card
    assert f'action="{path_of(answer)}"' in card
    response = as_bob.post(path_of(answer), {"verdict": "malignant"})
    assert response.status_code == 302
    assert response["Location"] == f"/images/{image.pk}/"
    assert Review.objects.get().agrees is True
    page = text_of(as_bob, image)
    assert "Your reading is on record." in page
    assert "agrees with the model" in reading_card(page)


def test_an_override_is_shown_with_reader_time_words(
    as_alice: Client, answer: Prediction, image: Image, bob: User
) -> None:
    review = review_answer(prediction=answer, reader=bob, verdict="benign", comment=WHY)
    card = reading_card(text_of(as_alice, image))
    assert "<b>Benign</b> <mark>overrides the model</mark>" in card
    assert WHY in card
    at = date_format(review.created_at, "Y-m-d H:i:s")
    assert "Read by bob <time" in card
    assert f"{at} UTC</time>" in card


def test_an_override_without_words_is_said_beside_the_field(
    as_bob: Client, answer: Prediction
) -> None:
    response = as_bob.post(path_of(answer), {"verdict": "benign"})
    assert response.status_code == 422
    page = " ".join(response.content.decode().split())
    card = reading_card(page)
    assert "<details open>" in card
    assert "Say why you read it otherwise." in card
    assert "autofocus" in card
    assert 'aria-describedby="id_comment_helptext id_comment_error"' in card
    assert not Review.objects.exists()


@pytest.mark.parametrize("comment", ["benign\u202e", "\x00", "a" * 2001])
def test_words_that_cannot_be_kept_are_said(
    as_bob: Client, answer: Prediction, comment: str
) -> None:
    said = {"verdict": "malignant", "comment": comment}
    assert as_bob.post(path_of(answer), said).status_code == 422
    assert not Review.objects.exists()


def test_a_comment_is_text_and_not_a_page(
    as_alice: Client, answer: Prediction, image: Image, bob: User
) -> None:
    said = "<script>alert(1)</script>"
    review_answer(prediction=answer, reader=bob, verdict="benign", comment=said)
    page = text_of(as_alice, image)
    assert said not in page
    assert "&lt;script&gt;alert(1)" in page


def test_where_the_model_gave_no_verdict_nothing_agrees(
    as_bob: Client, image: Image
) -> None:
    answer = make_prediction(image, outcome=Outcome.REFER, probability=0.5)
    assert "Agree" not in reading_card(text_of(as_bob, image))
    assert as_bob.post(path_of(answer), {"verdict": "benign"}).status_code == 302
    assert "the model gave no verdict" in reading_card(text_of(as_bob, image))


@pytest.mark.parametrize("who", ["as_alice", "as_dora"])
def test_others_see_the_reading_and_no_form(
    answer: Prediction,
    image: Image,
    bob: User,
    who: str,
    request: pytest.FixtureRequest,
) -> None:
    client: Client = request.getfixturevalue(who)
    review_answer(prediction=answer, reader=bob, verdict="malignant")
    card = reading_card(text_of(client, image))
    assert "Read by bob" in card
    assert "<form" not in card
    response = client.post(path_of(answer), {"verdict": "malignant"})
    assert response.status_code == 403
    assert Review.objects.count() == 1


def test_the_newest_reading_counts_and_the_history_has_all(
    as_bob: Client, answer: Prediction, image: Image, bob: User
) -> None:
    review_answer(prediction=answer, reader=bob, verdict="benign", comment=WHY)
    review_answer(prediction=answer, reader=bob, verdict="malignant")
    page = text_of(as_bob, image)
    assert WHY not in reading_card(page)
    assert WHY in page.split('id="history-head"')[1]


def test_the_last_answer_can_be_read_after_a_question_that_failed(
    as_bob: Client, answer: Prediction, image: Image
) -> None:
    make_failed(image)
    card = reading_card(text_of(as_bob, image))
    assert "Of the last answer, breast-mil v1" in card
    assert f'action="{path_of(answer)}"' in card


def test_a_superseded_answer_leads_to_the_newer_one(
    as_bob: Client, answer: Prediction, image: Image
) -> None:
    make_prediction(image)
    response = as_bob.post(path_of(answer), {"verdict": "malignant"}, follow=True)
    assert "there is a newer answer" in response.content.decode()
    assert not Review.objects.exists()


def test_a_question_without_an_answer_is_not_read(as_bob: Client, image: Image) -> None:
    failed = make_failed(image)
    assert reading_card(text_of(as_bob, image)) == ""
    response = as_bob.post(f"/analyses/{failed.pk}/review/", {"verdict": "benign"})
    assert response.status_code == 404


def test_a_page_without_the_token_records_nothing(
    answer: Prediction, bob: User
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    response = client.post(path_of(answer), {"verdict": "malignant"})
    assert response.status_code == 403
    assert not Review.objects.exists()
