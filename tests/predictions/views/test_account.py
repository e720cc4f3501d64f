"""A person's own account."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from predictions.models import ApiToken, AuditEvent
from predictions.services.tokens import find_token, issue_token

PASSWORD = "correct horse battery staple"
OTHER = "a quite different sentence"
TOKENS = "/account/tokens/"
CHANGE = "/account/password/"


@pytest.fixture(autouse=True)
def quick_hash(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_a_token_is_made_and_its_secret_shown_once(
    as_alice: Client, alice: User
) -> None:
    wish = {"name": "scanner", "scopes": ["read", "review"], "life": "7"}
    page = as_alice.post(TOKENS, wish).content.decode()
    shown = re.search(r'value="(histo_[^"]+)"', page)
    assert shown
    token = find_token(secret=shown[1])
    assert token is not None
    assert (token.user, token.name, token.scopes) == (
        alice,
        "scanner",
        ["read", "review"],
    )
    assert timedelta(days=6) < token.expires_at - timezone.now() <= timedelta(days=7)
    again = text_of(as_alice, TOKENS)
    assert "scanner" in again
    assert "read, review" in again
    assert "histo_" not in again


@pytest.mark.parametrize(
    "wish",
    [
        {"name": "", "scopes": ["read"], "life": "7"},
        {"name": "scanner", "scopes": [], "life": "7"},
        {"name": "scanner", "scopes": ["root"], "life": "7"},
        {"name": "scanner", "scopes": ["read"], "life": "36500"},
        {"name": "scan\x00ner", "scopes": ["read"], "life": "7"},
    ],
)
def test_an_unfit_token_is_not_made(as_alice: Client, wish: dict[str, object]) -> None:
    assert as_alice.post(TOKENS, wish).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_after_a_question(as_alice: Client, alice: User) -> None:
    token, secret = issue_token(user=alice, name="scanner")
    revoke = f"{TOKENS}{token.pk}/revoke/"
    assert revoke in text_of(as_alice, TOKENS)
    assert "Revoke the token “scanner”?" in text_of(as_alice, revoke)
    assert find_token(secret=secret) is not None
    answer = as_alice.post(revoke, follow=True)
    assert "is revoked." in answer.content.decode()
    assert find_token(secret=secret) is None
    assert revoke not in text_of(as_alice, TOKENS)


def test_a_list_says_what_became_of_a_token(as_alice: Client, alice: User) -> None:
    _, secret = issue_token(user=alice, name="scanner")
    assert "never" in text_of(as_alice, TOKENS)
    find_token(secret=secret)
    assert "never" not in text_of(as_alice, TOKENS)
    ApiToken.objects.update(expires_at=timezone.now())
    assert ">expired<" in text_of(as_alice, TOKENS)
    ApiToken.objects.update(revoked_at=timezone.now())
    assert ">revoked<" in text_of(as_alice, TOKENS)


def test_nobody_sees_or_ends_another_s_token(
    as_bob: Client, as_dora: Client, alice: User
) -> None:
    token, secret = issue_token(user=alice, name="scanner of alice")
    for browser in (as_bob, as_dora):
        assert "scanner of alice" not in text_of(browser, TOKENS)
        assert browser.post(f"{TOKENS}{token.pk}/revoke/").status_code == 404
    assert find_token(secret=secret) is not None


# --- The password -----------------------------------------------------------------


@pytest.fixture
def erin(alice: User) -> User:
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def change(client: Client, old: str, new: str) -> int:
    said = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(CHANGE, said).status_code


def test_the_password_is_changed_on_record_and_other_sessions_end(erin: User) -> None:
    here, there = Client(), Client()
    for browser in (here, there):
        browser.force_login(erin)
    key = here.session.session_key
    assert change(here, PASSWORD, OTHER) == 302
    erin.refresh_from_db()
    assert erin.check_password(OTHER)
    assert here.session.session_key != key
    assert here.get("/cases/").status_code == 200
    assert there.get("/cases/").status_code == 302
    event = AuditEvent.objects.get(action="password.change")
    assert (event.actor, event.subject) == ("alice", f"user:{erin.pk}")


@pytest.mark.parametrize(("old", "new"), [("wrong", OTHER), (PASSWORD, "12345678")])
def test_an_unfit_change_is_not_made(
    client: Client, erin: User, old: str, new: str
) -> None:
    client.force_login(erin)
    assert change(client, old, new) == 422
    erin.refresh_from_db()
    assert erin.check_password(PASSWORD)


def test_an_open_session_is_no_place_to_guess_the_password(
    client: Client, erin: User, settings: Settings
) -> None:
    settings.SIGN_INS_PER_ACCOUNT = 3
    settings.SIGN_IN_WINDOW_S = 4000 * 24 * 3600  # One window, whenever this runs.
    client.force_login(erin)
    for _ in range(3):
        change(client, "wrong", OTHER)
    said = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    assert "Wait " in client.post(CHANGE, said).content.decode()
    erin.refresh_from_db()
    assert erin.check_password(PASSWORD)
