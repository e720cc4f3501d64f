"""Whom Django lets in."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User

from predictions.models import let_in


class MembersBackend(ModelBackend):
    """A name and a password at sign-in; the one rule then, and at every request."""

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        return user is not None and self.get_user(user.pk) is not None

    def get_user(self, user_id: Any) -> User | None:
        """In one query: who was disabled is signed out by the next request."""
        return User.objects.filter(let_in(), pk=user_id).first()
