"""The worklist page: filters in the address, states in words, bulk with undo, CSV."""

import csv
import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from predictions.forms.worklist import ORDERS
from predictions.models import AuditEvent, Case, Laboratory, Outcome, Priority, Role
from predictions.services.cases import change_case, open_case
from predictions.services.laboratories import add_member
from predictions.services.worklist import ORDERINGS
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_prediction,
)

NOTICE = "Research use only. Not for diagnostic use."


def text_of(client: Client, path: str) -> str:
    """A page's text, its white space made single."""
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def numbers(page: str) -> list[str]:
    """The accession numbers of the rows."""
    return re.findall(r'class="row-link" href="[^"]*">([^<]*)<', page)


def make_cases(laboratory: Laboratory, person: User, count: int) -> list[Case]:
    return [
        open_case(
            laboratory=laboratory,
            opened_by=person,
            accession_number=f"M26-{number:04}",
            patient_code="P-7",
        )
        for number in range(count)
    ]


# --- What it shows --------------------------------------------------------------


def test_list_says_what_a_person_needs_to_choose(
    as_bob: Client, as_alice: Client, case: Case, bob: User
) -> None:
    Case.objects.update(priority=Priority.URGENT, assignee=bob)
    page = text_of(as_alice, "/cases/")
    for said in ("S26-0001", "P-0001", "Urgent", " bob ", "No image yet", "1 case"):
        assert said in page
    assert f'datetime="{case.created_at.isoformat()}"' in page
    assert '<td data-label="Assignee" class="short"> me </td>' in text_of(
        as_bob, "/cases/"
    )


def test_list_sums_up_the_newest_analysis_of_each_standing_image(
    as_alice: Client, alice: User, case: Case
) -> None:
    asked_twice = make_image(case, alice)
    make_failed(asked_twice)
    make_analysis(asked_twice, created_at="2099-01-01T00:00Z")
    for _ in range(2):
        make_prediction(make_image(case, alice), outcome=Outcome.MALIGNANT)
    withdrawn = make_image(
        case,
        alice,
        withdrawn_at="2026-01-01T00:00Z",
        withdrawn_by=alice,
        withdrawal_reason="Wrong.",
    )
    make_failed(withdrawn)
    page = text_of(as_alice, "/cases/")
    assert '<span class="count">2</span> <span> Malignant' in page
    assert '<span class="count">1</span> <span> Waiting' in page
    assert "Failed" not in page
    assert '<span class="image-count">3</span>' in page
    assert "In analysis </span>" in page


def test_list_names_the_model_and_the_notice(
    as_alice: Client, alice: User, case: Case
) -> None:
    make_prediction(make_image(case, alice))
    assert f"Answers by breast-mil v1. {NOTICE}" in text_of(as_alice, "/cases/")


def test_list_shows_no_other_laboratorys_case(as_charlie: Client, case: Case) -> None:
    for asked in ("", "?q=S26", "?status=empty", f"?laboratory={case.laboratory_id}"):
        assert "S26-0001" not in text_of(as_charlie, f"/cases/{asked}")


def test_empty_list_says_what_to_do(
    as_alice: Client, as_dora: Client, db: None
) -> None:
    assert "Open the first one" in text_of(as_alice, "/cases/")
    assert "A technician or a pathologist" in text_of(as_dora, "/cases/")


def test_person_without_laboratory_is_told_whom_to_ask(
    client: Client, db: None
) -> None:
    client.force_login(User.objects.create_user("gina"))
    assert "You belong to no laboratory yet" in text_of(client, "/cases/")


# --- Filters --------------------------------------------------------------------


@pytest.mark.parametrize("q", ["s26", "p-0001"])
def test_list_is_searched_by_number_and_patient_code(
    as_alice: Client, alice: User, laboratory: Laboratory, case: Case, q: str
) -> None:
    make_cases(laboratory, alice, 1)
    assert numbers(text_of(as_alice, f"/cases/?q={q}")) == ["S26-0001"]


