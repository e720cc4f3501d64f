import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick_hash(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def erin(db: None) -> User:
    return User.objects.create_user("erin", password=PASSWORD)


def sign_in(client: Client, username: str, password: str) -> bytes:
    response = client.post("/sign-in/", {"username": username, "password": password})
    assert response.status_code == 200
    said = response.content.split(b'banner-bad" role="alert">')[1].split(b"</div>")[0]
    return bytes(said)


def test_right_password_leads_to_the_cases(client: Client, erin: User) -> None:
    response = client.post("/sign-in/", {"username": "erin", "password": PASSWORD})
    assert response.status_code == 302
    assert response["Location"] == "/cases/"


def test_refusal_does_not_tell_whether_the_account_is_there(
    client: Client, erin: User
) -> None:
    User.objects.create_user("frank", password=PASSWORD, is_active=False)
    wrong_password = sign_in(client, "erin", "wrong")
    assert b"do not belong together" in wrong_password
    assert sign_in(client, "nobody", "wrong") == wrong_password
    assert sign_in(client, "frank", PASSWORD) == wrong_password


def test_after_signing_in_one_is_not_sent_to_another_site(
    client: Client, erin: User
) -> None:
    response = client.post(
        "/sign-in/?next=https://elsewhere.example/",
        {"username": "erin", "password": PASSWORD},
    )
    assert response["Location"] == "/cases/"


def test_signing_out_takes_a_post(client: Client, erin: User) -> None:
    client.force_login(erin)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/cases/").status_code == 302


def test_sign_in_page_offers_no_registration(client: Client) -> None:
    page = client.get("/sign-in/").content.decode()
    assert "Ask your laboratory's administrator for an invitation" in page
    assert "sign-up" not in page
    assert "register/" not in page


# --- Often ----------------------------------------------------------------------


def try_often(client: Client, username: str) -> "Answer":
    asked = {"username": username, "password": "wrong"}
    return [client.post("/sign-in/", asked) for _ in range(4)][-1]


@pytest.fixture
def few(settings: Settings) -> None:
    settings.SIGN_INS_PER_ACCOUNT = 3
    settings.SIGN_IN_WINDOW_S = 4000 * 24 * 3600  # One window, whenever this runs.


def test_too_many_tries_are_told_to_wait_whoever_they_are_for(
    client: Client, erin: User, few: None
) -> None:
    known, unknown = try_often(client, "erin"), try_often(client, "nobody")
    assert known.status_code == unknown.status_code == 429
    assert int(known["Retry-After"]) > 0
    assert b"Wait " in known.content
    assert without_names(known) == without_names(unknown)


def without_names(answer: "Answer") -> str:
    """The page, but for what was typed and the form's token."""
    page = re.sub(r'value="(erin|nobody)"', "", answer.content.decode())
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page)


def test_all_refusals_are_the_same_page(client: Client, erin: User) -> None:
    pages = set()
    for state in ("open", "disabled"):
        User.objects.update(is_active=state == "open")
        for name in ("erin", "nobody"):
            asked = {"username": name, "password": "wrong"}
            pages.add(without_names(client.post("/sign-in/", asked)))
    assert len(pages) == 1


def test_forwarded_addresses_count_only_behind_a_trusted_proxy(
    client: Client, erin: User, settings: Settings
) -> None:
    settings.SIGN_INS_PER_ADDRESS = 3
    settings.SIGN_IN_WINDOW_S = 4000 * 24 * 3600

    def statuses(forwarded: str) -> list[int]:
        return [
            client.post(
                "/sign-in/",
                {"username": f"{forwarded} {number}", "password": "wrong"},
                HTTP_X_FORWARDED_FOR=forwarded.format(number),
            ).status_code
            for number in range(4)
        ]

    assert statuses("192.0.2.{}")[-1] == 429
    settings.TRUST_PROXY = True
    assert statuses("192.0.2.{}") == [200] * 4
    assert statuses("192.0.2.{}, 198.51.100.1")[-1] == 429


# --- The admin ------------------------------------------------------------------


def test_the_admin_has_no_door_of_its_own(client: Client, erin: User) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/sign-in/?next=%2Fadmin%2F"
    User.objects.update(is_staff=True)
    asked = {"username": "erin", "password": PASSWORD, "next": "/admin/"}
    assert client.post("/sign-in/", asked)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/login/")["Location"] == "/admin/"


def test_the_admin_takes_no_password(client: Client, erin: User) -> None:
    asked = {"username": "erin", "password": PASSWORD}
    assert client.post("/admin/login/", asked).status_code == 405


def test_who_is_no_staff_is_told_so_and_not_sent_in_circles(
    client: Client, erin: User
) -> None:
    client.force_login(erin)
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "You may not do this" in answer.content.decode()
