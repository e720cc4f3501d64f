"""The hostile set through the front door: said what its manifest asks, never a 5xx."""

import csv
import hashlib
import json
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from benchmarks.hostile import Verdict, is_ours
from predictions.models import Case, Image
from predictions.services.storage import store
from tests.data import TEST_DATA, needs_test_data
from tests.predictions.api.conftest import png

FOLDER = TEST_DATA / "hostile"
BOUNDARY = "a-boundary-of-the-test"


def send(
    program: APIClient, case: Case, content: bytes, name: bytes
) -> tuple[int, str]:
    """Upload under that very name, as a raw form; the status, and the image's id."""
    head = b'Content-Disposition: form-data; name="file"; filename="' + name + b'"'
    edge = f"--{BOUNDARY}".encode()
    body = b"\r\n".join([edge, head, b"", content, edge + b"--", b""])
    response = program.generic(
        "POST",
        f"/api/v1/cases/{case.pk}/images",
        body,  # type: ignore[arg-type]  # Its stubs want text; a body is bytes.
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
    )
    if response.status_code in {200, 201}:
        return response.status_code, response.json()["results"][0]["image"]["id"]
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]
    return response.status_code, ""


def manifest() -> list[dict[str, str]]:
    with (FOLDER / "MANIFEST.tsv").open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def assert_clean(program: APIClient, image_id: str) -> None:
    """What a browser is shown is a JPEG of our own, without a word of metadata."""
    for name in ("display", "thumbnail"):
        response = program.get(f"/api/v1/images/{image_id}/{name}")
        content: bytes = response.getvalue()
        assert response["Content-Type"] == "image/jpeg"
        assert content.startswith(b"\xff\xd8\xff")
        assert not any(mark in content[:4096] for mark in (b"Exif", b"<x:xmp", b"ICC_"))


@pytest.mark.timeout(900)
@needs_test_data("hostile/MANIFEST.tsv")
def test_every_hostile_file_is_answered_as_its_manifest_asks(
    as_alice: APIClient, case: Case, settings: Settings
) -> None:
    settings.API_WRITES_PER_MINUTE = 10_000  # All of them by one person, at once.
    otherwise = []
    for row in manifest():
        content = (FOLDER / row["file"]).read_bytes()
        name = Path(row["file"]).name.encode()
        status, image_id = send(as_alice, case, content, name)
        verdict = Verdict(
            file=row["file"],
            expected=row["expected"],
            got="accept" if image_id else str(status),
            code="",
            wall_s=0,
        )
        if image_id:
            image = Image.objects.get(pk=image_id)
            stored = store().local(image.stored_file).read_bytes()
            assert hashlib.sha256(stored).hexdigest() == row["sha256"]
            assert_clean(as_alice, image_id)
        if not verdict.is_as_expected:
            otherwise.append(verdict)
    # A 415 of what is no PNG, JPEG or TIFF, where a reader of it would say 413 or 422.
    assert [v for v in otherwise if v.got != "415" or is_ours(FOLDER, v.file)] == []
    assert list((settings.STORAGE_ROOT / "incoming").iterdir()) == []


@needs_test_data("hostile/FILENAMES.json")
def test_every_hostile_name_is_a_label_and_no_path(
    as_alice: APIClient, as_bob: APIClient, case: Case, settings: Settings
) -> None:
    names = json.loads((FOLDER / "FILENAMES.json").read_text())["names"]
    statuses = set()
    for number, name in enumerate(names):
        content = png((number, 255 - number, 128))
        status, image_id = send(
            as_alice, case, content, name.encode("utf-8", "surrogatepass")
        )
        statuses.add(status)
        if not image_id:
            continue
        shown = as_alice.get(f"/api/v1/images/{image_id}").json()["filename"]
        assert not {"/", "\\", "\0", "\r", "\n"} & set(shown)
        assert as_bob.get(f"/api/v1/images/{image_id}").json()["filename"] is None
    assert statuses == {201, 400, 415, 422}
    stored = [path.name for path in (settings.STORAGE_ROOT / "files").glob("*/*")]
    assert len(stored) == 3 * Image.objects.count()
    assert all(len(name) == 36 for name in stored)
