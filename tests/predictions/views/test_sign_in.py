import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

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
    assert "administrator makes one" in page
    assert "sign-up" not in page
    assert "register/" not in page