def test_search_that_finds_nothing_says_so_and_escapes(
    as_alice: Client, case: Case
) -> None:
    page = text_of(as_alice, "/cases/?q=<script>")
    assert "No case fits" in page
    assert '<a class="button quiet" href="/cases/">Clear filters</a>' in page
    assert "Search: <b>&lt;script&gt;</b>" in page
    assert "<script>" not in page


def test_each_filter_in_use_can_be_taken_off_alone(
    as_alice: Client, alice: User, case: Case
) -> None:
    Case.objects.update(assignee=alice)
    page = text_of(
        as_alice,
        "/cases/?q=S26&status=empty&assignee=me&priority=10&consent=unknown"
        "&opened_from=2020-01-01&page=1&order=patient",
    )
    assert numbers(page) == ["S26-0001"]
    listed = page.split('aria-label="Filters in use">')[1].split("</ul>")[0]
    found = re.findall(r'<a href="\?([^"]*)"> <span>([^:]*): <b>([^<]*)</b>', listed)
    chips = {label: (unescape(rest), value) for rest, label, value in found}
    assert {label: value for label, (_, value) in chips.items()} == {
        "Search": "S26",
        "State": "No image yet",
        "Assignee": "Me",
        "Priority": "Routine",
        "Training consent": "Not recorded",
        "Opened from": "2020-01-01",
    }
    assert chips["State"][0] == (
        "q=S26&assignee=me&priority=10&consent=unknown&opened_from=2020-01-01"
        "&order=patient"
    )


def test_value_that_is_none_narrows_nothing_and_is_named(
    as_alice: Client, case: Case
) -> None:
    page = text_of(as_alice, "/cases/?status=odd&opened_from=soon&assignee=99999")
    assert numbers(page) == ["S26-0001"]
    assert "A filter of this address is none that is known here" in page
    assert "Enter a valid date" in page
    assert "Filters in use" not in page


def test_nul_and_marks_of_direction_break_nothing(as_alice: Client, case: Case) -> None:
    assert "A filter of this address" in text_of(as_alice, "/cases/?q=%00")
    assert "No case fits" in text_of(as_alice, "/cases/?q=%E2%80%AE")


def test_laboratory_is_asked_for_only_where_there_are_two(
    as_alice: Client, alice: User, case: Case, elsewhere: Laboratory
) -> None:
    assert 'name="laboratory"' not in text_of(as_alice, "/cases/")
    add_member(laboratory=elsewhere, user=alice, role=Role.TECHNICIAN)
    make_cases(elsewhere, alice, 1)
    page = text_of(as_alice, f"/cases/?laboratory={elsewhere.pk}")
    assert numbers(page) == ["M26-0000"]
    assert "Laboratory: <b>South</b>" in page


def test_my_cases_and_other_lists_are_one_click_away(
    as_alice: Client, alice: User, case: Case
) -> None:
    page = text_of(as_alice, "/cases/")
    assert '<a href="/cases/" aria-current="true">All cases</a>' in page
    page = text_of(as_alice, "/cases/?assignee=me")
    assert '<a href="?assignee=me" aria-current="true">My cases</a>' in page
    assert numbers(page) == []


# --- Order and pages ------------------------------------------------------------


def test_heads_sort_both_ways_say_how_and_keep_the_filters(
    as_alice: Client, alice: User, laboratory: Laboratory
) -> None:
    make_cases(laboratory, alice, 3)
    page = text_of(as_alice, "/cases/?q=M26&page=1")
    assert "aria-sort" not in page
    assert 'href="?q=M26&amp;order=accession_number"' in page
    page = text_of(as_alice, "/cases/?q=M26&order=accession_number")
    assert numbers(page) == ["M26-0000", "M26-0001", "M26-0002"]
    assert (
        '<th scope="col" aria-sort="ascending"> '
        '<a href="?q=M26&amp;order=-accession_number">Case</a>'
    ) in page
    page = text_of(as_alice, "/cases/?order=-accession_number")
    assert numbers(page)[0] == "M26-0002"
    assert page.count("aria-sort") == 1
    assert 'aria-sort="descending"' in page


