"""One program cannot take all of the server."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from predictions.models import Case
from tests.predictions.api.conftest import client_of

CASES = "/api/v1/cases"


@pytest.fixture(autouse=True)
def few(settings: Settings) -> None:
    settings.API_READS_PER_MINUTE = 3
    settings.API_WRITES_PER_MINUTE = 2


def assert_too_many(response: Any) -> None:
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    problem = response.json()
    assert problem["type"] == "/api/v1/problems/too_many"


def test_reads_are_counted_through_all_of_a_person_s_tokens(alice: User) -> None:
    one, other = client_of(alice), client_of(alice)
    assert [program.get(CASES).status_code for program in (one, other, one)] == [
        200,
        200,
        200,
    ]
    assert_too_many(other.get(CASES))


def test_everybody_has_a_count_of_their_own(
    as_alice: APIClient, as_bob: APIClient
) -> None:
    for _ in range(3):
        as_alice.get(CASES)
    assert_too_many(as_alice.get(CASES))
    assert as_bob.get(CASES).status_code == 200


def test_writes_are_counted_apart_from_reads(as_alice: APIClient, case: Case) -> None:
    for number in range(2):
        body = {"accession_number": f"S{number}", "patient": "P"}
        assert as_alice.post(CASES, body, format="json").status_code == 201
    body = {"accession_number": "S9", "patient": "P"}
    assert_too_many(as_alice.post(CASES, body, format="json"))
    assert not Case.objects.filter(accession_number="S9").exists()
    assert as_alice.get(CASES).status_code == 200


def test_strangers_are_counted_by_address(anybody: APIClient, db: None) -> None:
    wrong = {"authorization": "Bearer histo_wrong"}
    assert anybody.get(CASES).status_code == 401
    assert anybody.get(CASES, headers=wrong).status_code == 401
    assert anybody.get(CASES).status_code == 401
    assert_too_many(anybody.get(CASES, headers=wrong))
    assert anybody.get(CASES, REMOTE_ADDR="192.0.2.7").status_code == 401


def test_strangers_do_not_use_up_what_is_somebody_s(
    anybody: APIClient, as_alice: APIClient
) -> None:
    for _ in range(5):
        anybody.get(CASES)
    assert as_alice.get(CASES).status_code == 200
