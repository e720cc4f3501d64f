"""Long lists, a page at a time."""

from itertools import chain

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from predictions.models import Case, Laboratory
from predictions.services.cases import open_case
from tests.predictions.api.conftest import client_of

CASES = "/api/v1/cases"


@pytest.fixture
def many(laboratory: Laboratory, alice: User) -> list[Case]:
    """Seven cases of one and the same moment: only their ids tell them apart."""
    cases = [
        open_case(
            laboratory=laboratory,
            opened_by=alice,
            accession_number=f"S26-{number}",
            patient_code="P-1",
        )
        for number in range(7)
    ]
    Case.objects.update(created_at=cases[0].created_at)
    return cases


def follow(program: APIClient, address: str | None) -> list[list[str]]:
    """The accession numbers on every page, by following `next`."""
    pages = []
    while address:
        answer = program.get(address).json()
        pages.append([case["accession_number"] for case in answer["results"]])
        address = answer["next"]
    return pages


@pytest.mark.parametrize(
    "ordering",
    ["created_at", "-created_at", "accession_number", "-accession_number"],
)
def test_every_row_is_on_one_page(
    as_bob: APIClient, many: list[Case], ordering: str
) -> None:
    pages = follow(as_bob, f"{CASES}?ordering={ordering}&page_size=3")
    assert [len(page) for page in pages] == [3, 3, 1]
    whole = follow(as_bob, f"{CASES}?ordering={ordering}")
    assert list(chain(*pages)) == whole[0]
    assert len(set(whole[0])) == 7


def test_what_comes_meanwhile_neither_repeats_nor_hides_a_row(
    as_bob: APIClient, many: list[Case], alice: User
) -> None:
    first = as_bob.get(f"{CASES}?page_size=4").json()
    open_case(
        laboratory=many[0].laboratory,
        opened_by=alice,
        accession_number="new",
        patient_code="P-1",
    )
    shown = [case["accession_number"] for case in first["results"]]
    rest = follow(as_bob, first["next"])
    assert sorted(chain(shown, *rest)) == [f"S26-{number}" for number in range(7)]


def test_filters_go_along_with_the_cursor(as_bob: APIClient, many: list[Case]) -> None:
    pages = follow(as_bob, f"{CASES}?accession_number=S26-&patient=P-1&page_size=4")
    assert [len(page) for page in pages] == [4, 3]


@pytest.mark.parametrize("cursor", ["x", "1", "a:b", "%00", "W10:abc", "é"])
def test_a_cursor_that_is_none_is_a_problem(
    as_bob: APIClient, many: list[Case], cursor: str
) -> None:
    response = as_bob.get(f"{CASES}?cursor={cursor}")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_a_cursor_cannot_be_changed_nor_taken_elsewhere(
    as_bob: APIClient, many: list[Case]
) -> None:
    address = as_bob.get(f"{CASES}?page_size=4").json()["next"]
    for changed in (
        address.replace("cursor=", "cursor=A"),
        address + "&ordering=accession_number",
        address.replace("/cases", "/analyses") + "&ordering=created_at",
    ):
        response = as_bob.get(changed)
        assert response.status_code == 400
        assert response.json()["type"] == "/api/v1/problems/bad_cursor"


def test_a_cursor_shows_nobody_more_than_is_theirs(
    as_bob: APIClient, charlie: User, many: list[Case]
) -> None:
    address = as_bob.get(f"{CASES}?page_size=4").json()["next"]
    assert client_of(charlie).get(address).json()["results"] == []


@pytest.mark.parametrize("size", ["0", "201", "-1", "x", "1e3", "1000000"])
def test_a_page_has_1_to_200_rows(as_bob: APIClient, size: str) -> None:
    assert as_bob.get(f"{CASES}?page_size={size}").status_code == 400


def test_pages_have_no_numbers(as_bob: APIClient) -> None:
    assert as_bob.get(f"{CASES}?page=2").status_code == 400
