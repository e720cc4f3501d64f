"""The same request with the same key is done once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from predictions.models import Analysis, AuditEvent, Case, Image, Repeat
from tests.predictions.api.conftest import png
from tests.predictions.api.test_images import file, images_of, send_raw
from tests.predictions.api.web import Web, token_of
from tests.predictions.records import make_prediction

CASES = "/api/v1/cases"
NEW = {"accession_number": "S26-0002", "patient": "P-0002"}
KEY = {"idempotency-key": "a key of mine"}
REUSED = "/api/v1/problems/idempotency_key_reused"


def test_the_same_request_is_answered_the_same_and_done_once(
    as_alice: APIClient,
) -> None:
    first = as_alice.post(CASES, NEW, format="json", headers=KEY)
    again = as_alice.post(CASES, NEW, format="json", headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Case.objects.count() == 1
    assert AuditEvent.objects.filter(action="case.open").count() == 1


def test_another_body_or_address_with_the_same_key_is_refused(
    as_alice: APIClient, image: Image
) -> None:
    make_prediction(image)
    as_alice.post(CASES, NEW, format="json", headers=KEY)
    other = {**NEW, "patient": "P-0003"}
    for address, body in (
        (CASES, other),
        (f"{CASES}?x=1", NEW),
        (f"/api/v1/images/{image.pk}/spacing", NEW),
    ):
        response = as_alice.post(address, body, format="json", headers=KEY)
        assert response.status_code == 409
        assert response.json()["type"] == REUSED


def test_what_was_refused_can_be_asked_again_with_its_key(
    as_alice: APIClient, image: Image
) -> None:
    answered = make_prediction(image)
    again = f"/api/v1/analyses/{answered.pk}/again"
    assert as_alice.post(again).status_code == 201
    assert as_alice.post(again, headers=KEY).status_code == 409
    assert not Repeat.objects.exists()
    Analysis.objects.cancel(Analysis.objects.get(status="accepted").pk)
    assert as_alice.post(again, headers=KEY).status_code == 201
    assert as_alice.post(again, headers=KEY)["Idempotent-Replayed"] == "true"


def test_a_key_is_its_owner_s(as_alice: APIClient, as_bob: APIClient) -> None:
    as_alice.post(CASES, NEW, format="json", headers=KEY)
    other = {**NEW, "accession_number": "S26-0003"}
    assert as_bob.post(CASES, other, format="json", headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 129, "ключ", "a\tb"])
def test_a_key_that_is_none_is_refused(as_alice: APIClient, key: str) -> None:
    response = as_alice.post(
        CASES, NEW, format="json", HTTP_IDEMPOTENCY_KEY=key.encode().decode("latin-1")
    )
    assert response.status_code == 400
    assert response.json()["type"] == "/api/v1/problems/idempotency_key_unusable"
    assert not Case.objects.exists()


def test_a_body_that_is_too_long_is_not_read_for_its_key(as_alice: APIClient) -> None:
    body = {**NEW, "note": "x" * 2_000_000}
    response = as_alice.post(CASES, body, format="json", headers=KEY)
    assert response.status_code == 413


# --- Uploads ----------------------------------------------------------------


def test_an_upload_is_accepted_once(as_alice: APIClient, case: Case) -> None:
    first = send_raw(as_alice, case, png(), idempotency_key="k")
    again = send_raw(as_alice, case, png(), idempotency_key="k")
    assert first.status_code == again.status_code == 201, "and not 200, a duplicate"
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Image.objects.count() == 1


def test_a_form_is_known_by_its_files_and_fields(
    as_alice: APIClient, case: Case
) -> None:
    def send(content: bytes, **said: str) -> int:
        body = {"file": file(content), **said}
        return as_alice.post(images_of(case), body, headers=KEY).status_code

    assert send(png()) == 201
    assert send(png()) == 201
    assert send(png(), spacing_um="0.25") == 409
    assert send(png((1, 2, 3))) == 409
    assert Image.objects.count() == 1


def test_of_several_files_only_the_refused_are_tried_again(
    as_alice: APIClient, case: Case
) -> None:
    def send() -> Any:
        files = [file(png(), "a.png"), file(b"none", "b.png"), file(png((1, 2, 3)))]
        return as_alice.post(images_of(case), {"file": files}, headers=KEY)

    first, again = send(), send()
    statuses = [result["status"] for result in first.json()["results"]]
    assert statuses == [201, 415, 201]
    statuses = [result["status"] for result in again.json()["results"]]
    assert statuses == [201, 415, 201]
    assert Image.objects.count() == 2
    response = as_alice.post(
        images_of(case), {"file": [file(png()), file(png((9, 9, 9)))]}, headers=KEY
    )
    assert response.status_code == 409
    assert response.json()["type"] == REUSED


# --- At once, on the real web server ----------------------------------------


def test_twenty_at_once_make_one_row(web: Web) -> None:
    name, _, secret = token_of(web.case.created_by).partition(": ")
    headers = {name: secret, "Idempotency-Key": "one of twenty"}

    def post(_: int) -> httpx.Response:
        address = f"http://127.0.0.1:{web.port}{CASES}"
        return httpx.post(address, json=NEW, headers=headers, timeout=60)

    with ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert sorted(replayed, key=str) == [None, *["true"] * 19]
    assert Case.objects.filter(accession_number="S26-0002").count() == 1
    assert Repeat.objects.count() == 1


def test_twenty_uploads_at_once_make_one_image(web: Web) -> None:
    name, _, secret = token_of(web.case.created_by).partition(": ")
    headers = {name: secret, "Idempotency-Key": "k", "Content-Type": "image/png"}

    def post(_: int) -> httpx.Response:
        address = f"http://127.0.0.1:{web.port}{images_of(web.case)}"
        return httpx.post(address, content=png(), headers=headers, timeout=60)

    with ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert Image.objects.count() == Analysis.objects.count() == 1
