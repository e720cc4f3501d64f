"""Programs show a token."""

from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from predictions.services.tokens import find_token

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request

    from predictions.models import ApiToken


class Bearer(BaseAuthentication):
    """`Authorization: Bearer <token>`. Reads headers only, never the body."""

    def authenticate(self, request: "Request") -> "tuple[User, ApiToken] | None":
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        try:
            _, secret = words
        except ValueError:
            raise AuthenticationFailed(
                "Send 'Authorization: Bearer <token>'."
            ) from None
        token = find_token(secret=secret.decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(
                "This token is not valid any more. Make a new one."
            )
        return token.user, token

    def authenticate_header(self, request: "Request") -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # Its registry's hook has no types.
    """What the OpenAPI page says of it."""

    target_class = "predictions.api.authentication.Bearer"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
