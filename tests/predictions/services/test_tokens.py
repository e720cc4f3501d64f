"""Keys for programs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from predictions.models import ApiToken, AuditEvent, Scope
from predictions.services.errors import NotAllowedError
from predictions.services.tokens import (
    UnusableTokenError,
    find_token,
    issue_token,
    revoke_token,
)


def test_a_token_reads_and_writes_unless_more_is_asked(alice: User) -> None:
    token, _ = issue_token(user=alice, name="scanner")
    assert token.scopes == [Scope.READ, Scope.WRITE]
    narrow, secret = issue_token(
        user=alice, name="reader", scopes=[Scope.READ], life=timedelta(days=1)
    )
    found = find_token(secret=secret)
    assert found == narrow
    assert found.scopes == ["read"]
    event = AuditEvent.objects.get(subject=f"token:{narrow.pk}")
    assert event.detail == {"scopes": ["read"], "days": 1}


@pytest.mark.parametrize(
    ("scopes", "days"), [([], 1), (["root"], 1), ([Scope.READ], 0), ([Scope.READ], 367)]
)
def test_a_token_of_no_use_or_of_no_end_is_refused(
    alice: User, scopes: list[Scope], days: int
) -> None:
    with pytest.raises(UnusableTokenError):
        issue_token(
            user=alice, name="scanner", scopes=scopes, life=timedelta(days=days)
        )
    assert not ApiToken.objects.exists()


def test_its_use_is_noted_to_the_hour_and_not_at_each_request(alice: User) -> None:
    token, secret = issue_token(user=alice, name="scanner")
    with CaptureQueriesContext(connection) as first:
        find_token(secret=secret)
    with CaptureQueriesContext(connection) as second:
        find_token(secret=secret)
    assert (len(first), len(second)) == (2, 1)
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at.minute == token.last_used_at.second == 0
    assert timezone.now() - token.last_used_at < timedelta(hours=1, minutes=1)
    earlier = token.last_used_at - timedelta(hours=2)
    ApiToken.objects.update(last_used_at=earlier)
    find_token(secret=secret)
    token.refresh_from_db()
    assert token.last_used_at > earlier


def test_a_token_is_its_owner_s_to_revoke(alice: User, bob: User) -> None:
    token, secret = issue_token(user=alice, name="scanner")
    with pytest.raises(NotAllowedError):
        revoke_token(token=token, revoked_by=bob)
    assert find_token(secret=secret) == token
    for _ in range(2):
        revoke_token(token=token, revoked_by=alice)
    assert find_token(secret=secret) is None
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1
