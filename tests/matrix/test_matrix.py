"""Every address x everybody. An address without a row fails here."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.matrix.__main__ import PAGE, page
from tests.matrix.addresses import addresses, methods_of
from tests.matrix.cast import WHO, Cast, gather
from tests.matrix.rows import ROWS, UPLOADS, Row


@pytest.fixture(autouse=True)
def installation(settings: Settings, tmp_path: Path) -> None:
    """Plain HTTP, files of this test's own, static files as they lie in the tree."""
    settings.SECURE_SSL_REDIRECT = False
    settings.STORAGE_ROOT = tmp_path / "files"
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }


@pytest.fixture
def cast(db: None) -> Cast:
    return gather()


def test_every_address_of_portal_and_api_has_its_row() -> None:
    named = {row.name for row in ROWS} | UPLOADS
    known = {name for name in addresses() if not name.startswith("admin")}
    assert known == named


def test_every_method_of_the_api_has_its_row() -> None:
    rows = {(row.name, row.method) for row in ROWS}
    missing = {
        (name, method)
        for name, pattern in addresses().items()
        if name.startswith("api:") and name not in UPLOADS
        for method in methods_of(pattern)
    } - rows
    assert missing == {("api:case-images", "POST")}  # With a file: below.


def test_the_page_of_the_matrix_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "Run: python -m tests.matrix"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_everybody_is_answered_as_the_row_says(cast: Cast, row: Row) -> None:
    answered = {}
    for who in WHO:
        with undone():
            answered[who], _ = ask(cast, who, row)
    assert answered == dict(zip(WHO, map(int, row.statuses.split()), strict=True))


@contextmanager
def undone() -> Iterator[None]:
    """A while that leaves nothing: nobody finds what the one before did."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


def ask(cast: Cast, who: str, row: Row) -> tuple[int, bytes]:
    """The status and what is shown."""
    program = row.name.startswith("api:")
    client = cast.program(who) if program else cast.browser(who)
    return send(client, row, cast.records)


def send(client: Client, row: Row, records: dict[str, Any]) -> tuple[int, bytes]:
    """Ask; what is sent may name records as {case}."""
    args = [records[name].pk for name in row.ids.split()]
    address = reverse(row.name, args=args)
    sent = {name: _filled(value, records) for name, value in row.sent.items()}
    if row.name.startswith("api:") and row.method != "GET":
        response: Any = client.generic(
            row.method, address, json.dumps(sent), content_type="application/json"
        )
    else:
        response = getattr(client, row.method.lower())(address, sent)
    # To its end: that closes a file.
    shown = b"".join(response) if response.streaming else response.content
    return response.status_code, shown


def _filled(value: Any, records: dict[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return str(records[value[1:-1]].pk)
    return value


def test_somebody_else_s_rows_are_in_no_list(cast: Cast) -> None:
    """Nor does any of them tell the accession number or the id of a case."""
    case = cast.records["case"]
    for address in lists(cast):
        for client in (cast.browser("elsewhere"), cast.program("elsewhere")):
            response: Any = client.get(address)
            shown = b"".join(response) if response.streaming else response.content
            assert case.accession_number.encode() not in shown, address
            assert str(case.pk).encode() not in shown, address


def lists(cast: Cast) -> Iterator[str]:
    """Every list, also narrowed by somebody else's ids and numbers."""
    case, image = cast.records["case"], cast.records["image"]
    person = cast.people["technician"].pk
    for row in ROWS:
        if row.method == "GET" and not row.ids:
            yield reverse(row.name)
    yield f"/api/v1/analyses?case={case.pk}"
    yield f"/api/v1/analyses?image={image.pk}"
    yield f"/cases/?assignee={person}"
    yield f"/cases/?laboratory={cast.laboratory.pk}"


# What is sent names a record of another laboratory: refused, and nothing is done.
FOREIGN = [
    Row(
        "POST",
        "api:case-list",
        "404",
        {
            "accession_number": "S26-0009",
            "patient": "P-9",
            "laboratory": "{other_laboratory}",
        },
    ),
    Row("PATCH", "api:case-detail", "400", {"assignee": "charlie"}, ids="case"),
    Row(
        "POST",
        "api:image-move",
        "404",
        {"reason": "Of another.", "case": "{foreign_case}"},
        ids="image",
    ),
    Row(
        "POST",
        "image-move",
        "422",
        {"reason": "Of another.", "to_case": "{foreign_case}"},
        ids="image",
    ),
    Row(
        "POST",
        "api:imports",
        "404",
        {
            "manifest": "file,accession_number,patient_code\na.png,S,P\n",
            "laboratory": "{other_laboratory}",
        },
    ),
]


@pytest.mark.parametrize("row", FOREIGN, ids=str)
def test_an_id_of_elsewhere_in_a_body_is_not_there(cast: Cast, row: Row) -> None:
    foreign_case = cast.records["foreign_case"]
    before = foreign_case.images.count()
    status, shown = ask(cast, "technician", row)
    assert status == int(row.statuses), shown
    assert foreign_case.images.count() == before
    assert foreign_case.accession_number.encode() not in shown


def test_a_bulk_action_leaves_somebody_else_s_cases_alone(cast: Cast) -> None:
    row = Row("POST", "case-bulk", "404", {"case": "{foreign_case}", "do": "mine"})
    status, _ = ask(cast, "technician", row)
    assert status == 404
    foreign_case = cast.records["foreign_case"]
    foreign_case.refresh_from_db()
    assert foreign_case.assignee is None
