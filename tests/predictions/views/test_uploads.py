import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from predictions.models import Analysis, Case, Image, JobStatus, Laboratory
from predictions.services.images import Submission
from tests.predictions.views.conftest import png

JSON = {"Accept": "application/json"}


def upload(
    client: Client, case: Case, *files: SimpleUploadedFile, **said: str
) -> tuple[int, list[dict[str, str]]]:
    """Send files as the drop zone does; the status, and each file's result."""
    fields: dict[str, Any] = {"spacing": "assumed", "specimen_label": "A", **said}
    response = client.post(
        f"/cases/{case.pk}/upload/", {"file": list(files), **fields}, headers=JSON
    )
    answer = response.json()
    return response.status_code, answer.get("results", [answer])


def file(name: str = "field.png", *, shade: int = 0) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png(shade=shade), "image/png")


class Untouchable:
    """A body that nobody may read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("The body was read.")

    readline = read


def send_untouchable(client: Client, case: Case) -> int:
    body: Any = {"wsgi.input": Untouchable(), "CONTENT_LENGTH": "1000000"}
    response = client.generic(
        "POST",
        f"/cases/{case.pk}/upload/",
        content_type="multipart/form-data; boundary=x",
        headers=JSON,
        **body,
    )
    return response.status_code


def parts_left(settings: Settings) -> list[Path]:
    return list((settings.STORAGE_ROOT / "incoming").glob("*"))


def test_image_is_accepted_and_asked_about(
    as_alice: Client, alice: User, case: Case
) -> None:
    status, [result] = upload(as_alice, case, file("Doe.png"), magnification="20")
    assert status == 201
    image = Image.objects.get()
    assert result["state"] == "accepted"
    assert result["url"] == f"/images/{image.pk}/"
    assert image.filename == "Doe.png"
    assert image.uploaded_by == alice
    assert image.magnification == 20
    assert Analysis.objects.get().status == JobStatus.ACCEPTED


def test_unknown_spacing_takes_the_default_and_says_so(
    as_alice: Client, case: Case
) -> None:
    upload(as_alice, case, file(), spacing="assumed", spacing_um="0.25")
    image = Image.objects.get()
    assert (image.spacing_um, image.spacing_assumed) == (0.5, True)


def test_stated_spacing_is_not_called_assumed(as_alice: Client, case: Case) -> None:
    upload(as_alice, case, file(), spacing="stated", spacing_um="0.25")
    image = Image.objects.get()
    assert (image.spacing_um, image.spacing_assumed) == (0.25, False)


@pytest.mark.parametrize("spacing_um", ["", "nan", "inf", "1e9", "-1", "x"])
def test_stated_spacing_must_be_a_microscopes(
    as_alice: Client, case: Case, spacing_um: str, settings: Settings
) -> None:
    status, [result] = upload(
        as_alice, case, file(), spacing="stated", spacing_um=spacing_um
    )
    assert status == 422
    assert "Spacing (µm/px)" in result["message"]
    assert not Image.objects.exists()
    assert parts_left(settings) == []


def test_duplicate_is_said_and_linked(
    as_alice: Client, case: Case, submit: Callable[..., Submission]
) -> None:
    there = submit().image
    status, [result] = upload(as_alice, case, file("renamed.png"))
    assert status == 409
    assert result["state"] == "duplicate"
    assert result["url"] == f"/images/{there.pk}/"
    assert Image.objects.count() == 1


def test_what_is_no_image_is_refused_in_words(
    as_alice: Client, case: Case, settings: Settings
) -> None:
    text = SimpleUploadedFile("field.png", b"not an image", "image/png")
    status, [result] = upload(as_alice, case, text)
    assert status == 415
    assert result["state"] == "refused"
    assert "PNG, JPEG or TIFF" in result["message"]
    assert parts_left(settings) == []


def test_one_bad_file_does_not_stop_its_neighbours(
    as_alice: Client, case: Case
) -> None:
    bad = SimpleUploadedFile("bad.png", b"not an image", "image/png")
    status, results = upload(as_alice, case, file(shade=1), bad, file(shade=2))
    assert status == 201
    assert [result["state"] for result in results] == [
        "accepted",
        "refused",
        "accepted",
    ]
    assert Image.objects.count() == 2


def test_plain_form_without_scripts_gets_a_page_of_results(
    as_alice: Client, case: Case, submit: Callable[..., Submission]
) -> None:
    there = submit().image
    bad = SimpleUploadedFile("<b>bad.png", b"not an image", "image/png")
    response = as_alice.post(
        f"/cases/{case.pk}/upload/",
        {
            "file": [file(), file(shade=9), bad],
            "spacing": "assumed",
            "specimen_label": "A",
        },
    )
    page = response.content.decode()
    assert response.status_code == 201
    assert f'href="/images/{there.pk}/"' in page
    assert "Accepted for analysis." in page
    assert "&lt;b&gt;bad.png" in page
    assert f'href="/cases/{case.pk}/"' in page


def test_nothing_of_a_strangers_body_is_read(
    client: Client, as_charlie: Client, as_dora: Client, case: Case
) -> None:
    assert send_untouchable(client, case) == 401
    assert send_untouchable(as_charlie, case) == 404
    assert send_untouchable(as_dora, case) == 403


def test_nothing_is_read_once_the_quota_is_used_up(
    as_alice: Client, case: Case
) -> None:
    Laboratory.objects.update(quota_bytes=10)
    assert send_untouchable(as_alice, case) == 507


def test_refused_uploader_is_told_whom_to_ask(as_dora: Client, case: Case) -> None:
    status, [result] = upload(as_dora, case, file())
    assert status == 403
    assert "technician" in result["message"]
    assert not Image.objects.exists()


def test_upload_without_the_pages_token_is_refused(
    alice: User, case: Case, settings: Settings
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post(
        f"/cases/{case.pk}/upload/",
        {"file": file(), "spacing": "assumed", "specimen_label": "A"},
    )
    assert response.status_code == 403
    assert not Image.objects.exists()
    assert parts_left(settings) == []


def test_upload_with_the_pages_token_is_accepted(alice: User, case: Case) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    page = client.get(f"/cases/{case.pk}/").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    status, _ = upload(client, case, file(), csrfmiddlewaretoken=token)
    assert status == 201


def test_upload_without_a_file_says_so(as_alice: Client, case: Case) -> None:
    status, [result] = upload(as_alice, case)
    assert status == 422
    assert "No file was sent" in result["message"]


def test_answer_repeats_no_filename(as_alice: Client, case: Case) -> None:
    _, results = upload(as_alice, case, file("Doe.png"))
    assert "Doe" not in json.dumps(results)
