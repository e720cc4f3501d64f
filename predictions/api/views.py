"""The door of every address: who, how often, what for; then the body, if at all."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import (
    AuthenticationFailed,
    NotAuthenticated,
    UnsupportedMediaType,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from predictions.api.etags import add_etag
from predictions.api.limits import spend_refusal, spend_request
from predictions.api.problems import LengthRequiredError
from predictions.api.repeats import keyed, read_key
from predictions.api.requests import OneAnswer, SmallJSONParser, limit_body
from predictions.api.scopes import require_scope
from predictions.models import Scope

# The longest JSON that anybody sends here is a comment, or a message on a case.
MAX_JSON_BYTES = 32_768


class ApiView(APIView):
    """What an address of the API is made of.

    `needs` names the scope that each of its operations asks of the token: there is
    no default, so that a new operation without one fails.
    """

    content_negotiation_class = OneAnswer
    parser_classes = [SmallJSONParser]
    http_method_names = ["get", "head", "post", "patch"]
    lookup_value_converter = "uuid"
    needs: ClassVar[Mapping[str, Scope]] = {}
    max_json_bytes: ClassVar[int] = MAX_JSON_BYTES
    # An upload is received before its transaction begins: it sees to its own key.
    keeps_own_answers: ClassVar[bool] = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authentication first; then what the headers tell; the body last."""
        try:
            super().initial(request, *args, **kwargs)
        except (AuthenticationFailed, NotAuthenticated):
            spend_refusal(request)
            raise
        spend_request(request)
        if operation := self.operation(request):
            require_scope(request, self.needs[operation])
        _check_headers(request)
        if not self.keeps_own_answers:
            limit_body(request, self.max_json_bytes)
        key = read_key(request)
        if key is not None and not self.keeps_own_answers:
            self._answer_once(request, key)

    def operation(self, request: Request) -> str | None:
        """The name that `needs` knows this request by; None if it has no handler."""
        method = str(request.method).lower().replace("head", "get")
        if method not in self.http_method_names:
            return None
        action: str | None = getattr(self, "action", method)
        return action if action and hasattr(self, action) else None

    def _answer_once(self, request: Request, key: str) -> None:
        """Put the handler that this very request is about to meet behind its key."""
        method = str(request.method).lower()
        handler = getattr(self, method, self.http_method_not_allowed)
        setattr(self, method, keyed(handler, key))

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """What can be asked for again is answered with 304 while it is the same."""
        is_rendered = isinstance(response, Response)  # Not a file, nor a problem.
        if is_rendered and request.method in {"GET", "HEAD"}:
            add_etag(request, response)
        return super().finalize_response(request, response, *args, **kwargs)


def _check_headers(request: Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(
            encoding, detail="Send the body as it is, without Content-Encoding."
        )
    if "Transfer-Encoding" in request.headers:
        raise LengthRequiredError
