"""Members, invitations and tokens by API."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from predictions.models import (
    ApiToken,
    Invitation,
    Laboratory,
    Membership,
    Repeat,
    Role,
    Scope,
)
from predictions.services.people import accept_invitation
from predictions.services.tokens import issue_token
from tests.predictions.api.conftest import client_of

TOKENS = "/api/v1/tokens"
KEY = {"idempotency-key": "k"}


def test_an_invitation_made_by_api_lets_somebody_in(
    as_dora: APIClient, laboratory: Laboratory
) -> None:
    address = f"/api/v1/laboratories/{laboratory.pk}/invitations"
    body = {"role": "pathologist", "note": "for erin"}
    made = as_dora.post(address, body, format="json", headers=KEY).json()
    again = as_dora.post(address, body, format="json", headers=KEY).json()
    assert again["id"] == made["id"]
    assert again["link"] is None
    assert "shown once" in again["link_note"]
    secret = made["link"].rstrip("/").rsplit("/", 1)[1]
    assert secret not in str(Repeat.objects.get().body)
    accept_invitation(secret=secret, user=User.objects.create_user("erin"))
    (shown,) = as_dora.get(address).json()["results"]
    assert (shown["accepted_by"], shown["note"]) == ("erin", "for erin")
    assert "link" not in shown


def test_a_revoked_invitation_says_so(
    as_dora: APIClient, laboratory: Laboratory
) -> None:
    address = f"/api/v1/laboratories/{laboratory.pk}/invitations"
    made = as_dora.post(address, {"role": "technician", "note": "x"}, format="json")
    revoked = as_dora.post(f"/api/v1/invitations/{made.json()['id']}/revoke").json()
    assert revoked["revoked_at"]
    assert not Invitation.objects.open().exists()


def test_a_disabled_member_s_token_is_dead_at_the_next_request(
    as_dora: APIClient, as_alice: APIClient, alice: User
) -> None:
    member = alice.memberships.get()
    response = as_dora.post(f"/api/v1/members/{member.pk}/disable")
    assert response.json()["is_active"] is False
    assert as_alice.get("/api/v1/cases").status_code == 401
    as_dora.post(f"/api/v1/members/{member.pk}/enable")
    assert as_alice.get("/api/v1/cases").status_code == 200


def test_a_role_is_changed(as_dora: APIClient, alice: User) -> None:
    member = alice.memberships.get()
    address = f"/api/v1/members/{member.pk}"
    response = as_dora.patch(address, {"role": "pathologist"}, format="json")
    assert response.json()["role"] == "pathologist"
    assert Membership.objects.get(pk=member.pk).role == Role.PATHOLOGIST


def test_who_asks_is_told(as_bob: APIClient) -> None:
    shown = as_bob.get("/api/v1/me").json()
    assert shown["username"] == "bob"
    assert shown["laboratories"][0]["role"] == "pathologist"
    assert set(shown["token"]["scopes"]) == set(Scope)


def test_a_token_makes_a_lesser_one_whose_secret_is_shown_once(
    as_alice: APIClient, anybody: APIClient
) -> None:
    body = {"name": "scanner", "scopes": ["read"], "days": 7}
    made = as_alice.post(TOKENS, body, format="json", headers=KEY).json()
    again = as_alice.post(TOKENS, body, format="json", headers=KEY).json()
    assert (again["id"], again["secret"]) == (made["id"], None)
    assert made["secret"] not in str(Repeat.objects.get().body)
    bearer = {"authorization": f"Bearer {made['secret']}"}
    assert anybody.get("/api/v1/cases", headers=bearer).status_code == 200
    assert anybody.post("/api/v1/cases", headers=bearer).status_code == 403
    assert "secret" not in as_alice.get(TOKENS).json()["results"][0]
    as_alice.post(f"{TOKENS}/{made['id']}/revoke")
    assert anybody.get("/api/v1/cases", headers=bearer).status_code == 401


def test_no_token_makes_a_mightier_or_longer_one(alice: User) -> None:
    token, secret = issue_token(user=alice, name="one", life=timedelta(days=3))
    program = APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")
    beyond = {"name": "x", "scopes": ["read", "review"]}
    response = program.post(TOKENS, beyond, format="json")
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"scopes"}
    longer = {"name": "x", "scopes": ["read"], "days": 300}
    made = program.post(TOKENS, longer, format="json").json()
    assert ApiToken.objects.get(pk=made["id"]).expires_at < token.expires_at


def test_a_token_is_its_owner_s(as_alice: APIClient, as_bob: APIClient) -> None:
    theirs = as_alice.get(TOKENS).json()["results"][0]["id"]
    assert as_bob.post(f"{TOKENS}/{theirs}/revoke").status_code == 404
    assert theirs not in str(as_bob.get(TOKENS).json())


@pytest.mark.parametrize("days", [0, -1, 367, 10**30])
def test_a_token_lives_for_a_while(as_alice: APIClient, days: int) -> None:
    body = {"name": "x", "scopes": ["read"], "days": days}
    assert as_alice.post(TOKENS, body, format="json").status_code == 400


def test_the_trail_is_for_administrators(
    as_dora: APIClient, as_bob: APIClient, laboratory: Laboratory, alice: User
) -> None:
    address = f"/api/v1/laboratories/{laboratory.pk}/audit"
    assert as_bob.get(address).status_code == 403
    shown = as_dora.get(f"{address}?action=membership.set").json()["results"]
    assert {event["action"] for event in shown} == {"membership.set"}
    assert [event["sequence"] for event in shown] == sorted(
        (event["sequence"] for event in shown), reverse=True
    )


def test_settings_are_changed_by_name(
    as_dora: APIClient, laboratory: Laboratory
) -> None:
    address = f"/api/v1/laboratories/{laboratory.pk}"
    wished = {"retention_days": 400, "quota_bytes": 10**15, "name": "Best"}
    shown = as_dora.patch(address, wished, format="json").json()
    assert (shown["retention_days"], shown["name"]) == (400, "North")
    laboratory.refresh_from_db()
    assert (laboratory.retention_days, laboratory.name) == (400, "North")
    assert laboratory.quota_bytes == 50 * 1000**3


def test_an_expired_token_makes_none(alice: User) -> None:
    program = client_of(alice)
    ApiToken.objects.update(expires_at=timezone.now())
    body = {"name": "x", "scopes": ["read"]}
    assert program.post(TOKENS, body, format="json").status_code == 401
