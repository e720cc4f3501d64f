import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from predictions.addresses import REFUSED
from predictions.models import Case, Fetch, Image, JobStatus, Laboratory
from tests.predictions.records import make_fetch

URL = "https://images.example/doe-jane.png"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def switched_on(laboratory: Laboratory) -> None:
    laboratory.may_fetch = True
    laboratory.save()


def make_failed(case: Case, asked_by: User, **facts: Any) -> Fetch:
    return make_fetch(
        case,
        asked_by,
        status=JobStatus.FAILED,
        failure_reason="The server answered 404.",
        finished_at=timezone.now(),
        **facts,
    )


def list_of(client: Client, case: Case) -> str:
    return client.get(f"/cases/{case.pk}/fetches/", headers=HTMX).content.decode()


def post(client: Client, case: Case, **said: str) -> Any:
    filled_in = {"url": URL, "specimen_label": "A", **said}
    return client.post(f"/cases/{case.pk}/fetches/", filled_in, headers=HTMX)


# --- Who is offered it --------------------------------------------------------


def test_form_is_on_the_page_of_who_may_upload(as_alice: Client, case: Case) -> None:
    page = as_alice.get(f"/cases/{case.pk}/").content.decode()
    assert "Fetch by URL" in page
    assert 'name="url"' in page


def test_form_is_not_there_where_the_laboratory_did_not_turn_it_on(
    as_alice: Client, case: Case, laboratory: Laboratory
) -> None:
    laboratory.may_fetch = False
    laboratory.save()
    assert "Fetch by URL" not in as_alice.get(f"/cases/{case.pk}/").content.decode()
    assert "does not fetch images by URL" in list_of(as_alice, case)
    refused = post(as_alice, case)
    assert refused.status_code == 403
    assert "turn it on" in refused.content.decode()
    assert not Fetch.objects.exists()


def test_form_is_not_there_for_an_administrator(as_dora: Client, case: Case) -> None:
    assert "Fetch by URL" not in as_dora.get(f"/cases/{case.pk}/").content.decode()
    assert post(as_dora, case).status_code == 403


def test_page_says_who_fetches_and_from_where(
    as_alice: Client, case: Case, laboratory: Laboratory
) -> None:
    address = f"/cases/{case.pk}/"
    assert "Only public servers" in as_alice.get(address).content.decode()
    laboratory.fetch_hosts = ["slides.example.org:8443"]
    laboratory.save()
    page = as_alice.get(address).content.decode()
    assert "A worker of this installation fetches the image" in page
    assert "slides.example.org:8443" in page


# --- Asking -------------------------------------------------------------------


def test_address_with_what_is_known_is_asked_for(
    as_alice: Client, alice: User, case: Case
) -> None:
    answer = post(
        as_alice, case, spacing_um="0.25", magnification="40", specimen_label="B"
    )
    assert answer.status_code == 200
    assert URL in answer.content.decode()
    fetch = Fetch.objects.get()
    assert (fetch.case, fetch.asked_by, fetch.url) == (case, alice, URL)
    assert (fetch.spacing_um, fetch.magnification) == (0.25, 40.0)
    assert fetch.specimen_label == "B"


def test_what_was_left_empty_is_not_known(as_alice: Client, case: Case) -> None:
    post(as_alice, case)
    fetch = Fetch.objects.get()
    assert (fetch.spacing_um, fetch.magnification) == (None, None)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"url": "http://127.1/"}, REFUSED),
        ({"url": ""}, "Give the address"),
        ({"url": "http://a.example/" + "a" * 2000}, "at most 2000 characters"),
        ({"spacing_um": "1000"}, "Spacing"),
        ({"spacing_um": "nan"}, "Spacing"),
        ({"specimen_label": ""}, "Specimen"),
        ({"specimen_label": "A\u202e"}, "Specimen"),
        ({"magnification": "7"}, "Objective"),
    ],
)
def test_refusal_is_said_in_words_and_nothing_is_stored(
    as_alice: Client, case: Case, said: dict[str, str], words: str
) -> None:
    answer = post(as_alice, case, **said)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Fetch.objects.exists()


