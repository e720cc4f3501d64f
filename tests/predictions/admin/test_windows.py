"""A window onto every model: looked through, not climbed through."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from predictions.models import (
    Case,
    Fetch,
    Invitation,
    Laboratory,
    Message,
    Outcome,
    Prediction,
    Repeat,
    Role,
)
from predictions.services.rates import tally
from predictions.services.tokens import issue_token
from tests.predictions.records import (
    make_failed,
    make_image,
    make_model_version,
    make_prediction,
    make_review,
    make_running,
)

MODELS = [
    str(model._meta.model_name)
    for model in apps.get_app_config("predictions").get_models()
]
NAMES = pytest.mark.parametrize("name", MODELS)
READ_ONLY = sorted(set(MODELS) - {"laboratory", "membership"})
KEEPER_ONLY = ["counter", "repeat"]
NOTICE = "Research use only. Not for diagnostic use."
MAX_QUERIES = 12
SECRET_URL = "https://images.example.org/Jane-Doe.png?key=abc"


def rows_of(name: str) -> Any:
    return apps.get_model("predictions", name)._default_manager.all()


def list_of(name: str) -> str:
    return reverse(f"admin:predictions_{name}_changelist")


def count_queries(client: Client, address: str) -> int:
    """But for savepoints, the test's own, and the session's note of its last use.

    That one is written once in a while: here by the first of the two requests.
    """
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return sum("SAVEPOINT" not in query["sql"] for query in queries)


@pytest.fixture
def prediction(case: Case, alice: User) -> Prediction:
    """At least one row of everything."""
    make_running(make_image(case, alice))
    make_failed(make_image(case, alice))
    issue_token(user=alice, name="scanner")
    tally(what="sign-in", whom="alice", window=timedelta(minutes=1))
    Repeat.objects.create(user=alice, key="k", request_sha256="ab" * 32)
    Invitation.objects.create(
        laboratory=case.laboratory,
        role=Role.TECHNICIAN,
        note="the new colleague",
        sha256="cd" * 32,
        invited_by=alice,
        expires_at=timezone.now() + timedelta(days=1),
    )
    Message.objects.create(case=case, author=alice, text="Please look twice.")
    Fetch.objects.create(case=case, url=SECRET_URL, asked_by=alice)
    make_review(make_prediction(make_image(case, alice)), alice)
    return make_prediction(make_image(case, alice))


def test_every_model_has_its_window() -> None:
    registered = {model._meta.model_name for model in admin.site._registry}
    assert set(MODELS) <= registered


@NAMES
def test_a_list_takes_few_queries_however_long(
    as_root: Client, prediction: Prediction, alice: User, name: str
) -> None:
    counts: list[int] = []
    for _ in range(2):
        counts.append(count_queries(as_root, list_of(name)))
        for _ in range(5):
            make_prediction(make_image(prediction.analysis.image.case, alice))
    assert counts[0] == counts[1] <= MAX_QUERIES


@NAMES
def test_a_list_can_be_searched(
    as_root: Client, prediction: Prediction, name: str
) -> None:
    response = as_root.get(list_of(name), {"q": "S26"})
    assert response.status_code == 200


@NAMES
def test_a_row_can_be_read(as_root: Client, prediction: Prediction, name: str) -> None:
    row = rows_of(name).first()
    address = reverse(f"admin:predictions_{name}_change", args=[row.pk])
    assert as_root.get(address).status_code == 200


@pytest.mark.parametrize("name", READ_ONLY)
def test_nothing_is_added_changed_or_deleted(
    as_root: Client, prediction: Prediction, name: str
) -> None:
    row = rows_of(name).first()
    before = list(rows_of(name).values())
    addresses = [
        reverse(f"admin:predictions_{name}_add"),
        reverse(f"admin:predictions_{name}_change", args=[row.pk]),
        reverse(f"admin:predictions_{name}_delete", args=[row.pk]),
    ]
    wished = {"outcome": "benign", "status": "failed", "post": "yes"}
    for address in addresses:
        assert as_root.post(address, wished).status_code == 403
    as_root.post(
        list_of(name), {"action": "delete_selected", "_selected_action": [row.pk]}
    )
    assert list(rows_of(name).values()) == before


@NAMES
def test_a_stranger_and_a_member_are_sent_away(
    client: Client, alice: User, name: str
) -> None:
    assert client.get(list_of(name)).status_code == 302
    client.force_login(alice)
    assert client.get(list_of(name)).status_code == 302


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(KEEPER_ONLY)))
def test_staff_see_their_own_laboratory_only(
    as_staff: Client,
    prediction: Prediction,
    charlie: User,
    elsewhere: Laboratory,
    name: str,
) -> None:
    response = as_staff.get(list_of(name))
    assert response.status_code == 200
    shown = response.content.decode()
    assert "South" not in shown
    assert "charlie" not in shown


@pytest.mark.parametrize("name", KEEPER_ONLY)
def test_what_is_counted_is_the_keeper_s_alone(
    as_staff: Client, prediction: Prediction, name: str
) -> None:
    assert as_staff.get(list_of(name)).status_code == 403


def test_staff_find_nothing_of_another_laboratory_by_id(
    as_staff: Client, prediction: Prediction, elsewhere: Laboratory
) -> None:
    address = reverse("admin:predictions_laboratory_change", args=[elsewhere.pk])
    assert as_staff.get(address).status_code == 302  # "... doesn't exist."


@pytest.mark.parametrize("where", ["list", "row", "queue"])
def test_a_score_stands_with_model_version_and_notice(
    as_root: Client, prediction: Prediction, where: str
) -> None:
    address = list_of("reviewqueue" if where == "queue" else "prediction")
    if where == "row":
        address = reverse("admin:predictions_prediction_change", args=[prediction.pk])
    shown = as_root.get(address).content.decode()
    assert f"0.930, by breast-mil v1. {NOTICE}" in shown
    assert shown.count("0.93") == shown.count(f"0.930, by breast-mil v1. {NOTICE}")


def test_a_refusal_has_no_score(as_root: Client, case: Case, alice: User) -> None:
    make_prediction(
        make_image(case, alice),
        outcome=Outcome.REFUSED,
        probability=None,
        refusal_reason="No tissue.",
    )
    shown = as_root.get(list_of("prediction")).content.decode()
    assert f"none, by breast-mil v1. {NOTICE}" in shown


def test_a_filename_is_not_shown(as_root: Client, case: Case, alice: User) -> None:
    image = make_image(case, alice, filename="Jane Doe 1950.png")
    address = reverse("admin:predictions_image_change", args=[image.pk])
    for page in (address, list_of("image")):
        assert "Jane" not in as_root.get(page).content.decode()


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("fetch", SECRET_URL),
        ("invitation", "cd" * 32),
    ],
)
def test_what_opens_a_door_is_not_shown(
    as_root: Client, prediction: Prediction, name: str, secret: str
) -> None:
    row = rows_of(name).get()
    address = reverse(f"admin:predictions_{name}_change", args=[row.pk])
    for page in (address, list_of(name)):
        shown = as_root.get(page).content.decode()
        assert escape(secret) not in shown
        assert "Jane" not in shown


def test_a_worker_s_token_is_not_shown(
    as_root: Client, case: Case, alice: User
) -> None:
    analysis = make_running(make_image(case, alice))
    address = reverse("admin:predictions_analysis_change", args=[analysis.pk])
    assert str(analysis.token) not in as_root.get(address).content.decode()


def test_the_hash_of_an_api_token_is_not_shown(as_root: Client, alice: User) -> None:
    token, _ = issue_token(user=alice, name="scanner")
    address = reverse("admin:predictions_apitoken_change", args=[token.pk])
    assert token.sha256 not in as_root.get(address).content.decode()


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("image", "uploaded_by__password__startswith=p"),
        ("image", "filename__startswith=Jane"),
        ("analysis", "token__startswith=a"),
        ("case", "created_by__password__startswith=p"),
        ("apitoken", "sha256__startswith=a"),
        ("fetch", "url__startswith=h"),
        ("invitation", "sha256__startswith=c"),
        ("review", "reader__password__startswith=p"),
        ("message", "text__startswith=P"),
        ("repeat", "body__startswith=a"),
    ],
)
def test_a_list_knows_only_its_own_filters(
    as_root: Client, db: None, name: str, query: str
) -> None:
    assert as_root.get(f"{list_of(name)}?{query}").status_code in {302, 400}


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("image", "case__laboratory__id__exact={laboratory}"),
        ("image", "format__exact=PNG&uploaded_at__year=2026"),
        ("analysis", "status__exact=failed"),
        ("auditevent", "laboratory__id__exact={laboratory}"),
        ("apitoken", "revoked_at__isempty=1"),
    ],
)
def test_a_list_can_be_narrowed_by_what_it_offers(
    as_root: Client, prediction: Prediction, name: str, query: str
) -> None:
    laboratory = prediction.analysis.image.case.laboratory_id
    response = as_root.get(f"{list_of(name)}?{query.format(laboratory=laboratory)}")
    assert response.status_code == 200


def test_the_index_says_what_this_is_for(as_root: Client) -> None:
    make_model_version()
    shown = as_root.get(reverse("admin:index")).content.decode()
    assert NOTICE in shown
