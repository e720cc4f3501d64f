"""The review queue in a browser: its actions, its pictures, its accessibility."""

import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from PIL import Image as Picture
from playwright.sync_api import Page, expect

from predictions.models import (
    Case,
    Laboratory,
    Outcome,
    Prediction,
    Review,
    Role,
)
from predictions.services.laboratories import add_member
from predictions.services.storage import store
from tests.browser.accessibility import examine
from tests.browser.conftest import PASSWORD
from tests.predictions.records import make_image, make_prediction


def answer_to(case: Case, **facts: Any) -> Prediction:
    """An answer about a small pink picture that is there."""
    file = io.BytesIO()
    Picture.new("RGB", (96, 72), (219, 158, 190)).save(file, "JPEG")
    kept = store().keep_bytes(file.getvalue())
    image = make_image(case, case.created_by, thumbnail_file=kept)
    return make_prediction(image, **facts)


@pytest.fixture
def answers(case: Case) -> list[Prediction]:
    """As the queue orders them."""
    refused = {"outcome": Outcome.REFUSED, "probability": None}
    return [
        answer_to(
            case,
            outcome=Outcome.REFER,
            probability=0.48,
            interval_low=0.31,
            interval_high=0.66,
        ),
        answer_to(case, **refused, refusal_reason="Too little tissue."),
        answer_to(case, probability=0.71, spacing_assumed=True),
        answer_to(case, outcome=Outcome.BENIGN, probability=0.04),
    ]


@pytest.fixture
def queue(page: Page, laboratory: Laboratory, answers: list[Prediction]) -> Page:
    """bob, a pathologist on the staff, at the queue."""
    bob = User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    add_member(laboratory=laboratory, user=bob, role=Role.PATHOLOGIST)
    page.goto("/admin/predictions/reviewqueue/")
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(4)
    return page


def choose(page: Page, action: str, *rows: int) -> None:
    for row in rows:
        page.locator(".action-select").nth(row).check()
    page.get_by_label("Action:").select_option(label=action)
    page.get_by_role("button", name="Go").click()


def test_the_pictures_of_the_queue_are_shown(queue: Page) -> None:
    queue.wait_for_load_state("networkidle")
    sizes = queue.locator(".thumbnail").evaluate_all(
        "pictures => pictures.map(picture => picture.naturalWidth)"
    )
    assert sizes == [96] * 4


def test_answers_are_agreed_with_and_overridden(
    queue: Page, answers: list[Prediction]
) -> None:
    choose(queue, "Agree with the model", 0, 2)
    expect(queue.get_by_text("1 of 2 answers agreed with.")).to_be_visible()
    expect(queue.get_by_text("The model gave no verdict to agree with")).to_be_visible()
    choose(queue, "Override: give your own verdict", 0, 1, 2)
    expect(queue.get_by_role("heading", name="Override the model")).to_be_visible()
    queue.get_by_label("Malignant").check()
    queue.get_by_role("button", name="Record for 3 answers").click()
    expect(queue.get_by_text("The model said benign")).to_be_visible()
    queue.get_by_label("Why you read it so").fill("Invasion at the margin.")
    queue.get_by_role("button", name="Record for 3 answers").click()
    expect(queue.get_by_text("3 of 3 answers reviewed.")).to_be_visible()
    expect(queue.get_by_text("New answers appear here by themselves.")).to_be_visible()
    assert Review.objects.count() == 4


def test_asking_again_and_taking_the_case(queue: Page, case: Case) -> None:
    choose(queue, "Ask again", 1)
    expect(queue.get_by_text("1 of 1 asked again.")).to_be_visible()
    expect(queue.get_by_text("asked again, waiting")).to_be_visible()
    choose(queue, "Assign the case to me", 0, 1)
    expect(queue.get_by_text("1 of 1 cases assigned to you.")).to_be_visible()
    queue.get_by_role("link", name="Me", exact=True).click()
    expect(queue.locator("#result_list tbody tr")).to_have_count(4)


def test_the_queue_leads_to_the_portal_s_page(
    queue: Page, answers: list[Prediction]
) -> None:
    image = answers[0].analysis.image
    queue.get_by_role("link", name=str(image)).click()
    expect(queue).to_have_url(re.compile(f"/images/{image.pk}/$"))


def test_the_queue_is_accessible(queue: Page) -> None:
    assert [finding.faults for finding in examine(queue)] == [[]] * 4


def test_the_page_of_an_override_is_accessible(queue: Page) -> None:
    choose(queue, "Override: give your own verdict", 0, 1, 2, 3)
    queue.get_by_role("button", name="Record for 4 answers").click()
    assert [finding.faults for finding in examine(queue)] == [[]] * 4
