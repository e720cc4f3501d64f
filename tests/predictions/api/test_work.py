"""The work on cases by API: change, say, review, withdraw, move, export, import."""

import csv
import hashlib
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from predictions.models import AuditEvent, Case, Consent, Image, Priority
from predictions.services.cases import open_case
from predictions.services.storage import store
from tests.predictions.records import make_image, make_prediction

CASES = "/api/v1/cases"


@pytest.fixture
def other_case(case: Case, alice: User) -> Case:
    return open_case(
        laboratory=case.laboratory,
        opened_by=alice,
        accession_number="S26-0009",
        patient_code="=1+1",
    )


# --- Cases ------------------------------------------------------------------


def test_only_what_is_named_changes(
    as_bob: APIClient, case: Case, other_case: Case
) -> None:
    address = f"{CASES}/{case.pk}"
    wished = {"priority": "urgent", "assignee": "alice", "training_consent": "given"}
    shown = as_bob.patch(address, wished, format="json").json()
    assert {name: shown[name] for name in wished} == wished
    assert shown["accession_number"] == "S26-0001"
    assert as_bob.patch(address, {"assignee": None}, format="json").json() == {
        **shown,
        "assignee": None,
    }
    case.refresh_from_db()
    assert (case.priority, case.training_consent) == (Priority.URGENT, Consent.GIVEN)
    taken = {"accession_number": "S26-0009"}
    response = as_bob.patch(address, taken, format="json")
    assert response.status_code == 409
    assert response.json()["case"] == str(other_case.pk)


@pytest.mark.parametrize("assignee", ["charlie", "dora", "nobody at all", ""])
def test_a_case_is_given_to_who_works_on_it(
    as_bob: APIClient, case: Case, charlie: User, dora: User, assignee: str
) -> None:
    body = {"assignee": assignee}
    response = as_bob.patch(f"{CASES}/{case.pk}", body, format="json")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"assignee"}


def test_a_repeated_change_is_made_once(as_bob: APIClient, case: Case) -> None:
    address, key = f"{CASES}/{case.pk}", {"idempotency-key": "k"}
    body = {"priority": "urgent"}
    first = as_bob.patch(address, body, format="json", headers=key)
    as_bob.patch(address, {"priority": "routine"}, format="json")
    again = as_bob.patch(address, body, format="json", headers=key)
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    case.refresh_from_db()
    assert case.priority == Priority.ROUTINE


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("text=s26-0009", ["S26-0009"]),
        ("text=P-0001", ["S26-0001"]),
        ("assignee=alice", ["S26-0001"]),
        ("assignee=me", []),
        ("assignee=nobody", ["S26-0009"]),
        ("status=empty", ["S26-0009"]),
        ("status=to_review", ["S26-0001"]),
        ("training_consent=given", []),
        ("opened_to=2001-01-01", []),
        ("opened_from=2001-01-01&ordering=-priority", ["S26-0009", "S26-0001"]),
        ("ordering=priority", ["S26-0001", "S26-0009"]),
    ],
)
def test_the_worklist_s_filters_are_the_api_s(
    as_bob: APIClient, image: Image, other_case: Case, query: str, expected: list[str]
) -> None:
    make_prediction(image)
    Case.objects.filter(pk=image.case_id).update(
        assignee=image.uploaded_by, priority=Priority.URGENT
    )
    shown = as_bob.get(f"{CASES}?{query}").json()["results"]
    assert [case["accession_number"] for case in shown] == expected


def test_a_message_is_there_for_everybody_of_the_laboratory(
    as_alice: APIClient, as_dora: APIClient, case: Case
) -> None:
    address = f"{CASES}/{case.pk}/messages"
    made = as_alice.post(address, {"text": "Cut it\nanew."}, format="json")
    assert made.status_code == 201
    (shown,) = as_dora.get(address).json()["results"]
    assert shown == made.json()
    assert (shown["author"], shown["text"]) == ("alice", "Cut it\nanew.")
    for text in ("", "x" * 4001, "a\x00b", "a\u202eb"):
        response = as_alice.post(address, {"text": text}, format="json")
        assert response.status_code == 400


# --- Answers ----------------------------------------------------------------


def test_an_override_says_why_and_stands_beside_the_answer(
    as_bob: APIClient, image: Image
) -> None:
    answer = make_prediction(image, interval_low=0.81, interval_high=0.97)
    address = f"/api/v1/predictions/{answer.pk}"
    bare = as_bob.post(f"{address}/reviews", {"verdict": "benign"}, format="json")
    assert bare.status_code == 422
    body = {"verdict": "benign", "comment": "Usual hyperplasia."}
    made = as_bob.post(f"{address}/reviews", body, format="json").json()
    assert (made["agrees"], made["reader"]) == (False, "bob")
    shown = as_bob.get(address).json()
    assert shown["review"] == made
    assert (shown["outcome"], shown["probability"]) == ("malignant", 0.93)
    assert (shown["interval_low"], shown["interval_high"]) == (0.81, 0.97)
    assert as_bob.get(f"{address}/reviews").json()["results"] == [made]
    listed = as_bob.get(f"/api/v1/images/{image.pk}").json()["analysis"]
    assert listed["prediction"]["review"] == made


# --- Images -----------------------------------------------------------------


def test_a_withdrawn_image_s_answers_are_void(
    as_alice: APIClient, image: Image
) -> None:
    answer = make_prediction(image)
    body = {"reason": "It is of another patient."}
    address = f"/api/v1/images/{image.pk}/withdraw"
    shown = as_alice.post(address, body, format="json").json()
    assert shown["withdrawn"]["by"] == "alice"
    assert shown["withdrawn"]["reason"] == body["reason"]
    assert shown["analysis"]["prediction"]["void"] is True
    assert as_alice.get(f"/api/v1/predictions/{answer.pk}").json()["void"] is True
    assert as_alice.post(address, body, format="json").status_code == 409