def test_every_order_can_be_chosen() -> None:
    assert [name for name, _ in ORDERS] == sorted(
        ORDERINGS, key=[name for name, _ in ORDERS].index
    )


def test_list_is_paged_and_keeps_everything(
    as_alice: Client, alice: User, laboratory: Laboratory
) -> None:
    make_cases(laboratory, alice, 26)
    first = text_of(as_alice, "/cases/?q=M26&order=opened")
    assert "26 cases" in first
    assert "Page 1 of 2" in first
    assert 'href="?q=M26&amp;order=opened&amp;page=2"' in first
    second = text_of(as_alice, "/cases/?q=M26&order=opened&page=2")
    assert numbers(second) == ["M26-0025"]


@pytest.mark.parametrize("page", ["0", "99", "x", "-1", "9" * 30])
def test_odd_page_numbers_show_a_page(as_alice: Client, case: Case, page: str) -> None:
    shown = text_of(as_alice, f"/cases/?page={page}")
    assert numbers(shown) == ["S26-0001"]
    assert "A filter of this address" not in shown


@pytest.mark.parametrize("asked", ["", "?status=to_review&order=status", "?q=M26"])
def test_list_takes_few_queries_however_many_cases(
    as_alice: Client,
    alice: User,
    laboratory: Laboratory,
    asked: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for case in make_cases(laboratory, alice, 25):
        make_prediction(make_image(case, alice))
        change_case(case=case, changed_by=alice, assignee=alice)
    with django_assert_max_num_queries(12):
        assert len(numbers(text_of(as_alice, f"/cases/{asked}"))) == 25


# --- Several at once ------------------------------------------------------------


def bulk(client: Client, do: str, *cases: Case, back: str = "/cases/?q=M") -> str:
    """The page that the person is led back to."""
    sent = {"do": do, "case": [str(case.pk) for case in cases], "back": back}
    response = client.post("/cases/bulk/", sent, follow=True)
    assert response.status_code == 200
    assert response.redirect_chain[-1] == (back, 302)
    return " ".join(response.content.decode().split())


@pytest.mark.parametrize(
    ("do", "column", "value", "words"),
    [
        ("mine", "assignee__username", "bob", "2 cases assigned to you."),
        ("urgent", "priority", 0, "2 cases made urgent."),
    ],
)
def test_chosen_cases_change_and_are_put_back(
    as_bob: Client,
    alice: User,
    laboratory: Laboratory,
    do: str,
    column: str,
    value: object,
    words: str,
) -> None:
    one, two, other = make_cases(laboratory, alice, 3)
    before = list(Case.objects.order_by("pk").values_list("pk", column))
    page = bulk(as_bob, do, one, two)
    assert words in page
    changed = Case.objects.filter(**{column: value})
    assert set(changed) == {one, two}
    (events,) = re.findall(r'name="events" value="([\d ]+)"', page)
    response = as_bob.post(
        "/cases/undo/", {"events": events, "back": "/cases/"}, follow=True
    )
    assert "2 cases put back as before." in response.content.decode()
    assert list(Case.objects.order_by("pk").values_list("pk", column)) == before
    assert other not in changed


def test_undo_says_what_it_left_alone(
    as_bob: Client, alice: User, laboratory: Laboratory
) -> None:
    one, two = make_cases(laboratory, alice, 2)
    page = bulk(as_bob, "mine", one, two)
    (events,) = re.findall(r'name="events" value="([\d ]+)"', page)
    change_case(case=one, changed_by=alice, assignee=alice)
    response = as_bob.post("/cases/undo/", {"events": events}, follow=True)
    said = "1 case put back as before. 1 case changed again since, and left alone."
    assert said in response.content.decode()


def test_undo_takes_nothing_but_ones_own_events(
    as_bob: Client, as_charlie: Client, alice: User, laboratory: Laboratory
) -> None:
    (case,) = make_cases(laboratory, alice, 1)
    change_case(case=case, changed_by=alice, assignee=alice)
    ids = " ".join(str(pk) for pk in AuditEvent.objects.values_list("pk", flat=True))
    for client in (as_bob, as_charlie):
        for events in (ids, "x", "", "9" * 40, "-1"):
            client.post("/cases/undo/", {"events": events})
    case.refresh_from_db()
    assert case.assignee == alice


def test_nothing_chosen_or_nothing_to_do_is_said(as_bob: Client, case: Case) -> None:
    assert "Choose at least one case" in bulk(as_bob, "mine")
    assert "Choose at least one case" in bulk(as_bob, "odd", case)
    assert "Nothing to do" in bulk(as_bob, "routine", case)


@pytest.mark.parametrize("ids", [["foreign"], ["own", "foreign"], ["x"]])
def test_somebody_elses_case_is_not_there(
    as_charlie: Client, charlie: User, elsewhere: Laboratory, case: Case, ids: list[str]
) -> None:
    (own,) = make_cases(elsewhere, charlie, 1)
    known = {"own": str(own.pk), "foreign": str(case.pk)}
    sent = {"do": "urgent", "case": [known.get(one, one) for one in ids]}
    assert as_charlie.post("/cases/bulk/", sent).status_code == 404
    assert not Case.objects.filter(priority=Priority.URGENT).exists()


def test_administrator_chooses_nothing(as_dora: Client, case: Case) -> None:
    assert 'name="case"' not in text_of(as_dora, "/cases/")
    sent = {"do": "urgent", "case": [str(case.pk)]}
    assert as_dora.post("/cases/bulk/", sent).status_code == 403


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"],
)
def test_nobody_is_led_off_the_site(as_bob: Client, case: Case, back: str) -> None:
    sent = {"do": "mine", "case": [str(case.pk)], "back": back}
    assert as_bob.post("/cases/bulk/", sent)["Location"] == "/cases/"


