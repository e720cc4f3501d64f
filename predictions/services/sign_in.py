"""Signing in: counted, on record, and telling nobody who has an account."""

import math
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction

from predictions.services.audit import record_event
from predictions.services.errors import ServiceError
from predictions.services.rates import TooManyError, tally

NOBODY = "user:unknown"


class SignInRefusedError(ServiceError):
    """A wrong password, a wrong name, a closed account: nobody is told which."""

    status = 403
    code = "sign_in_refused"
    title = "You are not signed in"

    def __init__(self) -> None:
        super().__init__(
            "This name and password do not belong together. Check both and try again, "
            "or ask your laboratory's administrator."
        )


def check_sign_in(*, username: str, password: str, address: str) -> User:
    """Find who signs in. Raises SignInRefusedError, TooManyError.

    Each try is counted before anything is looked up, so that parallel ones cannot
    slip through, and for a name that nobody has like for any other. A refusal takes
    the same work for every reason: one hash, two look-ups, one event.
    """
    name = User.normalize_username(username).casefold()
    _count(what="sign-in.address", whom=address, limit=settings.SIGN_INS_PER_ADDRESS)
    _count(what="sign-in.account", whom=name, limit=settings.SIGN_INS_PER_ACCOUNT)
    user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        _record("sign_in.fail", username)
        raise SignInRefusedError
    with transaction.atomic():
        record_event(
            laboratory=None, actor=user, action="sign_in", subject=f"user:{user.pk}"
        )
    return user


def confirm_password(*, user: User, password: str) -> bool:
    """Whether somebody who is signed in knows the password. Raises TooManyError.

    Counted like a sign-in: a session that was left open is no place to guess.
    """
    name = user.get_username().casefold()
    _count(what="sign-in.account", whom=name, limit=settings.SIGN_INS_PER_ACCOUNT)
    return user.check_password(password)


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Set another password. The person's other sessions end with the old one."""
    user.set_password(password)
    user.save(update_fields=["password"])
    record_event(
        laboratory=None, actor=user, action="password.change", subject=f"user:{user.pk}"
    )


def _count(*, what: str, whom: str, limit: int) -> None:
    window = timedelta(seconds=settings.SIGN_IN_WINDOW_S)
    counted = tally(what=what, whom=whom, window=window)
    if counted.count <= limit:
        return
    if counted.count == limit + 1:  # Once in a window: nobody floods the trail.
        with transaction.atomic():
            record_event(
                laboratory=None, actor=None, action="sign_in.throttle", subject=what
            )
    minutes = math.ceil(counted.remaining_s / 60)
    raise TooManyError(
        f"That was tried too often. Wait {minutes} min, then try again.",
        retry_after_s=counted.remaining_s,
    )


@transaction.atomic
def _record(action: str, username: str) -> None:
    """What was typed is not on record where it is no account: it may be a password."""
    account = User.objects.filter(username=User.normalize_username(username)).first()
    subject = f"user:{account.pk}" if account else NOBODY
    record_event(laboratory=None, actor=None, action=action, subject=subject)


def forget_sessions() -> None:
    """Drop the sessions whose absolute limit has passed."""
    SessionStore.clear_expired()