def test_a_moved_image_says_where_it_came_from(
    as_alice: APIClient, case: Case, other_case: Case, alice: User
) -> None:
    files = {
        name: store().keep_bytes(name.encode())
        for name in ("stored_file", "display_file", "thumbnail_file")
    }
    image = make_image(case, alice, **files)
    make_prediction(image)
    body = {"case": str(other_case.pk), "reason": "Mixed up at the scanner."}
    address = f"/api/v1/images/{image.pk}"
    moved = as_alice.post(f"{address}/move", body, format="json").json()
    assert (moved["case"], moved["moved_from"]) == (str(other_case.pk), str(image.pk))
    left = as_alice.get(address).json()
    assert (left["moved_to"], left["case"]) == (moved["id"], str(case.pk))
    assert left["withdrawn"]["reason"] == body["reason"]


def test_an_original_is_a_download_and_on_the_trail(
    as_bob: APIClient, case: Case, alice: User
) -> None:
    content = b"the bytes as they were sent"
    image = make_image(
        case,
        alice,
        filename="Jane Doe.png",
        stored_file=store().keep_bytes(content),
        sha256_stored=hashlib.sha256(content).hexdigest(),
    )
    response = as_bob.get(f"/api/v1/images/{image.pk}/original")
    assert response.getvalue() == content
    assert response["Content-Disposition"].startswith("attachment; ")
    assert "S26-0001" in response["Content-Disposition"]
    assert "Jane" not in str(response.headers)
    assert response["Cache-Control"] == "private, no-store"
    assert AuditEvent.objects.filter(action="image.original", actor="bob").exists()


def test_looking_at_an_image_is_one_reading_on_the_trail(
    as_bob: APIClient, case: Case, alice: User
) -> None:
    image = make_image(case, alice, display_file=store().keep_bytes(b"display"))
    for _ in range(3):
        response = as_bob.get(f"/api/v1/images/{image.pk}/display")
        assert response.getvalue() == b"display"
    assert AuditEvent.objects.filter(action="image.read", actor="bob").count() == 1


# --- Tables -----------------------------------------------------------------


def test_a_table_runs_no_formula_and_says_what_it_is(
    as_bob: APIClient, as_charlie: APIClient, other_case: Case
) -> None:
    response = as_bob.get("/api/v1/exports/cases?ordering=x")
    assert response.status_code == 400
    response = as_bob.get("/api/v1/exports/cases?text=0009")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(response.getvalue().decode()))
    assert row["patient_code"] == "'=1+1"
    assert row["notice"] == "Research use only. Not for diagnostic use."
    assert AuditEvent.objects.filter(action="export.cases", actor="bob").exists()
    theirs = as_charlie.get("/api/v1/exports/cases").getvalue().decode()
    assert "S26" not in theirs


def test_answers_are_a_table_too(as_bob: APIClient, image: Image) -> None:
    make_prediction(image)
    table = as_bob.get("/api/v1/exports/answers").getvalue().decode()
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["outcome"], row["model"]) == ("malignant", "breast-mil")
    assert "field.png" not in table


# --- Imports ----------------------------------------------------------------

MANIFEST = """file,accession_number,patient_code,spacing_um
a.png,S26-0001,P-0001,0.25
b.png,S26-0500,P-0500,
c.png,S26-0501,,0.5
"""


def test_an_import_says_first_what_it_would_do(as_alice: APIClient, case: Case) -> None:
    body = {"manifest": MANIFEST, "filenames": ["a.png", "b.png", "d.png"]}
    said = as_alice.post("/api/v1/imports/check", body, format="json").json()
    assert (said["adds"], said["opens"], said["refused"]) == (1, 1, 1)
    assert [row["action"] for row in said["rows"]] == ["adds", "opens", "refused"]
    assert said["unnamed"] == ["d.png"]
    assert Case.objects.count() == 1
    opened = as_alice.post("/api/v1/imports", body, format="json")
    assert opened.status_code == 201
    new = Case.objects.get(accession_number="S26-0500")
    cases = [row["case"] for row in opened.json()["rows"]]
    assert cases == [str(case.pk), str(new.pk), None]


def test_a_list_that_is_none_is_a_problem(as_alice: APIClient, case: Case) -> None:
    for manifest in ("", "nonsense", "file\na.png\n", '"'):
        body = {"manifest": manifest}
        response = as_alice.post("/api/v1/imports/check", body, format="json")
        assert response.status_code in {400, 422}
        assert response["Content-Type"] == "application/problem+json"


def test_a_long_list_fits_and_a_longer_one_does_not(
    as_alice: APIClient, case: Case
) -> None:
    head = "file,accession_number,patient_code\n"
    rows = "".join(f"{n}.png,T26-{n:05},P-{n:05}\n" for n in range(2_000))
    body = {"manifest": head + rows}
    said = as_alice.post("/api/v1/imports/check", body, format="json").json()
    assert said["opens"] == 2_000
    body = {"manifest": head + rows * 20}
    response = as_alice.post("/api/v1/imports/check", body, format="json")
    assert response.status_code == 413, response.json()


def test_days_are_whole(as_bob: APIClient, case: Case) -> None:
    today = timezone.localdate()
    for query, count in (
        (f"opened_from={today}&opened_to={today}", 1),
        (f"opened_from={today + timedelta(days=1)}", 0),
    ):
        assert len(as_bob.get(f"{CASES}?{query}").json()["results"]) == count
