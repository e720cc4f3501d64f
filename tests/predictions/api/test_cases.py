"""Cases by API."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from predictions.models import AuditEvent, Case, Laboratory, Priority, Role
from predictions.services.cases import open_case
from predictions.services.laboratories import add_member

CASES = "/api/v1/cases"
NEW = {"accession_number": "S26-0002", "patient": "P-0002"}


def open_several(laboratory: Laboratory, user: User, count: int) -> None:
    for number in range(count):
        open_case(
            laboratory=laboratory,
            opened_by=user,
            accession_number=f"T26-{number:04}",
            patient_code=f"Q-{number:04}",
            priority=Priority.URGENT if number % 2 else Priority.ROUTINE,
        )


def accessions(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [case["accession_number"] for case in response.json()["results"]]


def test_a_case_says_what_it_is(as_bob: APIClient, case: Case) -> None:
    assert as_bob.get(f"{CASES}/{case.pk}").json() == {
        "id": str(case.pk),
        "laboratory": {"id": str(case.laboratory.pk), "name": "North"},
        "accession_number": "S26-0001",
        "patient": "P-0001",
        "status": "empty",
        "priority": "routine",
        "training_consent": "unknown",
        "assignee": None,
        "created_by": "alice",
        "created_at": case.created_at.isoformat().replace("+00:00", "Z"),
    }


def test_a_list_holds_one_s_own_laboratory_only(
    as_bob: APIClient, as_charlie: APIClient, case: Case
) -> None:
    assert accessions(as_bob.get(CASES)) == ["S26-0001"]
    assert accessions(as_charlie.get(CASES)) == []
    assert as_charlie.get(f"{CASES}/{case.pk}").status_code == 404


def test_a_case_is_opened_and_audited(as_alice: APIClient, alice: User) -> None:
    response = as_alice.post(CASES, {**NEW, "priority": "urgent"}, format="json")
    assert response.status_code == 201
    case = Case.objects.get(pk=response.json()["id"])
    assert (case.accession_number, case.patient.code) == ("S26-0002", "P-0002")
    assert (case.priority, case.created_by) == (Priority.URGENT, alice)
    assert AuditEvent.objects.filter(
        action="case.open", subject=f"case:{case.pk}", actor="alice"
    ).exists()


def test_the_same_accession_number_again_names_the_case(
    as_alice: APIClient, case: Case
) -> None:
    again = {"accession_number": case.accession_number, "patient": "P-0009"}
    response = as_alice.post(CASES, again, format="json")
    assert response.status_code == 409
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["case"] == str(case.pk)


def test_an_administrator_of_people_opens_no_case(as_dora: APIClient) -> None:
    response = as_dora.post(CASES, NEW, format="json")
    assert response.status_code == 403
    assert "technician" in response.json()["detail"]
    assert not Case.objects.exists()


def test_another_laboratory_s_id_in_the_body_is_not_there(
    as_charlie: APIClient, laboratory: Laboratory
) -> None:
    body = {**NEW, "laboratory": str(laboratory.pk)}
    assert as_charlie.post(CASES, body, format="json").status_code == 404
    assert not Case.objects.exists()


def test_a_member_of_two_laboratories_states_which(
    as_alice: APIClient, alice: User, elsewhere: Laboratory
) -> None:
    add_member(laboratory=elsewhere, user=alice, role=Role.TECHNICIAN)
    response = as_alice.post(CASES, NEW, format="json")
    assert response.status_code == 400
    assert str(elsewhere.pk) in response.json()["detail"]
    stated = {**NEW, "laboratory": str(elsewhere.pk)}
    response = as_alice.post(CASES, stated, format="json")
    assert response.json()["laboratory"]["name"] == "South"


def test_what_nobody_may_choose_is_not_chosen(
    as_alice: APIClient, alice: User, bob: User
) -> None:
    wished = {
        **NEW,
        "id": str(uuid.uuid4()),
        "created_by": bob.username,
        "created_by_id": bob.pk,
        "assignee": bob.username,
        "created_at": "2001-01-01T00:00:00Z",
    }
    made = as_alice.post(CASES, wished, format="json").json()
    assert made["id"] != wished["id"]
    assert made["created_by"] == "alice"
    assert made["assignee"] is None
    assert made["created_at"] > "2026"


@pytest.mark.parametrize("method", ["put", "delete", "options"])
def test_a_case_is_not_written_over(
    as_alice: APIClient, case: Case, method: str
) -> None:
    ask = getattr(as_alice, method)
    response = ask(f"{CASES}/{case.pk}", {"priority": "urgent"}, format="json")
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD, PATCH"
    case.refresh_from_db()
    assert case.priority == Priority.ROUTINE


@pytest.mark.parametrize(
    "wrong",
    [
        {"accession_number": ""},
        {"accession_number": "S" * 65},
        {"accession_number": "S26\n0001"},
        {"accession_number": "S26\u202e0001"},
        {"accession_number": "S26\x000001"},
        {"accession_number": "\ud800"},
        {"accession_number": ["S26"]},
        {"accession_number": None},
        {"patient": {"code": "P"}},
        {"priority": "yesterday"},
        {"priority": 0},
        {"laboratory": "North"},
    ],
    ids=str,
)
def test_a_case_without_sense_is_refused_by_field(
    as_alice: APIClient, wrong: dict[str, object]
) -> None:
    body = json.dumps({**NEW, **wrong})
    response = as_alice.post(CASES, body, content_type="application/json")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == set(wrong)
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"text"', "[" * 9000, '{"a":' * 2000, "NaN", b"\xff\xfe{"],
    ids=lambda body: repr(body[:8]),
)
def test_a_body_that_is_no_object_is_refused(
    as_alice: APIClient, body: str | bytes
) -> None:
    response = as_alice.post(CASES, body, content_type="application/json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_a_long_body_is_refused(as_alice: APIClient) -> None:
    body = json.dumps({**NEW, "note": "x" * 40_000})
    response = as_alice.post(CASES, body, content_type="application/json")
    assert response.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_a_compressed_body_is_refused(as_alice: APIClient, encoding: str) -> None:
    response = as_alice.post(
        CASES, NEW, format="json", headers={"content-encoding": encoding}
    )
    assert response.status_code == 415
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data; boundary=x", "application/xml", "text/plain", "nonsense"],
)
def test_only_json_opens_a_case(as_alice: APIClient, content_type: str) -> None:
    response = as_alice.post(CASES, b"x", content_type=content_type)
    assert response.status_code == 415


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("accession_number=t26-000", ["T26-0001", "T26-0000"]),
        ("accession_number=0001", ["T26-0001", "S26-0001"]),
        ("patient=Q-0000", ["T26-0000"]),
        ("patient=Q-000", []),
        ("priority=urgent", ["T26-0001"]),
        ("priority=routine&accession_number=T26", ["T26-0000"]),
        ("ordering=accession_number", ["S26-0001", "T26-0000", "T26-0001"]),
        ("ordering=accession_number&page_size=2", ["S26-0001", "T26-0000"]),
    ],
)
def test_a_list_can_be_narrowed_and_ordered(
    as_alice: APIClient,
    alice: User,
    laboratory: Laboratory,
    case: Case,
    query: str,
    expected: list[str],
) -> None:
    open_several(laboratory, alice, 2)
    assert accessions(as_alice.get(f"{CASES}?{query}")) == expected


@pytest.mark.parametrize(
    "query",
    [
        "created_by__password__startswith=p",
        "owner__password__startswith=p",
        "laboratory=1",
        "assignee=charlie",
        "format=api",
        "ordering=created_by__password",
        "ordering=-accession_number,created_at",
        "accession_number=%00",
        "patient=%ED%A0%80%00",
        "priority=10",
        "accession_number=",
    ],
)
def test_a_list_knows_no_other_way(as_alice: APIClient, case: Case, query: str) -> None:
    assert as_alice.get(f"{CASES}?{query}").status_code == 400


@pytest.mark.parametrize(
    "case_id",
    [
        "1",
        "null",
        "S26-0001",
        "../admin",
        "0" * 32,
        "0d45181f-9844-4a56-95d1-5fdfeadf08ab",
    ],
)
def test_an_id_that_is_none_is_not_there(
    as_alice: APIClient, case: Case, case_id: str
) -> None:
    response = as_alice.get(f"{CASES}/{case_id}")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_a_list_takes_the_same_few_queries_however_long(
    as_alice: APIClient, alice: User, laboratory: Laboratory
) -> None:
    as_alice.get(CASES)  # The token's first use this hour is noted.
    counts: list[int] = []
    for _ in range(2):
        open_several(laboratory, alice, 5 if not counts else 0)
        with CaptureQueriesContext(connection) as queries:
            as_alice.get(CASES)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 3


def test_every_refusal_has_a_number_to_quote(as_alice: APIClient) -> None:
    numbers = {
        as_alice.get(f"{CASES}/{uuid.uuid4()}").json()["instance"] for _ in range(2)
    }
    assert len(numbers) == 2
    assert all(number.startswith("urn:uuid:") for number in numbers)
