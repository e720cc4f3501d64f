"""Images by API: accepted one by one or together, shown re-encoded."""

import base64
import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from predictions.models import Analysis, AuditEvent, Case, Image, Laboratory
from predictions.services.storage import store
from tests.predictions.api.conftest import png
from tests.predictions.records import make_image, make_prediction

NOTICE = "Research use only. Not for diagnostic use."


def images_of(case: Case) -> str:
    return f"/api/v1/cases/{case.pk}/images"


def file(content: bytes, name: str = "field.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")


def digest(content: bytes) -> str:
    sha256 = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return f"sha-256=:{sha256}:"


def post_body(
    program: Any, address: str, content: bytes, content_type: str, **headers: str
) -> Any:
    """POST these bytes. `program` is an APIClient, whose stubs want text."""
    return program.generic(
        "POST",
        address,
        content,
        content_type=content_type,
        headers={name.replace("_", "-"): text for name, text in headers.items()},
    )


def send_raw(
    program: APIClient, case: Case, content: bytes, query: str = "", **headers: str
) -> Any:
    return post_body(program, images_of(case) + query, content, "image/png", **headers)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(db: None, settings: Settings) -> Iterator[None]:
    """Whatever a test sends: no part stays, and no file without its row."""
    yield
    root = settings.STORAGE_ROOT
    assert list((root / "incoming").glob("*")) == []
    kept = {path.name for path in (root / "files").glob("*/*")}
    rows = Image.objects.values_list("stored_file", "display_file", "thumbnail_file")
    assert kept <= {str(name) for row in rows for name in row}


# --- Accepting ------------------------------------------------------------------


def test_an_image_is_accepted_and_asked_about(
    as_alice: APIClient, alice: User, case: Case
) -> None:
    content = png()
    response = as_alice.post(
        images_of(case),
        {"file": file(content), "spacing_um": "0.25", "magnification": "40"},
    )
    assert response.status_code == 201, response.content
    (result,) = response.json()["results"]
    assert (result["status"], result["duplicate"], result["problem"]) == (
        201,
        False,
        None,
    )
    shown = result["image"]
    image = Image.objects.get(pk=shown["id"])
    assert image.uploaded_by == alice
    assert store().local(image.stored_file).read_bytes() == content
    assert shown["sha256_received"] == hashlib.sha256(content).hexdigest()
    assert (shown["width_px"], shown["height_px"]) == (96, 64)
    assert (shown["spacing_um"], shown["spacing_assumed"]) == (0.25, False)
    assert (shown["magnification"], shown["specimen"]) == (40, "A")
    assert shown["analysis"]["id"] == str(Analysis.objects.get().pk)
    assert shown["analysis"]["status"] == "accepted"
    assert AuditEvent.objects.filter(action="image.accept", actor="alice").exists()


def test_a_spacing_that_is_not_stated_is_assumed_and_said_so(
    as_alice: APIClient, case: Case
) -> None:
    response = as_alice.post(images_of(case), {"file": file(png())})
    shown = response.json()["results"][0]["image"]
    assert (shown["spacing_um"], shown["spacing_assumed"]) == (0.5, True)


def test_a_duplicate_is_said_and_linked_not_stored_twice(
    as_alice: APIClient, as_bob: APIClient, case: Case
) -> None:
    first = as_alice.post(images_of(case), {"file": file(png(), "name.png")})
    response = as_bob.post(images_of(case), {"file": file(png(), "other.png")})
    assert response.status_code == 200
    (result,) = response.json()["results"]
    assert result["duplicate"] is True
    assert result["image"]["id"] == first.json()["results"][0]["image"]["id"]
    assert result["image"]["filename"] is None  # It is alice's to see.
    assert Image.objects.count() == Analysis.objects.count() == 1


def test_the_same_image_may_be_in_another_case(
    as_alice: APIClient, as_charlie: APIClient, case: Case
) -> None:
    made = as_charlie.post(
        "/api/v1/cases", {"accession_number": "1", "patient": "2"}, format="json"
    ).json()
    another = Case.objects.get(pk=made["id"])
    as_alice.post(images_of(case), {"file": file(png())})
    response = as_charlie.post(images_of(another), {"file": file(png())})
    assert response.status_code == 201


def test_of_several_files_each_has_a_status_of_its_own(
    as_alice: APIClient, case: Case
) -> None:
    as_alice.post(images_of(case), {"file": file(png((1, 2, 3)))})
    files = [
        file(png(), "first.png"),
        file(b"no image at all", "second.png"),
        file(png((1, 2, 3)), "third.png"),
        file(b"", "fourth.png"),
        file(png((9, 9, 9)), "fifth.png"),
    ]
    response = as_alice.post(images_of(case), {"file": files})
    assert response.status_code == 207
    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 415, 200, 422, 201]
    assert [result["filename"] for result in results] == [
        f"{name}.png" for name in ("first", "second", "third", "fourth", "fifth")
    ]
    assert results[1]["image"] is None
    assert results[1]["problem"]["type"] == "/api/v1/problems/unknown_format"
    assert Image.objects.count() == 3


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"", "empty.png", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "x.svg", 415),
        (b"%PDF-1.7", "x.png", 415),
        (png()[:60], "cut.png", 422),
        (png(), "page.html", 415),
    ],
)
def test_one_file_that_is_refused_is_a_problem(
    as_alice: APIClient, case: Case, content: bytes, name: str, status: int
) -> None:
    response = as_alice.post(images_of(case), {"file": file(content, name)})
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]
    assert not Image.objects.exists()


