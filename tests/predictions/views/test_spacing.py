"""How large one pixel is, stated on the image's page."""

import re

import pytest
from django.test import Client

from predictions.models import Analysis, Image
from tests.predictions.records import make_analysis, make_prediction

STATED = {"spacing_um": "0.25"}


def page_of(image: Image) -> str:
    return f"/images/{image.pk}/"


def form_in(content: bytes) -> str:
    """The form's part of a page, its white space made single; or nothing."""
    page = " ".join(content.decode().split())
    found = re.findall(r"<details.*?</details>", page)
    return next((part for part in found if "State the spacing" in part), "")


def test_stated_spacing_leads_back_to_the_page_where_the_model_is_asked(
    as_bob: Client, image: Image
) -> None:
    Image.objects.update(spacing_um=None)
    answered = make_prediction(image).analysis
    response = as_bob.post(f"{page_of(image)}spacing/", STATED)
    assert response.status_code == 302
    assert response["Location"] == page_of(image)
    image.refresh_from_db()
    assert (image.spacing_um, image.spacing_assumed) == (0.25, False)
    again = Analysis.objects.exclude(pk=answered.pk).get()
    assert (again.again_after, again.asked_by.username) == (answered, "bob")


@pytest.mark.parametrize(
    ("spacing_um", "is_assumed", "is_open"),
    [(None, False, True), (0.5, True, True), (0.5, False, False)],
    ids=["unknown", "assumed", "stated"],
)
def test_form_is_open_where_nobody_stated_the_spacing(
    as_alice: Client,
    image: Image,
    *,
    spacing_um: float | None,
    is_assumed: bool,
    is_open: bool,
) -> None:
    Image.objects.update(spacing_um=spacing_um, spacing_assumed=is_assumed)
    make_prediction(image)
    form = form_in(as_alice.get(page_of(image)).content)
    assert f'action="/images/{image.pk}/spacing/"' in form
    assert form.startswith("<details open>") is is_open


@pytest.mark.parametrize(
    ("spacing_um", "words"),
    [
        ("", "State the spacing, for example 0.25."),
        ("wide", "Enter a number."),
        ("nan", "Enter a number."),
        ("-1", "greater than or equal to 0.02"),
        ("1e9", "less than or equal to 50"),
    ],
)
def test_what_is_no_spacing_is_said_beside_the_field(
    as_alice: Client, image: Image, spacing_um: str, words: str
) -> None:
    make_prediction(image)
    response = as_alice.post(f"{page_of(image)}spacing/", {"spacing_um": spacing_um})
    assert response.status_code == 422
    form = form_in(response.content)
    assert form.startswith("<details open>")
    assert words in form
    assert "autofocus" in form
    assert 'aria-describedby="id_spacing_um_error"' in form
    assert Analysis.objects.count() == 1


def test_spacing_waits_for_the_answer_that_is_on_its_way(
    as_alice: Client, image: Image
) -> None:
    make_analysis(image)
    page = as_alice.get(page_of(image))
    assert form_in(page.content) == ""
    as_alice.post(f"{page_of(image)}spacing/", STATED)
    page = as_alice.get(page_of(image))
    assert "being analysed already" in page.content.decode()
    image.refresh_from_db()
    assert image.spacing_um == 0.5


def test_administrator_is_offered_no_form_and_states_nothing(
    as_dora: Client, image: Image
) -> None:
    make_prediction(image)
    assert form_in(as_dora.get(page_of(image)).content) == ""
    response = as_dora.post(f"{page_of(image)}spacing/", STATED)
    assert response.status_code == 403
    assert "Ask a technician" in response.content.decode()
    assert Analysis.objects.count() == 1


def test_page_without_the_token_states_nothing(image: Image) -> None:
    make_prediction(image)
    client = Client(enforce_csrf_checks=True)
    client.force_login(image.uploaded_by)
    assert client.post(f"{page_of(image)}spacing/", STATED).status_code == 403
    assert Analysis.objects.count() == 1
