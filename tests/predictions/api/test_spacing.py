"""The spacing of an image, stated by API."""

import pytest
from rest_framework.test import APIClient

from predictions.models import Analysis, Image
from tests.predictions.records import make_analysis, make_prediction


def spacing_of(image: Image) -> str:
    return f"/api/v1/images/{image.pk}/spacing"


def test_a_stated_spacing_is_answered_with_the_new_analysis(
    as_bob: APIClient, image: Image
) -> None:
    Image.objects.update(spacing_um=0.5, spacing_assumed=True)
    answered = make_prediction(image)
    response = as_bob.post(spacing_of(image), {"spacing_um": 0.25}, format="json")
    assert response.status_code == 201
    shown = response.json()
    assert shown == as_bob.get(f"/api/v1/analyses/{shown['id']}").json()
    assert (shown["status"], shown["asked_by"]) == ("accepted", "bob")
    assert (shown["again_after"], shown["prediction"]) == (str(answered.pk), None)
    shown = as_bob.get(f"/api/v1/images/{image.pk}").json()
    assert (shown["spacing_um"], shown["spacing_assumed"]) == (0.25, False)


def test_stating_it_meanwhile_names_what_is_under_way(
    as_bob: APIClient, image: Image
) -> None:
    analysis = make_analysis(image)
    response = as_bob.post(spacing_of(image), {"spacing_um": 0.25}, format="json")
    assert response.status_code == 409
    assert response.json()["analysis"] == str(analysis.pk)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"spacing_um": null}',
        '{"spacing_um": "wide"}',
        '{"spacing_um": "NaN"}',
        '{"spacing_um": -1}',
        '{"spacing_um": 1e9}',
    ],
)
def test_what_is_no_spacing_is_refused_by_its_name(
    as_bob: APIClient, image: Image, body: str
) -> None:
    make_prediction(image)
    response = as_bob.post(spacing_of(image), body, content_type="application/json")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"spacing_um"}
    assert Analysis.objects.count() == 1
