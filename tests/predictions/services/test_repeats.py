"""What was sent twice is done once."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from predictions.models import Repeat
from predictions.services.errors import ConflictError
from predictions.services.repeats import (
    Answer,
    KeyReusedError,
    answer_once,
    forget_repeats,
    refuse_reuse,
)


class Clerk:
    """Counts what it was asked to do."""

    def __init__(self) -> None:
        self.done = 0

    def act(self) -> Answer:
        self.done += 1
        body = {"number": self.done, "secret": "s"}
        return Answer(201, body, {**body, "secret": None})

    def refuse(self) -> Answer:
        self.done += 1
        raise ConflictError("Somebody was there first.")


def ask(clerk: Clerk, user: User, key: str = "k", sha256: str = "a" * 64) -> Answer:
    return answer_once(user=user, key=key, request_sha256=sha256, act=clerk.act)


def test_the_same_key_and_request_is_answered_the_same(alice: User) -> None:
    clerk = Clerk()
    first, again = ask(clerk, alice), ask(clerk, alice)
    assert (first.status, first.body["number"], first.is_replayed) == (201, 1, False)
    assert (again.status, again.body["number"], again.is_replayed) == (201, 1, True)
    assert clerk.done == 1


def test_a_secret_is_shown_once_and_never_kept(alice: User) -> None:
    clerk = Clerk()
    assert ask(clerk, alice).body["secret"] == "s"
    assert ask(clerk, alice).body["secret"] is None
    assert Repeat.objects.get().body["secret"] is None


def test_the_same_key_with_another_request_is_refused(alice: User) -> None:
    clerk = Clerk()
    ask(clerk, alice)
    with pytest.raises(KeyReusedError):
        ask(clerk, alice, sha256="b" * 64)
    with pytest.raises(KeyReusedError):
        refuse_reuse(user=alice, keys=["j", "k"], request_sha256="b" * 64)
    refuse_reuse(user=alice, keys=["j", "k"], request_sha256="a" * 64)
    assert clerk.done == 1


def test_everybody_has_keys_of_their_own(alice: User, bob: User) -> None:
    clerk = Clerk()
    ask(clerk, alice)
    assert not ask(clerk, bob, sha256="b" * 64).is_replayed
    assert clerk.done == 2


def test_what_was_refused_may_be_asked_again_with_its_key(alice: User) -> None:
    clerk = Clerk()
    with pytest.raises(ConflictError):
        answer_once(user=alice, key="k", request_sha256="a" * 64, act=clerk.refuse)
    assert not Repeat.objects.exists()
    assert not ask(clerk, alice).is_replayed
    assert clerk.done == 2


def test_a_key_is_forgotten_after_a_week(alice: User) -> None:
    ask(Clerk(), alice)
    assert forget_repeats(now=timezone.now() + timedelta(days=6, hours=23)) == 0
    assert forget_repeats(now=timezone.now() + timedelta(days=7, seconds=1)) == 1
    assert not Repeat.objects.exists()