def test_a_file_that_is_too_long_is_refused(
    as_alice: APIClient, case: Case, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 50
    response = as_alice.post(images_of(case), {"file": file(png())})
    assert response.status_code == 413
    assert send_raw(as_alice, case, png()).status_code == 413
    assert not Image.objects.exists()


def test_a_used_up_quota_is_said(
    as_alice: APIClient, case: Case, laboratory: Laboratory
) -> None:
    Laboratory.objects.filter(pk=laboratory.pk).update(quota_bytes=10)
    response = as_alice.post(images_of(case), {"file": file(png())})
    assert response.status_code == 507
    assert "quota" in response.json()["detail"]


def test_a_full_disk_is_said(
    as_alice: APIClient, case: Case, settings: Settings
) -> None:
    settings.MIN_FREE_BYTES = 10**18
    response = as_alice.post(images_of(case), {"file": file(png())})
    assert response.status_code == 507


def test_an_administrator_of_people_uploads_nothing(
    as_dora: APIClient, case: Case
) -> None:
    response = as_dora.post(images_of(case), {"file": file(png())})
    assert response.status_code == 403


def test_another_laboratory_s_case_is_not_there(
    as_charlie: APIClient, case: Case
) -> None:
    response = as_charlie.post(images_of(case), {"file": file(png())})
    assert response.status_code == 404
    assert not Image.objects.exists()


def test_a_form_without_a_file_is_refused(as_alice: APIClient, case: Case) -> None:
    response = as_alice.post(images_of(case), {"spacing_um": "0.5"})
    assert response.status_code == 422
    assert "'file'" in response.json()["detail"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spacing_um", "nan"),
        ("spacing_um", "inf"),
        ("spacing_um", "-1"),
        ("spacing_um", "0"),
        ("spacing_um", "1e9"),
        ("spacing_um", "wide"),
        ("magnification", "nan"),
        ("magnification", "0"),
        ("specimen", "A\nB"),
        ("specimen", "A" * 65),
        ("specimen", ""),
    ],
)
def test_what_is_said_about_a_file_must_make_sense(
    as_alice: APIClient, case: Case, name: str, text: str
) -> None:
    response = as_alice.post(images_of(case), {"file": file(png()), name: text})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {name}
    assert not Image.objects.exists()


def test_what_nobody_may_choose_is_not_chosen(
    as_alice: APIClient, case: Case, bob: User
) -> None:
    wished = {
        "id": str(uuid.uuid4()),
        "uploaded_by": str(bob.pk),
        "sha256_stored": "0" * 64,
        "status": "succeeded",
        "model_name": "another",
    }
    response = as_alice.post(images_of(case), {"file": file(png()), **wished})
    shown = response.json()["results"][0]["image"]
    assert shown["id"] != wished["id"]
    assert shown["uploaded_by"] == "alice"
    assert shown["sha256_stored"] != wished["sha256_stored"]
    assert shown["analysis"]["status"] == "accepted"
    assert shown["analysis"]["model_name"] == django_settings.SERVING_MODEL


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/octet-stream", "image/svg+xml", "text/html", ""],
)
def test_another_type_of_body_is_refused(
    as_alice: APIClient, case: Case, content_type: str
) -> None:
    response = post_body(as_alice, images_of(case), png(), content_type)
    assert response.status_code == 415


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd"])
def test_a_compressed_body_is_refused(
    as_alice: APIClient, case: Case, encoding: str
) -> None:
    assert send_raw(as_alice, case, png(), content_encoding=encoding).status_code == 415


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x\r\nContent-Disposition: form-data; name=file"]
)
def test_a_broken_form_is_no_fault_of_ours(
    as_alice: APIClient, case: Case, body: bytes
) -> None:
    response = post_body(
        as_alice, images_of(case), body, "multipart/form-data; boundary=x"
    )
    assert response.status_code in {400, 422}
    response = post_body(as_alice, images_of(case), body, "multipart/form-data")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_too_many_files_are_refused(
    as_alice: APIClient, case: Case, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    files = [file(png((n, n, n))) for n in range(4)]
    response = as_alice.post(images_of(case), {"file": files})
    assert response.status_code == 400
    assert not Image.objects.exists()


# --- One image that is the body itself -------------------------------------------


def test_an_image_may_be_the_body_itself(as_alice: APIClient, case: Case) -> None:
    content = png()
    response = send_raw(
        as_alice,
        case,
        content,
        "?spacing_um=0.25&magnification=40&specimen=B2&filename=my.png",
        content_digest=digest(content),
    )
    assert response.status_code == 201, response.content
    (result,) = response.json()["results"]
    assert result["filename"] == result["image"]["filename"] == "my.png"
    assert result["image"]["spacing_um"] == 0.25
    assert result["image"]["specimen"] == "B2"
    image = Image.objects.get()
    assert store().local(image.stored_file).read_bytes() == content


def test_a_body_that_is_not_what_was_sent_leaves_nothing(
    as_alice: APIClient, case: Case
) -> None:
    response = send_raw(as_alice, case, png(), content_digest=digest(b"another"))
    assert response.status_code == 422
    assert response.json()["type"] == "/api/v1/problems/digest_mismatch"
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    "header", ["sha-256=abc", "sha-256=:YWJj:", "md5=:YWJj:", "", "sha-256=:%%%:"]
)
def test_a_digest_that_cannot_be_checked_is_not_passed_over(
    as_alice: APIClient, case: Case, header: str
) -> None:
    response = send_raw(as_alice, case, png(), content_digest=header)
    assert response.status_code == 400


