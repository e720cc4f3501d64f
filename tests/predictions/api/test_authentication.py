"""Programs show a token, and it dies at once when it must."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from predictions.models import ApiToken, Case
from predictions.services.tokens import issue_token, revoke_token

CASES = "/api/v1/cases"


def test_a_token_of_a_member_lets_in(as_alice: APIClient, case: Case) -> None:
    assert as_alice.get(CASES).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer one two",
        "Bearer histo_wrong",
        "Bearer \xff\xfe",
        "Basic YWxpY2U6cGFzc3dvcmQ=",
        "Token abc",
    ],
)
def test_anything_else_is_told_how_to_come_in(
    anybody: APIClient, db: None, header: str
) -> None:
    response = anybody.get(CASES, HTTP_AUTHORIZATION=header)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == 401


def test_a_browser_s_session_is_no_token(anybody: APIClient, alice: User) -> None:
    anybody.force_login(alice)
    assert anybody.get(CASES).status_code == 401


def test_a_revoked_token_is_dead_at_the_next_request(alice: User) -> None:
    token, secret = issue_token(user=alice, name="scanner")
    program = APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert program.get(CASES).status_code == 200
    revoke_token(token=token, revoked_by=alice)
    assert program.get(CASES).status_code == 401


def test_an_expired_token_is_dead(as_alice: APIClient) -> None:
    ApiToken.objects.update(expires_at=timezone.now())
    assert as_alice.get(CASES).status_code == 401


def test_the_token_of_a_disabled_account_is_dead(
    as_alice: APIClient, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert as_alice.get(CASES).status_code == 401


def test_who_left_the_laboratory_sees_nothing_more(
    as_alice: APIClient, alice: User, case: Case
) -> None:
    alice.memberships.all().delete()
    assert as_alice.get(CASES).json()["results"] == []
    assert as_alice.get(f"{CASES}/{case.pk}").status_code == 404


def test_the_hash_of_a_token_is_no_token(anybody: APIClient, alice: User) -> None:
    token, _ = issue_token(user=alice, name="scanner")
    response = anybody.get(CASES, HTTP_AUTHORIZATION=f"Bearer {token.sha256}")
    assert response.status_code == 401