# --- CSV ------------------------------------------------------------------------


def table(response: object) -> list[dict[str, str]]:
    assert isinstance(response, StreamingHttpResponse)
    text = b"".join(response).decode()
    return list(csv.DictReader(text.splitlines()))


def test_export_holds_what_the_list_shows(
    as_alice: Client, alice: User, case: Case, laboratory: Laboratory
) -> None:
    make_cases(laboratory, alice, 2)
    make_prediction(make_image(case, alice))
    page = text_of(as_alice, "/cases/?q=S26")
    address, answers = re.findall(r'href="(/cases/export/[^"]*)"', page)
    response = as_alice.get(unescape(address))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="cases-\d{4}-\d\d-\d\d.csv"',
        response["Content-Disposition"],
    )
    assert "no-store" in response["Cache-Control"]
    assert [row["accession_number"] for row in table(response)] == ["S26-0001"]
    (row,) = table(as_alice.get(unescape(answers)))
    assert (row["outcome"], row["notice"]) == ("malignant", NOTICE)
    event = AuditEvent.objects.get(action="export.cases")
    assert (event.actor, event.detail) == ("alice", {"rows": 1, "filters": ["text"]})


def test_export_is_refused_where_a_filter_is_none(as_alice: Client, case: Case) -> None:
    response = as_alice.get("/cases/export/cases.csv?status=odd")
    assert response["Location"] == "/cases/?status=odd"


def test_export_holds_nothing_of_another_laboratory(
    as_charlie: Client, alice: User, case: Case
) -> None:
    make_prediction(make_image(case, alice))
    for what in ("cases", "answers"):
        assert table(as_charlie.get(f"/cases/export/{what}.csv")) == []