def test_a_digest_is_found_among_others(as_alice: APIClient, case: Case) -> None:
    both = f"md5=:YWJj:, {digest(png())}"
    assert send_raw(as_alice, case, png(), content_digest=both).status_code == 201


def test_a_digest_of_a_form_is_refused_since_nobody_checks_it(
    as_alice: APIClient, case: Case
) -> None:
    response = as_alice.post(
        images_of(case),
        {"file": file(png())},
        headers={"content-digest": digest(png())},
    )
    assert response.status_code == 400
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    "query", ["?spacing_um=nan", "?specimen=A%00", "?magnification=x"]
)
def test_what_is_said_in_the_address_must_make_sense(
    as_alice: APIClient, case: Case, query: str
) -> None:
    assert send_raw(as_alice, case, png(), query).status_code == 400
    assert not Image.objects.exists()


# --- Seeing -----------------------------------------------------------------------


def test_the_images_of_a_case_stand_with_their_newest_answer(
    as_bob: APIClient, image: Image
) -> None:
    prediction = make_prediction(image)
    answer = as_bob.get(images_of(image.case)).json()
    (shown,) = answer["results"]
    assert shown["analysis"]["prediction"] == {
        "analysis": str(prediction.pk),
        "outcome": "malignant",
        "probability": 0.93,
        "refusal_reason": "",
        "interval_low": None,
        "interval_high": None,
        "void": False,
        "review": None,
        "model": {"name": "breast-mil", "version": 1, "sha256": "ab" * 32},
        "notice": NOTICE,
        "tissue": 0.99,
        "spacing_um": 0.5,
        "spacing_assumed": False,
        "input_sha256": image.sha256_stored,
        "heatmap": None,
        "created_at": prediction.created_at.isoformat().replace("+00:00", "Z"),
    }


def test_a_filename_is_for_its_uploader_s_eyes_only(
    as_alice: APIClient, as_bob: APIClient, image: Image
) -> None:
    address = f"/api/v1/images/{image.pk}"
    assert as_alice.get(address).json()["filename"] == "field.png"
    assert as_bob.get(address).json()["filename"] is None


def test_images_take_the_same_few_queries_however_many(
    as_alice: APIClient, alice: User, case: Case
) -> None:
    as_alice.get(images_of(case))  # The token's first use this hour is noted.
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_prediction(make_image(case, alice))
        with CaptureQueriesContext(connection) as queries:
            assert as_alice.get(images_of(case)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_an_image_is_not_written_over(
    as_alice: APIClient, image: Image, method: str
) -> None:
    ask = getattr(as_alice, method)
    response = ask(f"/api/v1/images/{image.pk}", {"filename": "x"}, format="json")
    assert response.status_code == 405


@pytest.mark.parametrize("name", ["thumbnail", "display"])
def test_a_picture_is_re_encoded_and_named_by_accession_number(
    as_alice: APIClient, as_bob: APIClient, case: Case, name: str
) -> None:
    sent = as_alice.post(images_of(case), {"file": file(png(), "Jane Doe.png")})
    shown = sent.json()["results"][0]["image"]
    response = as_bob.get(shown[name], headers={"accept": "image/webp"})
    assert response.status_code == 200
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "private" in response["Cache-Control"]
    assert "S26-0001" in response["Content-Disposition"]
    assert "Jane" not in response["Content-Disposition"]
    content = response.getvalue()
    assert content.startswith(b"\xff\xd8")
    again = as_bob.get(shown[name], headers={"if-none-match": response["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["thumbnail", "display"])
def test_a_picture_that_is_missing_is_not_there(
    as_alice: APIClient, image: Image, name: str
) -> None:
    response = as_alice.get(f"/api/v1/images/{image.pk}/{name}")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
