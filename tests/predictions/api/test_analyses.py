"""Analyses and predictions by API."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from predictions.models import Analysis, Case, Image, JobStatus, Outcome
from predictions.services.storage import store
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_prediction,
    make_running,
)

ANALYSES = "/api/v1/analyses"
PREDICTIONS = "/api/v1/predictions"
NOTICE = "Research use only. Not for diagnostic use."


def test_an_analysis_that_waits_has_no_prediction(
    as_bob: APIClient, image: Image
) -> None:
    analysis = make_analysis(image)
    shown = as_bob.get(f"{ANALYSES}/{analysis.pk}").json()
    assert shown["status"] == "accepted"
    assert shown["prediction"] is None
    assert (shown["image"], shown["case"]) == (str(image.pk), str(image.case_id))
    assert shown["asked_by"] == "alice"


def test_a_failure_says_why(as_bob: APIClient, image: Image) -> None:
    analysis = make_failed(image, reason="The file is missing. Upload it again.")
    shown = as_bob.get(f"{ANALYSES}/{analysis.pk}").json()
    assert shown["status"] == "failed"
    assert shown["failure_reason"] == "The file is missing. Upload it again."


def test_nothing_of_the_lease_is_shown(as_bob: APIClient, image: Image) -> None:
    analysis = make_running(image)
    response = as_bob.get(f"{ANALYSES}/{analysis.pk}")
    assert str(analysis.token) not in response.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 3),
        ("status=failed", 1),
        ("status=succeeded", 1),
        ("status=running", 0),
        ("image={image}", 1),
        ("case={case}", 3),
        ("image=0d45181f-9844-4a56-95d1-5fdfeadf08ab", 0),
        ("ordering=created_at", 3),
        ("page_size=2", 2),
    ],
)
def test_a_list_can_be_narrowed(
    as_bob: APIClient, image: Image, alice: User, query: str, expected: int
) -> None:
    make_analysis(image)
    make_failed(make_image(image.case, alice))
    make_prediction(make_image(image.case, alice))
    asked = query.format(image=image.pk, case=image.case_id)
    assert len(as_bob.get(f"{ANALYSES}?{asked}").json()["results"]) == expected


@pytest.mark.parametrize(
    "query",
    [
        "asked_by__password__startswith=p",
        "token=x",
        "image=1",
        "status=done",
        "ordering=token",
        "image__case__laboratory__name=North",
    ],
)
def test_a_list_knows_no_other_way(as_bob: APIClient, db: None, query: str) -> None:
    assert as_bob.get(f"{ANALYSES}?{query}").status_code == 400


def test_a_list_takes_the_same_few_queries_however_long(
    as_bob: APIClient, alice: User, case: Case
) -> None:
    as_bob.get(ANALYSES)  # The token's first use this hour is noted.
    counts = []
    for _ in range(2):
        for _ in range(4):
            make_prediction(make_image(case, alice))
        with CaptureQueriesContext(connection) as queries:
            assert as_bob.get(ANALYSES).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


def test_asking_again_makes_a_new_row_that_points_back(
    as_bob: APIClient, image: Image
) -> None:
    failed = make_failed(image)
    response = as_bob.post(f"{ANALYSES}/{failed.pk}/again")
    assert response.status_code == 201
    shown = response.json()
    assert shown["again_after"] == str(failed.pk)
    assert (shown["status"], shown["asked_by"]) == ("accepted", "bob")
    failed.refresh_from_db()
    assert failed.status == JobStatus.FAILED


@pytest.mark.parametrize("unfinished", [make_analysis, make_running])
def test_asking_again_meanwhile_names_what_is_under_way(
    as_bob: APIClient, image: Image, unfinished: Callable[[Image], Analysis]
) -> None:
    analysis = unfinished(image)
    response = as_bob.post(f"{ANALYSES}/{analysis.pk}/again")
    assert response.status_code == 409
    assert response.json()["analysis"] == str(analysis.pk)


@pytest.mark.parametrize("unfinished", [make_analysis, make_running])
def test_what_is_not_finished_can_be_cancelled(
    as_bob: APIClient, image: Image, unfinished: Callable[[Image], Analysis]
) -> None:
    analysis = unfinished(image)
    response = as_bob.post(f"{ANALYSES}/{analysis.pk}/cancel")
    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"
    assert as_bob.post(f"{ANALYSES}/{analysis.pk}/cancel").status_code == 409


@pytest.mark.parametrize("verb", ["again", "cancel"])
def test_an_administrator_of_people_neither_asks_nor_cancels(
    as_dora: APIClient, image: Image, verb: str
) -> None:
    analysis = make_analysis(image)
    assert as_dora.post(f"{ANALYSES}/{analysis.pk}/{verb}").status_code == 403
    analysis.refresh_from_db()
    assert analysis.status == JobStatus.ACCEPTED


@pytest.mark.parametrize("verb", ["again", "cancel"])
def test_nothing_changes_by_looking(as_bob: APIClient, image: Image, verb: str) -> None:
    analysis = make_analysis(image)
    assert as_bob.get(f"{ANALYSES}/{analysis.pk}/{verb}").status_code == 405
    assert Analysis.objects.get().status == JobStatus.ACCEPTED


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("kind", ["analyses", "predictions"])
def test_the_record_is_not_written_over(
    as_bob: APIClient, image: Image, method: str, kind: str
) -> None:
    prediction = make_prediction(image)
    ask = getattr(as_bob, method)
    wished = {"status": "failed", "outcome": "benign", "probability": 0}
    response = ask(f"/api/v1/{kind}/{prediction.pk}", wished, format="json")
    assert response.status_code == 405


def test_a_prediction_stands_with_its_evidence_model_and_notice(
    as_bob: APIClient, image: Image
) -> None:
    prediction = make_prediction(image)
    shown = as_bob.get(f"{PREDICTIONS}/{prediction.pk}").json()
    assert (shown["outcome"], shown["probability"]) == ("malignant", 0.93)
    assert shown["model"] == {
        "name": "breast-mil",
        "version": 1,
        "sha256": "ab" * 32,
    }
    assert shown["notice"] == NOTICE
    assert shown["tiles"] == [{"left": 0, "top": 0, "side": 256, "attention": 1}]
    assert shown["seconds"] == {"embed": 0.2}


def test_a_refusal_has_no_probability(as_bob: APIClient, image: Image) -> None:
    prediction = make_prediction(
        image,
        outcome=Outcome.REFUSED,
        probability=None,
        refusal_reason="This is no H&E tissue.",
    )
    shown = as_bob.get(f"{PREDICTIONS}/{prediction.pk}").json()
    assert shown["probability"] is None
    assert shown["refusal_reason"] == "This is no H&E tissue."


def test_an_analysis_without_an_answer_has_no_prediction_to_show(
    as_bob: APIClient, image: Image
) -> None:
    analysis = make_analysis(image)
    assert as_bob.get(f"{PREDICTIONS}/{analysis.pk}").status_code == 404


def test_a_heatmap_is_a_picture(as_bob: APIClient, image: Image) -> None:
    drawn = store().keep_bytes(b"\x89PNG")
    prediction = make_prediction(image, heatmap_file=drawn)
    address = as_bob.get(f"{PREDICTIONS}/{prediction.pk}").json()["heatmap"]
    response = as_bob.get(address)
    assert response["Content-Type"] == "image/png"
    assert response.getvalue() == b"\x89PNG"


def test_a_prediction_without_heatmap_says_so(as_bob: APIClient, image: Image) -> None:
    prediction = make_prediction(image)
    response = as_bob.get(f"{PREDICTIONS}/{prediction.pk}/heatmap")
    assert response.status_code == 404
