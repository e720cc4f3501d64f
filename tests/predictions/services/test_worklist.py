"""The worklist: states, filters, orders, pages."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from predictions.models import (
    Case,
    CaseStatus,
    Consent,
    Laboratory,
    Membership,
    Patient,
    Priority,
)
from predictions.services.cases import open_case
from predictions.services.worklist import (
    ME,
    NOBODY,
    ORDERINGS,
    Filters,
    page_of,
    worklist,
)
from tests.predictions.records import (
    make_failed,
    make_image,
    make_prediction,
    make_review,
)

LATER = timedelta(minutes=5)


def make_case(laboratory: Laboratory, person: User, number: str, **facts: Any) -> Case:
    """A case; `patient` is its code."""
    case = open_case(
        laboratory=laboratory,
        opened_by=person,
        accession_number=number,
        patient_code=str(facts.pop("patient", "P-0001")),
    )
    Case.objects.filter(pk=case.pk).update(**facts)
    return case


Look = Callable[..., list[str]]


@pytest.fixture
def look(alice: User) -> Look:
    """The accession numbers that alice sees."""

    def look(ordering: str = "accession_number", **filters: Any) -> list[str]:
        rows = worklist(user=alice, filters=Filters(**filters), ordering=ordering)
        return [row.accession_number for row in rows]

    return look


# --- Filters --------------------------------------------------------------------


@pytest.mark.parametrize("text", ["s26-00", "S26-0001", "p-0001", "-000"])
def test_text_is_a_part_of_number_or_patient_code(
    look: Look, case: Case, alice: User, laboratory: Laboratory, text: str
) -> None:
    make_case(laboratory, alice, "X-9", patient="Q-9")
    assert look(text=text) == ["S26-0001"]
    assert look(text="q-") == ["X-9"]
    assert look(text="%") == []


def test_columns_narrow(
    look: Look, case: Case, alice: User, bob: User, laboratory: Laboratory
) -> None:
    make_case(
        laboratory,
        alice,
        "S26-0002",
        assignee=bob,
        priority=Priority.URGENT,
        training_consent=Consent.GIVEN,
    )
    make_case(laboratory, alice, "S26-0003", assignee=alice)
    assert look() == ["S26-0001", "S26-0002", "S26-0003"]
    assert look(priority=Priority.URGENT) == ["S26-0002"]
    assert look(priority=Priority.ROUTINE) == ["S26-0001", "S26-0003"]
    assert look(assignee=ME) == ["S26-0003"]
    assert look(assignee=NOBODY) == ["S26-0001"]
    assert look(assignee=bob.pk) == ["S26-0002"]
    assert look(consent=Consent.GIVEN) == ["S26-0002"]
    assert look(assignee=ME, priority=Priority.URGENT) == []


def test_days_are_whole_and_of_the_installations_zone(
    look: Look, case: Case, settings: Settings
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # 00:30 on the 2nd in Berlin.
    Case.objects.update(created_at=late)
    day = date(2026, 3, 2)
    assert look(opened_from=day, opened_to=day) == ["S26-0001"]
    assert look(opened_to=day - timedelta(days=1)) == []
    assert look(opened_from=day + timedelta(days=1)) == []
    assert look(opened_from=date.min, opened_to=date.max) == ["S26-0001"]


def test_laboratory_narrows_and_widens_nothing(
    look: Look, case: Case, laboratory: Laboratory, elsewhere: Laboratory, charlie: User
) -> None:
    make_case(elsewhere, charlie, "S26-0001")
    assert look(laboratory=laboratory.pk) == ["S26-0001"]
    assert look(laboratory=elsewhere.pk) == []


def test_nothing_of_another_laboratory_is_seen(
    case: Case, alice: User, charlie: User
) -> None:
    assert not worklist(user=charlie).exists()
    for name in CaseStatus.values:
        assert not worklist(user=charlie, filters=Filters(status=name)).exists()
    assert worklist(user=alice).exists()
    Membership.objects.filter(user=alice).update(is_active=False)
    assert not worklist(user=alice).exists()


def test_names_of_filters_tell_no_value() -> None:
    filters = Filters(text="Doe", priority=Priority.URGENT, opened_to=date(2026, 1, 1))
    assert filters.names == ["text", "priority", "opened_to"]
    assert Filters().names == []


# --- Orders ---------------------------------------------------------------------


@pytest.fixture
def three(case: Case, alice: User, bob: User, laboratory: Laboratory) -> None:
    """1 reviewed and urgent, 2 failed, 3 empty; opened one after the other."""
    second = make_case(laboratory, alice, "S26-0002", patient="P-0003")
    make_case(laboratory, alice, "S26-0003", patient="P-0002")
    Case.objects.filter(pk=case.pk).update(priority=Priority.URGENT)
    make_review(make_prediction(make_image(case, alice)), bob)
    make_failed(make_image(second, alice))


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("pressing", "321"),
        ("opened", "123"),
        ("-opened", "321"),
        ("accession_number", "123"),
        ("-accession_number", "321"),
        ("priority", "132"),
        ("-priority", "321"),
        ("status", "231"),
        ("-status", "132"),
        ("patient", "132"),
        ("-patient", "231"),
    ],
)
def test_orders(look: Look, three: None, ordering: str, expected: str) -> None:
    assert look(ordering) == [f"S26-000{number}" for number in expected]


def test_every_order_is_tested() -> None:
    assert len(ORDERINGS) == 11


def test_urgent_work_comes_first_and_done_work_does_not(
    look: Look, three: None, alice: User
) -> None:
    Case.objects.update(priority=Priority.URGENT)
    assert look("pressing") == ["S26-0003", "S26-0002", "S26-0001"]
    Case.objects.filter(accession_number="S26-0003").update(priority=Priority.ROUTINE)
    assert look("pressing") == ["S26-0002", "S26-0003", "S26-0001"]
    assert look("pressing", status="reviewed") == ["S26-0001"]


def test_urgent_cases_come_first_within_a_state(
    look: Look, case: Case, alice: User, laboratory: Laboratory
) -> None:
    make_case(laboratory, alice, "S26-0002")
    assert look("pressing", status="empty") == ["S26-0002", "S26-0001"]
    Case.objects.filter(pk=case.pk).update(priority=Priority.URGENT)
    assert look("pressing", status="empty") == ["S26-0001", "S26-0002"]
    assert look("status", status="empty") == ["S26-0002", "S26-0001"]


# --- Pages ----------------------------------------------------------------------


def test_pages_hold_every_case_once(alice: User, laboratory: Laboratory) -> None:
    for number in range(7):
        make_case(laboratory, alice, f"S26-{number}", created_at=timezone.now())
    Case.objects.update(created_at=timezone.now())
    for ordering in ORDERINGS:
        cases = worklist(user=alice, ordering=ordering)
        pages = [page_of(cases, number=number, size=3) for number in (1, 2, 3)]
        assert [len(page.cases) for page in pages] == [3, 3, 1]
        assert {(page.pages, page.total) for page in pages} == {(3, 7)}
        assert len({case.pk for page in pages for case in page.cases}) == 7


def test_page_past_the_end_is_the_last(alice: User, laboratory: Laboratory) -> None:
    for number in range(4):
        make_case(laboratory, alice, f"S26-{number}")
    page = page_of(worklist(user=alice), number=99, size=3)
    assert (page.number, page.pages, page.total, len(page.cases)) == (2, 2, 4, 1)


def test_empty_page_says_so(alice: User) -> None:
    page = page_of(worklist(user=alice), number=5, size=3)
    assert page == ([], 1, 1, 0)


def test_page_takes_two_queries(
    alice: User,
    laboratory: Laboratory,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(10):
        make_case(laboratory, alice, f"S26-{number}", assignee=alice)
    with django_assert_num_queries(2):
        page = page_of(worklist(user=alice), number=1, size=10)
        for case in page.cases:
            assert (case.status, case.patient.code) == ("empty", "P-0001")
            assert case.assignee == case.created_by == alice
            assert case.laboratory == laboratory
    assert Patient.objects.count() == 1
