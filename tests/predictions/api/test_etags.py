"""What is polled is sent once."""

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from predictions.models import Analysis, Case, Image, Priority
from tests.predictions.records import make_analysis


@pytest.fixture
def analysis(image: Image) -> Analysis:
    return make_analysis(image)


def addresses(analysis: Analysis) -> list[str]:
    image = analysis.image
    return [
        "/api/v1/cases",
        f"/api/v1/cases/{image.case_id}",
        f"/api/v1/cases/{image.case_id}/images",
        f"/api/v1/images/{image.pk}",
        "/api/v1/analyses?page_size=1",
        f"/api/v1/analyses/{analysis.pk}",
    ]


def test_what_is_the_same_is_not_sent_again(
    as_bob: APIClient, analysis: Analysis
) -> None:
    for address in addresses(analysis):
        first = as_bob.get(address)
        etag = first["ETag"]
        assert etag.startswith('"'), "strong"
        assert first["Cache-Control"] == "private, no-cache"
        assert "Authorization" in first["Vary"]
        for known in (etag, f'"other", {etag}', "*"):
            again = as_bob.get(address, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again["ETag"] == etag


def test_what_changed_is_sent(as_bob: APIClient, case: Case) -> None:
    address = f"/api/v1/cases/{case.pk}"
    etag = as_bob.get(address)["ETag"]
    Case.objects.update(priority=Priority.URGENT)
    again = as_bob.get(address, headers={"if-none-match": etag})
    assert again.status_code == 200
    assert again.json()["priority"] == "urgent"
    assert again["ETag"] != etag


def test_the_same_row_looks_different_to_its_uploader(
    as_alice: APIClient, as_bob: APIClient, image: Image
) -> None:
    address = f"/api/v1/images/{image.pk}"
    etag = as_alice.get(address)["ETag"]
    assert as_bob.get(address, headers={"if-none-match": etag}).status_code == 200


def test_a_refusal_has_no_etag(as_bob: APIClient, db: None, alice: User) -> None:
    refused = as_bob.get("/api/v1/cases?nonsense=1")
    assert refused.status_code == 400
    assert "ETag" not in refused
    refused = as_bob.get("/api/v1/cases?nonsense=1", headers={"if-none-match": "*"})
    assert refused.status_code == 400
