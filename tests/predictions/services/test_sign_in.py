"""Signing in: counted, on record, and telling nobody who has an account."""

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings

from predictions.models import AuditEvent, Counter, Laboratory, Role
from predictions.services.errors import ServiceError
from predictions.services.rates import TooManyError
from predictions.services.sign_in import SignInRefusedError, check_sign_in
from tests.predictions.records import make_person

PASSWORD = "correct horse battery staple"
WRONG = "wrong"
ADDRESS = "192.0.2.7"


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SIGN_INS_PER_ACCOUNT, settings.SIGN_INS_PER_ADDRESS = 3, 8
    settings.SIGN_IN_WINDOW_S = 4000 * 24 * 3600  # One window, whenever this runs.


@pytest.fixture
def erin(laboratory: Laboratory) -> User:
    person = make_person("erin", laboratory, Role.TECHNICIAN)
    person.set_password(PASSWORD)
    person.save()
    return person


def refusal(username: str, password: str = WRONG, address: str = ADDRESS) -> str:
    with pytest.raises(ServiceError) as refused:
        check_sign_in(username=username, password=password, address=address)
    return f"{type(refused.value).__name__}: {refused.value}"


def end_the_window() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE predictions_counter SET began_at = began_at - interval '4000 days'"
        )


def test_the_right_password_lets_in_on_record(erin: User) -> None:
    assert check_sign_in(username="erin", password=PASSWORD, address=ADDRESS) == erin
    event = AuditEvent.objects.get(action="sign_in")
    assert (event.laboratory, event.actor) == (None, "erin")


@pytest.mark.parametrize("how", ["account", "membership"])
def test_every_refusal_has_the_same_words(erin: User, how: str) -> None:
    wrong = refusal("erin")
    assert wrong.startswith("SignInRefusedError")
    assert refusal("nobody") == wrong
    if how == "account":
        User.objects.update(is_active=False)
    else:
        erin.memberships.update(is_active=False)
    assert refusal("erin", PASSWORD) == wrong


def test_every_refusal_takes_one_hash(
    erin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    encode = hashers.MD5PasswordHasher.encode

    def counted(hasher: hashers.MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return str(encode(hasher, password, salt))

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", counted)
    works = []
    for username in ("erin", "nobody", "closed"):
        if username == "closed":
            User.objects.update(is_active=False)
        hashed.clear()
        refusal("erin" if username == "closed" else username)
        works.append(len(hashed))
    assert works == [1, 1, 1]


def test_a_failure_names_an_account_and_never_what_was_typed(erin: User) -> None:
    refusal("erin")
    refusal("my secret password")
    events = AuditEvent.objects.filter(action="sign_in.fail").order_by("sequence")
    assert [event.subject for event in events] == [f"user:{erin.pk}", "user:unknown"]
    assert "secret" not in str([*AuditEvent.objects.values_list()])
    assert {event.laboratory for event in events} == {None}
    assert {event.actor for event in events} == {"system"}


@pytest.mark.parametrize("username", ["erin", "nobody"])
def test_a_name_is_throttled_whether_somebody_has_it_or_not(
    erin: User, username: str
) -> None:
    for number in range(3):
        assert "SignInRefused" in refusal(username, address=f"192.0.2.{number}")
    words = refusal(username, PASSWORD, "192.0.2.99")
    assert words.startswith("TooManyError: That was tried too often. Wait ")
    assert refusal(username.upper(), PASSWORD, "192.0.2.98") == words
    assert "SignInRefused" in refusal("another")


def test_throttled_answers_are_equal_for_any_name(erin: User) -> None:
    said = set()
    for username in ("erin", "nobody"):
        for _ in range(4):
            last = refusal(username, address=username)
        said.add(last)
    assert len(said) == 1


def test_an_address_is_throttled_whatever_names_it_tries(erin: User) -> None:
    for number in range(8):
        assert "SignInRefused" in refusal(f"name {number}")
    assert "TooMany" in refusal("erin", PASSWORD)
    check_sign_in(username="erin", password=PASSWORD, address="198.51.100.1")


def test_a_throttled_address_does_not_lock_an_account(erin: User) -> None:
    for number in range(8):
        refusal(f"name {number}")
    for _ in range(5):
        refusal("erin")
    check_sign_in(username="erin", password=PASSWORD, address="198.51.100.1")


def test_the_throttle_ends_with_its_window(erin: User) -> None:
    for _ in range(4):
        last = refusal("erin")
    assert "TooMany" in last
    end_the_window()
    assert check_sign_in(username="erin", password=PASSWORD, address=ADDRESS) == erin


def test_throttling_is_on_record_once(erin: User) -> None:
    for _ in range(6):
        refusal("erin")
    assert AuditEvent.objects.filter(action="sign_in.throttle").count() == 1
    assert AuditEvent.objects.filter(action="sign_in.fail").count() == 3


def test_the_wait_is_told_and_no_name_is_counted_readably(erin: User) -> None:
    for _ in range(3):
        refusal("erin")
    with pytest.raises(TooManyError) as refused:
        check_sign_in(username="erin", password=PASSWORD, address=ADDRESS)
    assert refused.value.retry_after_s > 0
    assert "erin" not in str([*Counter.objects.values_list()])


def test_words_of_a_refusal_say_what_to_do() -> None:
    assert "ask your laboratory's administrator" in str(SignInRefusedError())
