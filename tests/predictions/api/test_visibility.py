"""Every address of the API x everybody: a new address without a row fails here."""

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from predictions.api.urls import urlpatterns
from predictions.models import ApiToken, Image, Prediction
from predictions.services.storage import store
from tests.predictions.api.conftest import client_of
from tests.predictions.records import make_image, make_prediction

# name: (method, what its id is of, status for a member who may work on cases)
MATRIX = {
    "case-list": ("get", "", 200),
    "case-detail": ("get", "case", 200),
    "case-images": ("get", "case", 200),
    "image-detail": ("get", "image", 200),
    "image-thumbnail": ("get", "image", 200),
    "image-display": ("get", "image", 200),
    "image-spacing": ("post", "image", 201),
    "analysis-list": ("get", "", 200),
    "analysis-detail": ("get", "analysis", 200),
    "analysis-again": ("post", "analysis", 201),
    "analysis-cancel": ("post", "analysis", 409),
    "prediction-detail": ("get", "analysis", 200),
    "prediction-heatmap": ("get", "analysis", 200),
}
SENT = {"image-spacing": {"spacing_um": 0.25}}
FOR_EVERYBODY = {"page", "schema", "problems", "problem"}
WORK = {"image-spacing", "analysis-again", "analysis-cancel"}
ROWS = pytest.mark.parametrize("name", MATRIX)


@pytest.fixture
def prediction(image: Image, alice: User) -> Prediction:
    pictured = make_image(
        image.case,
        alice,
        display_file=store().keep_bytes(b"display"),
        thumbnail_file=store().keep_bytes(b"thumbnail"),
    )
    return make_prediction(pictured, heatmap_file=store().keep_bytes(b"heatmap"))


def ask(program: APIClient, name: str, prediction: Prediction) -> int:
    method, of_what, _ = MATRIX[name]
    image = prediction.analysis.image
    ids = {"case": image.case_id, "image": image.pk, "analysis": prediction.pk}
    args = [ids[of_what]] if of_what else []
    address = reverse(f"api:{name}", args=args)
    body = {"data": SENT[name], "format": "json"} if name in SENT else {}
    response = getattr(program, method)(address, **body)
    response.close()
    return int(response.status_code)


def test_every_address_has_its_row() -> None:
    names = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert names == MATRIX.keys() | FOR_EVERYBODY


@ROWS
def test_a_stranger_is_asked_for_a_token(
    anybody: APIClient, prediction: Prediction, name: str
) -> None:
    assert ask(anybody, name, prediction) == 401


@ROWS
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_member_sees_and_works(
    request: pytest.FixtureRequest, prediction: Prediction, name: str, who: str
) -> None:
    program = client_of(request.getfixturevalue(who))
    assert ask(program, name, prediction) == MATRIX[name][2]


@ROWS
def test_an_administrator_of_people_sees_and_does_not_work(
    as_dora: APIClient, prediction: Prediction, name: str
) -> None:
    assert ask(as_dora, name, prediction) == (403 if name in WORK else 200)


@ROWS
def test_somebody_else_s_id_is_not_there(
    as_charlie: APIClient, prediction: Prediction, name: str
) -> None:
    expected = 404 if MATRIX[name][1] else 200
    assert ask(as_charlie, name, prediction) == expected


def test_somebody_else_s_rows_are_not_in_lists(
    as_charlie: APIClient, prediction: Prediction
) -> None:
    image = prediction.analysis.image
    for asked in ("", f"?case={image.case_id}", f"?image={image.pk}"):
        answer = as_charlie.get(f"/api/v1/analyses{asked}").json()
        assert answer["results"] == []
    assert as_charlie.get("/api/v1/cases").json()["results"] == []


@ROWS
def test_a_superuser_is_no_member(prediction: Prediction, name: str) -> None:
    root = client_of(User.objects.create_superuser("root"))
    expected = 404 if MATRIX[name][1] else 200
    assert ask(root, name, prediction) == expected


@ROWS
def test_a_disabled_account_is_out(
    as_alice: APIClient, alice: User, prediction: Prediction, name: str
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert ask(as_alice, name, prediction) == 401


@ROWS
def test_an_expired_token_is_out(
    as_alice: APIClient, prediction: Prediction, name: str
) -> None:
    ApiToken.objects.update(expires_at=timezone.now())
    assert ask(as_alice, name, prediction) == 401
