"""Messages on a case."""

import pytest
from django.contrib.auth.models import User

from predictions.models import AuditEvent, Case, Membership, Message
from predictions.services.errors import NotAllowedError
from predictions.services.messages import post_message
from predictions.services.words import WordsRefusedError


@pytest.mark.parametrize("name", ["alice", "bob", "dora"])
def test_every_member_may_write(
    case: Case, name: str, request: pytest.FixtureRequest
) -> None:
    author = request.getfixturevalue(name)
    message = post_message(case=case, author=author, text="  Recut ordered.\n")
    assert Message.objects.get() == message
    assert (message.text, message.author) == ("Recut ordered.", author)


def test_trail_tells_that_there_is_one_and_not_what_it_says(
    case: Case, alice: User
) -> None:
    message = post_message(case=case, author=alice, text="Mrs Doe called.")
    event = AuditEvent.objects.get(action="message.post")
    assert (event.subject, event.actor_id) == (f"case:{case.pk}", alice.pk)
    assert event.detail == {"message": str(message.pk)}


def test_nobody_from_elsewhere_writes(case: Case, charlie: User) -> None:
    with pytest.raises(NotAllowedError):
        post_message(case=case, author=charlie, text="Hello")
    assert not Message.objects.exists()


def test_disabled_member_writes_nothing(case: Case, alice: User) -> None:
    Membership.objects.update(is_active=False)
    with pytest.raises(NotAllowedError):
        post_message(case=case, author=alice, text="Hello")


@pytest.mark.parametrize("text", ["", " \n", "x" * 4001])
def test_message_says_something_and_not_a_book(
    case: Case, alice: User, text: str
) -> None:
    with pytest.raises(WordsRefusedError, match="1 to 4000"):
        post_message(case=case, author=alice, text=text)
    assert post_message(case=case, author=alice, text="x" * 4000)
