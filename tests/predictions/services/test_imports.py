"""What an import would do, and that it opens all of its cases or none."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from pytest_django import DjangoAssertNumQueries

from predictions.models import (
    AuditEvent,
    Case,
    Consent,
    Laboratory,
    Patient,
    Priority,
    Role,
)
from predictions.services.audit import verify_chains
from predictions.services.cases import open_case
from predictions.services.errors import NotAllowedError
from predictions.services.imports import (
    Action,
    ImportChangedError,
    Plan,
    PlannedRow,
    open_import,
    plan_import,
)
from predictions.services.laboratories import add_member
from predictions.services.manifests import ManifestRow, read_manifest

HEADER = "file,accession_number,patient_code"


def rows_of(*lines: str, header: str = HEADER) -> list[ManifestRow]:
    return read_manifest("\n".join([header, *lines]).encode())


@pytest.fixture
def plan(laboratory: Laboratory, alice: User) -> Plan:
    """Two new cases, three files, and one row at fault."""
    rows = rows_of(
        "a.png,S26-7,P-7", "b.png,S26-7,P-7", "c.png,S26-8,P-8", "d.txt,S26-9,P-9"
    )
    return plan_import(laboratory=laboratory, asked_by=alice, rows=rows)


def said(plan: Plan) -> list[tuple[Action, str]]:
    return [(planned.action, planned.words) for planned in plan.rows]


# --- The plan -----------------------------------------------------------------


def test_every_row_says_what_would_become_of_it(
    laboratory: Laboratory, alice: User, case: Case
) -> None:
    rows = rows_of("a.png,S26-7,P-7", "b.png,S26-7,P-7", "c.png,S26-0001,P-0001")
    plan = plan_import(laboratory=laboratory, asked_by=alice, rows=rows)
    assert said(plan) == [
        (Action.OPENS, "Opens the case S26-7."),
        (Action.ADDS, "Adds to the case S26-7, which line 2 opens."),
        (Action.ADDS, "Adds to the case S26-0001."),
    ]
    assert [planned.case for planned in plan.rows] == [None, None, case]
    assert plan.count(Action.ADDS) == 2


def test_planning_changes_nothing(plan: Plan) -> None:
    assert not Case.objects.exists()
    assert not Patient.objects.exists()
    assert not AuditEvent.objects.filter(action__startswith="import").exists()


def test_a_plan_takes_two_queries(
    laboratory: Laboratory,
    alice: User,
    case: Case,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = rows_of(*(f"{n}.png,S26-{n},P-{n}" for n in range(500)))
    with django_assert_num_queries(2):
        plan_import(laboratory=laboratory, asked_by=alice, rows=rows)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["a.png,S26-0001,P-2"], "S26-0001 is patient P-0001's already."),
        (
            ["a.png,S26-7,P-7", "b.png,S26-7,P-8"],
            "S26-7 has two patients, in the lines 2 and 3.",
        ),
        (
            ["a.png,S26-7,P-7", "./A.PNG,S26-8,P-8"],
            "The file stands in the lines 2 and 3.",
        ),
        (["a.svs,S26-7,P-7"], "Only PNG, JPEG and TIFF"),
        (["a.png.html,S26-7,P-7"], "Only PNG, JPEG and TIFF"),
        (["a.png,,P-7"], "accession number is missing"),
        (["b.png,S26-7,P-7"], "The file is not in the folder."),
        (["sub/a.png,S26-7,P-7"], "The file is not in the folder."),
        (["../a.png,S26-7,P-7"], "The file is not in the folder."),
        (["empty.png,S26-7,P-7"], "The file is empty."),
        (["large.png,S26-7,P-7"], "larger than 100 MB"),
        (["twins.png,S26-7,P-7"], "differ in upper and lower case only"),
    ],
)
def test_a_row_at_fault_is_refused_with_its_reason(
    laboratory: Laboratory, alice: User, case: Case, lines: list[str], problem: str
) -> None:
    sizes = {"a.png": 9, "large.png": 100_000_001, "empty.png": 0}
    plan = plan_import(
        laboratory=laboratory,
        asked_by=alice,
        rows=rows_of(*lines),
        filenames=[*sizes, "twins.png", "Twins.png"],
        sizes_bytes=sizes,
    )
    for planned in plan.rows:
        assert planned.action == Action.REFUSED
        assert problem in planned.words


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (("urgent,", "routine,"), "S26-7 has two priorities in this list."),
        ((",given", ",refused"), "S26-7 has two consents in this list."),
    ],
)
def test_rows_of_a_new_case_must_agree(
    laboratory: Laboratory, alice: User, values: tuple[str, str], problem: str
) -> None:
    rows = rows_of(
        *(f"{n}.png,S26-7,P-7,{value}" for n, value in enumerate(values)),
        header=f"{HEADER},priority,consent",
    )
    plan = plan_import(laboratory=laboratory, asked_by=alice, rows=rows)
    assert said(plan) == [(Action.REFUSED, f"{problem} Keep one.")] * 2


def test_a_case_that_is_there_stays_as_it_is_and_the_plan_says_so(
    laboratory: Laboratory, alice: User, case: Case
) -> None:
    rows = rows_of(
        "a.png,S26-0001,P-0001,urgent,given", header=f"{HEADER},priority,consent"
    )
    plan = plan_import(laboratory=laboratory, asked_by=alice, rows=rows)
    open_import(plan=plan, opened_by=alice)
    assert said(plan)[0][1] == (
        "Adds to the case S26-0001. Its priority stays routine and its consent stays "
        "not recorded: change that on the case."
    )
    case.refresh_from_db()
    assert (case.priority, case.training_consent) == (Priority.ROUTINE, Consent.UNKNOWN)


def test_files_are_found_whatever_way_their_path_is_written(
    laboratory: Laboratory, alice: User
) -> None:
    names = ["one/A.png", "two/mu\u0308.png"]
    rows = rows_of("One\\a.PNG,S26-7,P-7", "./two/m\u00fc.png,S26-7,P-7")
    plan = plan_import(
        laboratory=laboratory, asked_by=alice, rows=rows, filenames=names
    )
    assert [planned.found for planned in plan.rows] == names
    assert plan.unnamed == ()


def test_pictures_that_no_row_names_are_told(
    laboratory: Laboratory, alice: User
) -> None:
    names = ["a.png", "b.png", "sub/c.svs", "list.csv", ".DS_Store", "._a.png"]
    plan = plan_import(
        laboratory=laboratory,
        asked_by=alice,
        rows=rows_of("a.png,S26-7,P-7"),
        filenames=names,
    )
    assert plan.unnamed == ("b.png", "sub/c.svs")


# --- Visibility ---------------------------------------------------------------


def test_another_laboratorys_case_is_not_revealed(
    elsewhere: Laboratory, charlie: User, case: Case
) -> None:
    rows = rows_of("a.png,S26-0001,P-2")
    plan = plan_import(laboratory=elsewhere, asked_by=charlie, rows=rows)
    assert said(plan) == [(Action.OPENS, "Opens the case S26-0001.")]
    (planned,) = open_import(plan=plan, opened_by=charlie).rows
    assert planned.case
    assert planned.case.laboratory == elsewhere
    case.refresh_from_db()
    assert case.laboratory != elsewhere


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_only_who_works_there_may_import(
    plan: Plan, laboratory: Laboratory, name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    with pytest.raises(NotAllowedError):
        plan_import(laboratory=laboratory, asked_by=person, rows=[])
    with pytest.raises(NotAllowedError):
        open_import(plan=plan, opened_by=person)
    assert not Case.objects.exists()


# --- Opening ------------------------------------------------------------------


def test_cases_are_opened_with_all_that_the_list_says(
    laboratory: Laboratory, alice: User
) -> None:
    rows = rows_of(
        "a.png,S26-7,P-7,,",
        "b.png,S26-7,P-7,urgent,given",
        "c.png,S26-8,P-7,,",
        header=f"{HEADER},priority,consent",
    )
    plan = plan_import(laboratory=laboratory, asked_by=alice, rows=rows)
    opened = open_import(plan=plan, opened_by=alice)
    one, two = Case.objects.order_by("accession_number")
    assert [planned.case for planned in opened.rows] == [one, one, two]
    assert (one.priority, one.training_consent) == (Priority.URGENT, Consent.GIVEN)
    assert (two.priority, two.training_consent) == (Priority.ROUTINE, Consent.UNKNOWN)
    assert one.patient == two.patient == Patient.objects.get()
    assert one.created_by == alice


def test_a_refused_row_opens_nothing(plan: Plan, alice: User) -> None:
    opened = open_import(plan=plan, opened_by=alice)
    assert opened.rows[-1].case is None
    numbers = Case.objects.values_list("accession_number", flat=True)
    assert sorted(numbers) == ["S26-7", "S26-8"]


def test_opening_is_audited_in_counts_alone(
    plan: Plan, laboratory: Laboratory, alice: User
) -> None:
    open_import(plan=plan, opened_by=alice)
    *opened, event = AuditEvent.objects.chain(laboratory).filter(actor=alice.username)
    assert {e.subject for e in opened} == {f"case:{c.pk}" for c in Case.objects.all()}
    assert {e.action for e in opened} == {"case.open"}
    assert (event.action, event.subject) == (
        "import.open",
        f"laboratory:{laboratory.pk}",
    )
    assert event.detail == {"rows": 4, "refused": 1, "opened": 2}
    assert list(verify_chains()) == []


def test_opening_twice_opens_nothing_twice(
    plan: Plan, laboratory: Laboratory, alice: User
) -> None:
    first = open_import(plan=plan, opened_by=alice)
    again = open_import(plan=plan, opened_by=alice)
    assert [r.case for r in again.rows] == [r.case for r in first.rows]
    assert Case.objects.count() == 2
    assert AuditEvent.objects.filter(action="case.open").count() == 2
    last = AuditEvent.objects.chain(laboratory).last()
    assert last is not None
    assert last.detail["opened"] == 0


def test_a_case_opened_meanwhile_for_the_same_patient_is_used(
    plan: Plan, laboratory: Laboratory, alice: User, bob: User
) -> None:
    meanwhile = open_case(
        laboratory=laboratory,
        opened_by=bob,
        accession_number="S26-8",
        patient_code="P-8",
    )
    opened = open_import(plan=plan, opened_by=alice)
    assert opened.rows[2].case == meanwhile
    assert Case.objects.count() == 2


def test_a_case_opened_meanwhile_for_another_patient_stops_all(
    plan: Plan, laboratory: Laboratory, alice: User, bob: User
) -> None:
    open_case(
        laboratory=laboratory,
        opened_by=bob,
        accession_number="S26-8",
        patient_code="P-99",
    )
    with pytest.raises(ImportChangedError, match="No case was opened"):
        open_import(plan=plan, opened_by=alice)
    assert Case.objects.get().accession_number == "S26-8"
    assert not Patient.objects.filter(code="P-7").exists()


def test_a_fault_midway_leaves_no_case(plan: Plan, alice: User) -> None:
    too_long = ManifestRow(
        line=9, file="z.png", accession_number="9" * 65, patient_code="P-9"
    )
    broken = replace(plan, rows=(*plan.rows, PlannedRow(too_long, Action.OPENS, "")))
    with pytest.raises(DatabaseError):
        open_import(plan=broken, opened_by=alice)
    assert not Case.objects.exists()
    assert not Patient.objects.exists()


def test_a_person_who_left_meanwhile_opens_nothing(
    plan: Plan, laboratory: Laboratory, alice: User
) -> None:
    add_member(laboratory=laboratory, user=alice, role=Role.ADMINISTRATOR)
    with pytest.raises(NotAllowedError):
        open_import(plan=plan, opened_by=alice)
    assert not Case.objects.exists()