def test_without_htmx_the_refusal_is_a_page_with_the_form_as_filled_in(
    as_alice: Client, case: Case
) -> None:
    address = f"/cases/{case.pk}/fetches/"
    answer = as_alice.post(address, {"url": "http://10.0.0.1/", "specimen_label": "C"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert REFUSED in page
    assert 'value="http://10.0.0.1/"' in page
    taken = as_alice.post(address, {"url": URL, "specimen_label": "C"})
    assert taken["Location"] == f"/cases/{case.pk}/#fetches"
    assert "<!DOCTYPE html>" in as_alice.get(address).content.decode()


# --- Watching -----------------------------------------------------------------


def test_address_is_shown_to_who_asked_alone(
    as_alice: Client, as_bob: Client, alice: User, case: Case
) -> None:
    make_failed(case, alice, url=URL)
    assert URL in list_of(as_alice, case)
    colleague = list_of(as_bob, case)
    assert "doe-jane" not in colleague
    assert "Asked for by <b>alice</b>" in colleague
    assert "The server answered 404." in colleague
    assert "Retry" not in colleague


def test_every_state_is_said(as_alice: Client, alice: User, image: Image) -> None:
    case, now = image.case, timezone.now()
    make_fetch(case, alice)
    make_failed(case, alice)
    make_fetch(case, alice, status=JobStatus.CANCELLED, finished_at=now)
    make_fetch(case, alice, status=JobStatus.SUCCEEDED, finished_at=now, image=image)
    make_fetch(
        case, alice, status=JobStatus.RUNNING, token=uuid.uuid4(), lease_until=now
    )
    shown = list_of(as_alice, case)
    for word in ("Waiting", "Fetching", "Fetched", "Failed", "Cancelled"):
        assert f"{word}</span>" in shown.replace("\n", "").replace(" ", "")
    assert f"/images/{image.pk}/" in shown
    assert shown.count("Retry</button>") == 2
    assert shown.count("Cancel</button>") == 2


def test_list_is_asked_for_again_only_while_something_is_fetched(
    as_alice: Client, alice: User, case: Case
) -> None:
    assert "Nothing was fetched for this case yet." in list_of(as_alice, case)
    make_failed(case, alice)
    assert "every 3s" not in list_of(as_alice, case)
    make_fetch(case, alice)
    shown = list_of(as_alice, case)
    assert "every 3s" in shown
    seen = shown.split("?seen=")[1].split('"')[0]
    address = f"/cases/{case.pk}/fetches/?seen={seen}"
    assert as_alice.get(address, headers=HTMX).status_code == 204
    Fetch.objects.filter(status=JobStatus.ACCEPTED).update(attempt=1)
    assert as_alice.get(address, headers=HTMX).status_code == 200


def test_list_takes_few_queries(
    as_alice: Client,
    alice: User,
    case: Case,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(12):
        make_failed(case, alice)
    with django_assert_max_num_queries(12):
        assert list_of(as_alice, case).count('class="fetch"') == 10


# --- Taking back, asking again ------------------------------------------------


def test_waiting_fetch_is_cancelled_by_a_colleague(
    as_bob: Client, alice: User, case: Case
) -> None:
    fetch = make_fetch(case, alice)
    answer = as_bob.post(f"/fetches/{fetch.pk}/cancel/")
    assert answer["Location"] == f"/cases/{case.pk}/#fetches"
    fetch.refresh_from_db()
    assert fetch.status == JobStatus.CANCELLED


def test_cancelling_too_late_is_said(as_alice: Client, alice: User, case: Case) -> None:
    fetch = make_failed(case, alice)
    answer = as_alice.post(f"/fetches/{fetch.pk}/cancel/", follow=True)
    assert "finished before it could be cancelled" in answer.content.decode()


def test_administrator_cancels_nothing(
    as_dora: Client, alice: User, case: Case
) -> None:
    fetch = make_fetch(case, alice)
    assert as_dora.post(f"/fetches/{fetch.pk}/cancel/").status_code == 403


def test_retry_asks_anew_for_the_same_address(
    as_alice: Client, alice: User, case: Case
) -> None:
    first = make_failed(case, alice, url=URL, spacing_um=0.25)
    as_alice.post(f"/fetches/{first.pk}/retry/")
    again = Fetch.objects.exclude(pk=first.pk).get()
    assert (again.url, again.spacing_um) == (URL, 0.25)
    assert again.status == JobStatus.ACCEPTED


def test_nobody_else_retries_what_only_the_asker_sees(
    as_bob: Client, alice: User, case: Case
) -> None:
    first = make_failed(case, alice)
    assert as_bob.post(f"/fetches/{first.pk}/retry/").status_code == 404
    assert Fetch.objects.count() == 1


def test_retry_of_what_is_no_longer_allowed_is_refused(
    as_alice: Client, alice: User, case: Case, laboratory: Laboratory
) -> None:
    first = make_failed(case, alice)
    laboratory.fetch_hosts = ["slides.example.org"]
    laboratory.save()
    answer = as_alice.post(f"/fetches/{first.pk}/retry/")
    assert answer.status_code == 422
    assert Fetch.objects.count() == 1


def test_page_without_the_token_fetches_nothing(alice: User, case: Case) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert post(client, case).status_code == 403
    assert not Fetch.objects.exists()
