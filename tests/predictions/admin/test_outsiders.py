"""A superuser from outside reads on record; who belongs there does not."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from predictions.models import (
    AuditEvent,
    Case,
    Laboratory,
    Message,
    Role,
)
from predictions.services.audit import verify_chains
from predictions.services.laboratories import add_member
from predictions.services.messages import post_message
from tests.predictions.admin.test_windows import count_queries, list_of
from tests.predictions.records import make_image, make_prediction, make_review


@pytest.fixture
def rows(case: Case, alice: User, bob: User) -> dict[str, Any]:
    """One row of everything that belongs to a patient."""
    answer = make_prediction(make_image(case, alice))
    image = answer.analysis.image
    return {
        "patient": case.patient,
        "case": case,
        "specimen": image.specimen,
        "image": image,
        "analysis": answer.analysis,
        "prediction": answer,
        "message": post_message(case=case, author=alice, text="Look twice."),
        "review": make_review(answer, bob),
    }


NAMES = [
    *("patient", "case", "specimen", "image"),
    *("analysis", "prediction", "message", "review"),
]


def read() -> list[AuditEvent]:
    return list(
        AuditEvent.objects.filter(action__endswith=".read").order_by("sequence")
    )


def row_of(name: str, row: Any) -> str:
    return reverse(f"admin:predictions_{name}_change", args=[row.pk])


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_read_on_record_once_in_a_while(
    as_root: Client, root: User, rows: dict[str, Any], case: Case, name: str
) -> None:
    for _ in range(2):
        assert as_root.get(row_of(name, rows[name])).status_code == 200
    (event,) = read()
    called = "analysis" if name == "prediction" else name
    assert event.laboratory == case.laboratory
    assert (event.action, event.actor_id) == (f"{name}.read", root.pk)
    assert event.subject == f"{called}:{rows[name].pk}"


@pytest.mark.parametrize("name", NAMES)
def test_a_list_is_read_on_record_at_each_view(
    as_root: Client, rows: dict[str, Any], case: Case, name: str
) -> None:
    for _ in range(2):
        as_root.get(list_of(name))
    first, second = read()
    assert (first.action, first.laboratory) == ("list.read", case.laboratory)
    assert first.detail == second.detail == {"model": name, "rows": 1}


def test_a_list_is_on_the_trail_of_each_laboratory_on_it(
    as_root: Client, rows: dict[str, Any], charlie: User, elsewhere: Laboratory
) -> None:
    case = rows["case"]
    before = count_queries(as_root, list_of("case"))
    for number in range(3):
        Case.objects.create(
            laboratory=elsewhere,
            patient=case.patient,
            accession_number=f"X26-{number}",
            created_by=charlie,
        )
    assert count_queries(as_root, list_of("case")) == before
    event, _ = elsewhere.audit_events.filter(action="list.read")
    assert event.detail == {"model": "case", "rows": 3}
    assert case.laboratory.audit_events.filter(action="list.read").count() == 4
    assert list(verify_chains()) == []


def test_an_empty_list_tells_nothing(as_root: Client, laboratory: Laboratory) -> None:
    as_root.get(list_of("case"))
    assert read() == []


def test_a_refused_look_is_no_reading(as_root: Client, rows: dict[str, Any]) -> None:
    as_root.get(row_of("case", Message(pk=rows["message"].pk)))
    assert read() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_superuser_at_work_in_the_laboratory_is_no_outsider(
    as_root: Client, root: User, rows: dict[str, Any], case: Case, name: str
) -> None:
    add_member(laboratory=case.laboratory, user=root, role=Role.PATHOLOGIST)
    as_root.get(list_of(name))
    as_root.get(row_of(name, rows[name]))
    assert read() == []


def test_staff_read_their_own_cases_as_in_the_portal(
    as_staff: Client, rows: dict[str, Any]
) -> None:
    as_staff.get(list_of("case"))
    as_staff.get(row_of("case", rows["case"]))
    assert read() == []
