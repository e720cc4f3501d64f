"""What a token was made for."""

from typing import cast

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from predictions.models import ApiToken, Scope


class ScopeMissingError(PermissionDenied):
    """The token was not made for this; its owner may make another."""

    default_code = "scope_missing"


def require_scope(request: Request, scope: Scope) -> None:
    """Raise ScopeMissingError unless the token has the scope."""
    token = cast("ApiToken", request.auth)
    if scope not in token.scopes:
        raise ScopeMissingError(
            f"This token may not do this: it lacks the scope '{scope.value}' "
            f"({scope.label.lower()}). Make a token that has it."
        )
