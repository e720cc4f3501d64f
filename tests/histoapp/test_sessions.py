"""How long a session lasts, and what ends it."""

import time

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from histoapp.sessions import BEGAN_AT, SEEN_AT
from predictions.models import Laboratory, Role
from predictions.services.laboratories import add_member, create_laboratory
from predictions.services.people import disable_member, enable_member

PASSWORD = "correct horse battery staple"
PAGE = "/cases/"
MINUTE, HOUR = 60, 3600
POLL = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def portal(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise wants it.
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }


@pytest.fixture
def laboratory(db: None) -> Laboratory:
    return create_laboratory(name="North")


@pytest.fixture
def alice(laboratory: Laboratory) -> User:
    person = User.objects.create_user("alice", password=PASSWORD)
    add_member(laboratory=laboratory, user=person, role=Role.TECHNICIAN)
    return person


@pytest.fixture
def browser(alice: User, client: Client) -> Client:
    answer = client.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 302
    return client


def wind(browser: Client, *, seconds: int, only: str = "") -> None:
    """As if the session's times were longer ago."""
    session = browser.session
    for name in (BEGAN_AT, SEEN_AT):
        if only in {"", name}:
            session[name] -= seconds
    session.save()


def is_in(browser: Client, **headers: str) -> bool:
    return browser.get(PAGE, headers=headers).status_code == 200


def test_a_session_s_times_begin_at_the_sign_in(browser: Client) -> None:
    assert time.time() - browser.session[BEGAN_AT] < MINUTE
    assert browser.session[SEEN_AT] == browser.session[BEGAN_AT]


def test_its_key_is_another_after_the_sign_in(alice: User, client: Client) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    client.cookies["__Host-session"] = str(planted)
    client.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert client.session.session_key != planted
    thief = Client()
    thief.cookies["__Host-session"] = str(planted)
    assert not is_in(thief)


def test_a_pause_ends_it_and_the_sign_in_page_says_so(browser: Client) -> None:
    wind(browser, seconds=29 * MINUTE)
    assert is_in(browser)
    wind(browser, seconds=31 * MINUTE)
    answer = browser.get(PAGE, follow=True)
    assert answer.request["PATH_INFO"] == "/sign-in/"
    assert "nothing was done for 30 minutes" in answer.content.decode()
    assert not is_in(browser)


def test_activity_keeps_it(browser: Client) -> None:
    for _ in range(3):
        wind(browser, seconds=20 * MINUTE)
        assert is_in(browser)


def test_activity_is_not_written_at_each_request(browser: Client) -> None:
    wind(browser, seconds=30, only=SEEN_AT)
    before = browser.session[SEEN_AT]
    assert is_in(browser)
    assert browser.session[SEEN_AT] == before
    wind(browser, seconds=40, only=SEEN_AT)
    assert is_in(browser)
    assert browser.session[SEEN_AT] > before


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(browser: Client) -> None:
    for _ in range(2):
        wind(browser, seconds=20 * MINUTE)
        answer = browser.get(PAGE, headers=POLL)
    assert answer.status_code == 401
    assert answer["HX-Refresh"] == "true"


def test_a_click_on_a_part_of_a_page_is_activity(browser: Client) -> None:
    for _ in range(2):
        wind(browser, seconds=20 * MINUTE)
        assert is_in(browser, **POLL, **{"X-Asked-By": "person"})


def test_a_change_by_a_part_of_a_page_is_activity(browser: Client) -> None:
    wind(browser, seconds=20 * MINUTE)
    assert browser.post(PAGE, headers=POLL).status_code == 405
    wind(browser, seconds=20 * MINUTE)
    assert is_in(browser)


def test_no_session_outlasts_a_working_day(browser: Client) -> None:
    wind(browser, seconds=13 * HOUR, only=BEGAN_AT)
    answer = browser.get(PAGE, follow=True)
    assert answer.request["PATH_INFO"] == "/sign-in/"
    assert "a session lasts 12 hours at most" in answer.content.decode()


def test_both_limits_are_settings(browser: Client, settings: Settings) -> None:
    settings.SESSION_IDLE_S = 90
    wind(browser, seconds=100, only=SEEN_AT)
    answer = browser.get(PAGE, follow=True)
    assert "nothing was done for 90 seconds" in answer.content.decode()


def test_the_session_of_a_disabled_member_ends_at_the_next_request(
    browser: Client, alice: User, laboratory: Laboratory
) -> None:
    dora = User.objects.create_user("dora")
    add_member(laboratory=laboratory, user=dora, role=Role.ADMINISTRATOR)
    membership = alice.memberships.get()
    disable_member(membership=membership, disabled_by=dora)
    assert not is_in(browser)
    refused = browser.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert "do not belong together" in refused.content.decode()
    enable_member(membership=membership, enabled_by=dora)
    answer = browser.post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 302


def test_a_stranger_gets_no_session(client: Client, db: None) -> None:
    client.get("/sign-in/")
    client.get("/health/live")
    assert "__Host-session" not in client.cookies
