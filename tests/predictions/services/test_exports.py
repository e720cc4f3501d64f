"""Exports: safe to open, on the trail, streamed."""

import csv
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from predictions.models import (
    AuditEvent,
    Case,
    Image,
    Laboratory,
    Outcome,
    Priority,
    Role,
    Verdict,
)
from predictions.services.cases import open_case
from predictions.services.exports import (
    NOTICE,
    csv_lines,
    csv_safe,
    export_answers,
    export_cases,
)
from predictions.services.laboratories import add_member
from predictions.services.worklist import Filters
from tests.predictions.records import make_image, make_prediction, make_review, withdraw


def table(rows: Any) -> list[dict[str, str]]:
    """As another program reads it."""
    return list(csv.DictReader(csv_lines(rows)))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd",
        "-cmd",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\nx",
        "  =1+1",
        "\u00a0=1",
        "-1+cmd|' /C calc'!A0",
        "＝1",
    ],
)
def test_no_text_is_run_by_a_spreadsheet(text: str) -> None:
    assert csv_safe(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-0.5, "-0.5"),
        (1e-07, "1e-07"),
        (-3, "-3"),
        ("-12.5", "-12.5"),
        ("+1e3", "+1e3"),
        ("S26-0001", "S26-0001"),
        ("a=b", "a=b"),
        ("", ""),
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (
            datetime(2026, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "2026-03-01T23:30:00Z",
        ),
    ],
)
def test_everything_else_is_written_as_it_is(value: object, cell: str) -> None:
    assert csv_safe(value) == cell


def test_cell_with_a_comma_or_a_quote_stays_one_cell() -> None:
    (line,) = csv_lines([('a,"b"', "=1,2")])
    assert next(csv.reader([line])) == ['a,"b"', "'=1,2"]


def test_case_is_a_row_with_its_state(
    case: Case, image: Image, alice: User, bob: User
) -> None:
    Case.objects.update(
        priority=Priority.URGENT,
        assignee=bob,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    make_prediction(image)
    (row,) = table(export_cases(exported_by=bob, filters=Filters()))
    assert row == {
        "case_id": str(case.pk),
        "accession_number": "S26-0001",
        "patient_code": "P-0001",
        "laboratory": "North",
        "status": "to_review",
        "priority": "urgent",
        "assignee": "bob",
        "training_consent": "unknown",
        "images": "1",
        "opened_by": "alice",
        "opened_at": "2026-01-02T03:04:05Z",
        "notice": NOTICE,
    }


def test_answer_is_a_row_with_its_review(
    case: Case, image: Image, alice: User, bob: User
) -> None:
    answer = make_prediction(
        image, interval_low=0.8, interval_high=0.97, spacing_assumed=True
    )
    make_review(answer, bob)
    (row,) = table(export_answers(exported_by=alice, filters=Filters()))
    assert {name: value for name, value in row.items() if not name.endswith("_at")} == {
        "case_id": str(case.pk),
        "accession_number": "S26-0001",
        "patient_code": "P-0001",
        "specimen": "A",
        "image_id": str(image.pk),
        "sha256": image.sha256_received,
        "analysis_id": str(answer.pk),
        "outcome": "malignant",
        "probability": "0.93",
        "interval_low": "0.8",
        "interval_high": "0.97",
        "refusal_reason": "",
        "model": "breast-mil",
        "version": "1",
        "spacing_um": "0.5",
        "spacing_assumed": "yes",
        "void": "no",
        "review_verdict": "malignant",
        "review_agrees": "yes",
        "reader": "bob",
        "notice": NOTICE,
    }
    for name in ("uploaded_at", "asked_at", "answered_at", "reviewed_at"):
        assert datetime.fromisoformat(row[name]).utcoffset() == timedelta(0)


def test_newest_review_counts_and_unread_answers_have_none(
    case: Case, alice: User, bob: User
) -> None:
    answer = make_prediction(make_image(case, alice))
    refused = make_prediction(
        make_image(case, alice),
        outcome=Outcome.REFUSED,
        probability=None,
        refusal_reason="=no tissue",
    )
    for verdict in (Verdict.MALIGNANT, Verdict.BENIGN):
        make_review(answer, bob, agrees=False, verdict=verdict, comment="Why.")
    rows = {
        row["analysis_id"]: row
        for row in table(export_answers(exported_by=bob, filters=Filters()))
    }
    assert rows[str(answer.pk)]["review_verdict"] == "benign"
    unread = rows[str(refused.pk)]
    assert (unread["review_verdict"], unread["probability"]) == ("", "")
    assert unread["refusal_reason"] == "'=no tissue"


def test_void_answers_say_so(image: Image, alice: User) -> None:
    make_prediction(image)
    withdraw(image)
    (row,) = table(export_answers(exported_by=alice, filters=Filters()))
    assert row["void"] == "yes"
    (row,) = table(export_cases(exported_by=alice, filters=Filters()))
    assert (row["images"], row["status"]) == ("0", "empty")


def test_export_holds_what_fits_and_what_is_visible(
    case: Case, image: Image, alice: User, charlie: User
) -> None:
    make_prediction(image)
    for export in (export_cases, export_answers):
        assert len(table(export(exported_by=alice, filters=Filters()))) == 1
        assert table(export(exported_by=alice, filters=Filters(text="X"))) == []
        assert table(export(exported_by=charlie, filters=Filters())) == []


def test_export_is_on_the_trail_of_each_laboratory_without_its_values(
    case: Case, image: Image, alice: User, elsewhere: Laboratory
) -> None:
    add_member(laboratory=elsewhere, user=alice, role=Role.TECHNICIAN)
    for number in ("S26-0001", "S26-0002"):
        open_case(
            laboratory=elsewhere,
            opened_by=alice,
            accession_number=number,
            patient_code="P-1",
        )
    make_prediction(image)
    export_cases(exported_by=alice, filters=Filters(text="S26"))
    export_answers(exported_by=alice, filters=Filters())
    events = AuditEvent.objects.filter(action__startswith="export.")
    assert {
        (e.action, e.laboratory_id, e.actor_id, e.subject, str(e.detail))
        for e in events
    } == {
        (
            action,
            laboratory.pk,
            alice.pk,
            f"laboratory:{laboratory.pk}",
            str({"rows": rows, "filters": filters}),
        )
        for action, laboratory, rows, filters in [
            ("export.cases", case.laboratory, 1, ["text"]),
            ("export.cases", elsewhere, 2, ["text"]),
            ("export.answers", case.laboratory, 1, []),
        ]
    }


def test_rows_take_one_query_however_many(
    case: Case, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        make_prediction(make_image(case, alice))
    for export, count in ((export_cases, 1), (export_answers, 20)):
        rows = export(exported_by=alice, filters=Filters())
        with django_assert_num_queries(1):
            assert len(table(rows)) == count
