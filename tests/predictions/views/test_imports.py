"""The import's page, and what its script asks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from predictions.models import AuditEvent, Case, Image, Laboratory, Role
from predictions.services.laboratories import add_member
from predictions.services.manifests import MAX_BYTES
from tests.predictions.views.conftest import browser_of, png
from tests.predictions.views.test_uploads import Untouchable

JSON = {"Accept": "application/json"}
LIST = (
    b"file,accession_number,patient_code,spacing_um,magnification\n"
    b"a.png,S26-7,P-7,0.25,40\n"
    b"gone.png,S26-8,P-8,,\n"
)


@pytest.fixture
def ask(as_alice: Client, laboratory: Laboratory) -> Callable[..., Any]:
    """Ask as the page's script does; the status and the answer."""

    def ask(
        to: str = "check",
        *,
        manifest: bytes = LIST,
        folder: object = (("a.png", 9), ("spare.png", 9)),
        client: Client = as_alice,
        **said: str,
    ) -> tuple[int, Any]:
        sent: dict[str, Any] = {
            "laboratory": str(laboratory.pk),
            "manifest": SimpleUploadedFile("manifest", manifest),
            **said,
        }
        if folder is not None:
            content = (
                folder if isinstance(folder, bytes) else json.dumps(folder).encode()
            )
            sent["folder"] = SimpleUploadedFile("folder", content)
        response = client.post(f"/import/{to}/", sent, headers=JSON)
        return response.status_code, response.json()

    return ask


def test_the_worklist_leads_to_the_import(as_alice: Client) -> None:
    assert 'href="/import/"' in as_alice.get("/cases/").content.decode()
    page = as_alice.get("/import/").content.decode()
    assert "Import a folder" in page
    assert 'type="hidden" name="laboratory"' in page
    assert "examples/import.csv" in page


def test_who_works_in_two_laboratories_chooses(
    as_alice: Client, alice: User, elsewhere: Laboratory
) -> None:
    add_member(laboratory=elsewhere, user=alice, role=Role.TECHNICIAN)
    page = as_alice.get("/import/").content.decode()
    assert '<select name="laboratory"' in page
    assert "South" in page


def test_an_administrator_is_told_whom_to_ask(as_dora: Client) -> None:
    page = as_dora.get("/import/").content.decode()
    assert "Ask a technician or a pathologist" in page
    assert "<form id" not in page


def test_the_check_says_what_would_happen_and_stores_nothing(
    ask: Callable[..., Any],
) -> None:
    status, plan = ask()
    assert status == 200
    first, second = plan["rows"]
    assert (first["action"], first["words"]) == ("opens", "Opens the case S26-7.")
    assert (first["found"], first["upload"]) == ("a.png", "")
    assert second["action"] == "refused"
    assert "not in the folder" in second["words"]
    assert plan["unnamed"] == ["spare.png"]
    assert plan["counts"] == {"opens": 1, "adds": 0, "refused": 1}
    assert not Case.objects.exists()
    assert not AuditEvent.objects.filter(action__startswith="import").exists()


def test_a_list_alone_is_checked_without_its_files(ask: Callable[..., Any]) -> None:
    _, plan = ask(folder=None)
    assert plan["counts"] == {"opens": 2, "adds": 0, "refused": 0}


def test_opened_cases_take_the_files_as_the_list_says(
    ask: Callable[..., Any], as_alice: Client
) -> None:
    status, plan = ask("open")
    case = Case.objects.get()
    first, second = plan["rows"]
    assert status == 200
    assert first["case"] == f"/cases/{case.pk}/"
    assert (second["case"], second["upload"]) == ("", "")
    file = SimpleUploadedFile("a.png", png())
    sent = as_alice.post(first["upload"], {"file": file, **first["said"]}, headers=JSON)
    assert sent.status_code == 201
    image = Image.objects.get()
    assert (image.spacing_um, image.magnification) == (0.25, 40)


def test_the_same_import_again_opens_nothing(ask: Callable[..., Any]) -> None:
    _, first = ask("open")
    _, again = ask("open")
    assert again["rows"][0]["upload"] == first["rows"][0]["upload"]
    assert again["counts"]["opens"] == 0
    assert Case.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"manifest": b"colour\n"}, 422, "Rename or remove “colour”"),
        ({"manifest": b"x" * (MAX_BYTES + 1)}, 413, "larger than 2 MB"),
        ({"folder": b"[1, 2]"}, 422, "The folder could not be read"),
        ({"folder": b"[" * 100_000}, 422, "The folder could not be read"),
        ({"folder": b'[["a.png", 1e999]]'}, 422, "The folder could not be read"),
        (
            {"folder": [[f"{n}.png", 1] for n in range(20_001)]},
            422,
            "more than 20,000 files",
        ),
        ({"laboratory": "x"}, 422, "Choose a laboratory of yours."),
        ({"laboratory": ""}, 422, "Choose a laboratory of yours."),
    ],
)
def test_what_cannot_be_checked_is_refused_in_words(
    ask: Callable[..., Any], sent: dict[str, Any], status: int, words: str
) -> None:
    answered, answer = ask(**sent)
    assert answered == status
    assert words in answer["message"]


def test_nothing_is_imported_into_another_laboratory(
    ask: Callable[..., Any], as_charlie: Client, as_dora: Client
) -> None:
    assert ask("open", client=as_charlie)[0] == 422
    assert ask("open", client=as_dora)[0] == 403
    assert not Case.objects.exists()


def test_another_laboratorys_cases_are_not_told(
    ask: Callable[..., Any], as_charlie: Client, elsewhere: Laboratory, case: Case
) -> None:
    manifest = b"file,accession_number,patient_code\na.png,S26-0001,P-2\n"
    _, plan = ask(manifest=manifest, client=as_charlie, laboratory=str(elsewhere.pk))
    assert plan["rows"][0]["words"] == "Opens the case S26-0001."


@pytest.mark.parametrize("to", ["check", "open"])
def test_nothing_of_a_strangers_list_is_read(
    to: str, client: Client, as_dora: Client
) -> None:
    body: dict[str, Any] = {"wsgi.input": Untouchable(), "CONTENT_LENGTH": "1000000"}
    for stranger, status in ((client, 401), (as_dora, 403)):
        response = stranger.generic(
            "POST",
            f"/import/{to}/",
            content_type="multipart/form-data; boundary=x",
            headers=JSON,
            **body,
        )
        assert response.status_code == status


def test_an_import_without_the_pages_token_is_refused(
    ask: Callable[..., Any], alice: User
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post("/import/open/", {"manifest": SimpleUploadedFile("m", LIST)})
    assert response.status_code == 403
    page = client.get("/import/").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    assert ask("open", client=client, csrfmiddlewaretoken=token)[0] == 200


def test_a_disabled_account_imports_nothing(
    ask: Callable[..., Any], alice: User, laboratory: Laboratory
) -> None:
    client = browser_of(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    status, answer = ask("open", client=client)
    assert status == 401
    assert "You are signed out." in answer["message"]
