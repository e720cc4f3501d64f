"""The ways out of a wrong case, and how a void image looks."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from predictions.models import Case, Image, Laboratory
from predictions.services.cases import open_case
from predictions.services.images import Submission
from predictions.services.withdrawals import withdraw_image
from tests.predictions.records import (
    make_image,
    make_prediction,
    purge_without_files,
)
from tests.predictions.views.test_images import answer_panel, text_of

REASON = "It belongs to <another> patient."
Submit = Callable[..., Submission]


@pytest.fixture
def image(image: Image) -> Image:
    """Answered."""
    make_prediction(image)
    return image


@pytest.fixture
def right_case(laboratory: Laboratory, alice: User) -> Case:
    return open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0002",
        patient_code="P-0002",
    )


def page_of(image: Image, part: str = "") -> str:
    return f"/images/{image.pk}/{part}"


def void(image: Image, by: User) -> None:
    withdraw_image(image=image, reason=REASON, withdrawn_by=by)


# --- Withdrawing --------------------------------------------------------------


def test_what_will_happen_is_said_before_it_does(
    as_alice: Client, image: Image
) -> None:
    page = text_of(as_alice, image, "withdraw/")
    assert "1 answer becomes void." in page
    assert "This cannot be taken back." in page
    assert "case S26-0001" in page.lower().replace("s26", "S26")
    image.refresh_from_db()
    assert not image.is_void


def test_a_withdrawn_image_says_so_on_its_page(
    as_alice: Client, as_bob: Client, image: Image
) -> None:
    response = as_alice.post(page_of(image, "withdraw/"), {"reason": REASON})
    assert response["Location"] == page_of(image)
    page = text_of(as_bob, image)
    assert "This image is void" in page
    assert "It belongs to &lt;another&gt; patient." in page
    assert "by alice" in page.split('id="void-head"')[1].split("</section>")[0]
    assert "Void" in answer_panel(page)
    for offer in ("again/", "withdraw/", "move/", "review/", "spacing/"):
        assert offer not in page


def test_the_case_page_marks_it(as_bob: Client, image: Image, alice: User) -> None:
    void(image, alice)
    page = as_bob.get(f"/cases/{image.case_id}/").content.decode()
    assert "chip-void" in page
    assert "It belongs to &lt;another&gt; patient." in page


@pytest.mark.parametrize("reason", ["", "no", "x" * 501, "why\u202e not"])
def test_a_reason_that_says_too_little_is_said_beside_the_field(
    as_alice: Client, image: Image, reason: str
) -> None:
    response = as_alice.post(page_of(image, "withdraw/"), {"reason": reason})
    assert response.status_code == 422
    assert 'id="id_reason_error"' in response.content.decode()
    image.refresh_from_db()
    assert not image.is_void


@pytest.mark.parametrize("part", ["withdraw/", "move/"])
def test_a_second_withdrawal_leads_to_the_first(
    as_bob: Client, image: Image, alice: User, part: str
) -> None:
    void(image, alice)
    response = as_bob.post(page_of(image, part), {"reason": REASON}, follow=True)
    assert "was withdrawn from its case" in response.content.decode()
    image.refresh_from_db()
    assert image.withdrawn_by == alice


@pytest.mark.parametrize("part", ["withdraw/", "move/"])
def test_administrators_are_told_whom_to_ask(
    as_dora: Client, image: Image, part: str
) -> None:
    assert "withdraw/" not in text_of(as_dora, image)
    assert as_dora.get(page_of(image, part)).status_code == 403
    response = as_dora.post(page_of(image, part), {"reason": REASON})
    assert response.status_code == 403
    image.refresh_from_db()
    assert not image.is_void


@pytest.mark.parametrize("part", ["withdraw/", "move/"])
def test_a_page_without_the_token_changes_nothing(image: Image, part: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(image.uploaded_by)
    response = client.post(page_of(image, part), {"reason": REASON})
    assert response.status_code == 403


# --- Moving -------------------------------------------------------------------


def test_a_moved_image_is_found_from_either_side(
    as_alice: Client, submit: Submit, right_case: Case
) -> None:
    image = submit().image
    response = as_alice.post(
        page_of(image, "move/"), {"reason": REASON, "to_case": str(right_case.pk)}
    )
    moved = Image.objects.standing().get()
    assert response["Location"] == page_of(moved)
    here = text_of(as_alice, moved)
    assert "Moved here from" in here
    assert page_of(image) in here
    there = text_of(as_alice, image)
    assert f'href="{page_of(moved)}">case S26-0002</a>' in there


def test_a_case_is_found_by_its_number(
    as_alice: Client, image: Image, right_case: Case, laboratory: Laboratory
) -> None:
    for number in ("S26-0021", "X-1"):
        open_case(
            laboratory=laboratory,
            opened_by=image.uploaded_by,
            accession_number=number,
            patient_code="P-0003",
        )
    page = text_of(as_alice, image, "move/?q=s26-00")
    assert "<b>S26-0002</b>" in page
    assert "<b>S26-0021</b>" in page
    assert "patient P-0002" in page
    assert "X-1" not in page
    assert f'value="{image.case_id}"' not in page, "not where it is"
    assert "No other case like “none”" in text_of(as_alice, image, "move/?q=none")


def test_cases_of_others_are_neither_shown_nor_taken(
    as_alice: Client, image: Image, elsewhere: Laboratory, charlie: User
) -> None:
    foreign = open_case(
        laboratory=elsewhere,
        opened_by=charlie,
        accession_number="S26-0009",
        patient_code="P-0009",
    )
    assert "S26-0009" not in text_of(as_alice, image, "move/")
    response = as_alice.post(
        page_of(image, "move/"), {"reason": REASON, "to_case": str(foreign.pk)}
    )
    assert response.status_code == 422
    assert "S26-0009" not in response.content.decode()


@pytest.mark.parametrize("to_case", ["", "not-an-id", "\x00"])
def test_a_move_needs_a_case(
    as_alice: Client, image: Image, right_case: Case, to_case: str
) -> None:
    response = as_alice.post(
        page_of(image, "move/"), {"reason": REASON, "to_case": to_case}
    )
    assert response.status_code == 422
    assert 'id="to-case-error"' in response.content.decode()


def test_a_chosen_case_stays_chosen(
    as_alice: Client, image: Image, right_case: Case
) -> None:
    said = {"reason": "", "to_case": str(right_case.pk)}
    response = as_alice.post(page_of(image, "move/?q=none"), said)
    assert response.status_code == 422
    page = " ".join(response.content.decode().split())
    assert f'value="{right_case.pk}" required checked' in page


def test_a_duplicate_there_is_linked(
    as_alice: Client, image: Image, right_case: Case, alice: User
) -> None:
    same = make_image(right_case, alice, sha256_received=image.sha256_received)
    response = as_alice.post(
        page_of(image, "move/"), {"reason": REASON, "to_case": str(right_case.pk)}
    )
    assert response.status_code == 409
    assert page_of(same) in response.content.decode()
    image.refresh_from_db()
    assert not image.is_void


def test_an_image_without_files_is_not_moved(
    as_alice: Client, image: Image, right_case: Case
) -> None:
    purge_without_files(image)
    response = as_alice.post(
        page_of(image, "move/"), {"reason": REASON, "to_case": str(right_case.pk)}
    )
    assert response.status_code == 409
    assert "removed after the retention period" in response.content.decode()


# --- Without files --------------------------------------------------------------


def test_what_was_purged_is_said_in_place_of_the_picture(
    as_bob: Client, image: Image
) -> None:
    purge_without_files(image)
    page = text_of(as_bob, image)
    assert "Files were removed <time" in page
    assert "after the retention period; hash and trail are kept." in page
    assert image.sha256_received in page
    assert "93 %" in answer_panel(page)
    for offer in ("display/", "heatmap/", "original/", "again/", "review/", "move/"):
        assert offer not in page


def test_the_case_page_has_no_broken_picture(as_bob: Client, image: Image) -> None:
    purge_without_files(image)
    page = as_bob.get(f"/cases/{image.case_id}/").content.decode()
    assert f"/images/{image.pk}/thumbnail/" not in page
    assert "files were removed after the retention period" in page
