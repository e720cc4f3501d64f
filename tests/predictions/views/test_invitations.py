"""What somebody sees who was sent a link."""

import logging
import re
import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from histoapp.logs import OneLineFormatter
from predictions.models import Invitation, Laboratory, Role
from predictions.services.people import accept_invitation, invite, revoke_invitation

PASSWORD = "correct horse battery staple"
WISH = {"username": "henry", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture(autouse=True)
def quick_hash(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def secret(laboratory: Laboratory, dora: User) -> str:
    _, secret = invite(
        laboratory=laboratory, role=Role.PATHOLOGIST, note="Henry", invited_by=dora
    )
    return secret


@pytest.fixture
def link(secret: str) -> str:
    return f"/invitations/{secret}/"


def test_it_says_who_invites_where_and_as_what(client: Client, link: str) -> None:
    answer = client.get(link)
    page = answer.content.decode()
    assert "dora invites you" in page
    assert "<strong>North</strong>" in page
    assert "<strong>pathologist</strong>" in page
    assert f"/sign-in/?next={link}" in page
    assert "Henry" not in page
    assert "no-store" in answer["Cache-Control"]


def test_looking_does_not_use_it_up(client: Client, link: str) -> None:
    for _ in range(3):
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200


def test_somebody_new_joins_and_is_signed_in(
    client: Client, link: str, laboratory: Laboratory
) -> None:
    answer = client.post(link, WISH, follow=True)
    assert answer.redirect_chain == [("/cases/", 302)]
    assert "Welcome to North: your role is pathologist." in answer.content.decode()
    henry = laboratory.memberships.get(user__username="henry")
    assert henry.role == Role.PATHOLOGIST
    assert Client().get(link).status_code == 404


def test_who_has_an_account_accepts(
    as_charlie: Client, charlie: User, link: str, laboratory: Laboratory
) -> None:
    assert "signed in as <strong>charlie</strong>" in as_charlie.get(
        link
    ).content.decode().replace("\n", " ")
    answer = as_charlie.post(link, follow=True)
    assert "Welcome to North" in answer.content.decode()
    assert laboratory.memberships.filter(user=charlie).exists()


def test_a_member_is_told_and_the_link_is_left(as_alice: Client, link: str) -> None:
    answer = as_alice.post(link)
    assert answer.status_code == 409
    assert "You belong to North already" in answer.content.decode()
    assert Client().get(link).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("username", "ALICE", "This name is taken"),
        ("username", "a b", "Enter a valid username"),
        ("password", "12345678", "too common"),
        ("again", "another", "not the same"),
        ("username", "", "This field is required"),
    ],
)
def test_what_does_not_fit_is_said_beside_it(
    client: Client, alice: User, link: str, field: str, value: str, words: str
) -> None:
    wish = WISH | {field: value}
    if field == "password":
        wish["again"] = value
    answer = client.post(link, wish)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert client.get(link).status_code == 200


def test_used_revoked_expired_and_unknown_look_the_same(
    client: Client, laboratory: Laboratory, dora: User, charlie: User
) -> None:
    secrets = {}
    for state in ("used", "revoked", "expired", "unknown"):
        made, secrets[state] = invite(
            laboratory=laboratory, role=Role.TECHNICIAN, note=state, invited_by=dora
        )
        if state == "used":
            accept_invitation(secret=secrets[state], user=charlie)
        elif state == "revoked":
            revoke_invitation(invitation=made, revoked_by=dora)
        elif state == "expired":
            Invitation.objects.filter(pk=made.pk).update(expires_at=timezone.now())
    secrets["unknown"] = "guess"
    pages = set()
    for secret in secrets.values():
        for answer in (
            client.get(f"/invitations/{secret}/"),
            client.post(f"/invitations/{secret}/", WISH),
        ):
            assert answer.status_code == 404
            pages.add(re.sub(r"[0-9a-f-]{36}", "", answer.content.decode()))
    (page,) = pages
    assert "This invitation does not work" in page
    assert "Ask the administrator who sent it for a new one" in page


def test_an_address_cannot_try_secrets_for_ever(
    client: Client, link: str, settings: Settings
) -> None:
    settings.SIGN_INS_PER_ADDRESS = 3
    settings.SIGN_IN_WINDOW_S = 4000 * 24 * 3600  # One window, whenever this runs.
    for _ in range(3):
        assert client.get(f"/invitations/{uuid.uuid4()}/").status_code == 404
    answer = client.get(link)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert client.get(link, REMOTE_ADDR="198.51.100.1").status_code == 200


def test_the_secret_is_in_no_log(
    client: Client, secret: str, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.post(link, {"username": ""}).status_code == 422
    written = [OneLineFormatter().format(record) for record in caplog.records]
    assert any("/invitations/…/" in line for line in written)
    assert secret not in "".join(written)
    made = logging.makeLogRecord({"msg": f"GET {link[:-1]}?a=1 and {link}"})
    assert OneLineFormatter().format(made) == (
        "GET /invitations/…?a=1 and /invitations/…/"
    )
