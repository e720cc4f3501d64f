"""What the OpenAPI document says of every operation alike."""

from typing import TYPE_CHECKING, Any, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from predictions.api.repeats import HEADER, REPLAYED
from predictions.api.serializers.problems import ProblemOut

if TYPE_CHECKING:
    from predictions.api.views import ApiView

PROBLEM = "application/problem+json"
SHOWN = [200, 201, 207]
READING = [400, 401, 403, 404, 429, 503]
WRITING = [*READING, 409, 411, 413, 415, 422]


class Schema(AutoSchema):
    """Adds what the door does: scope, key, ETag, and how each operation refuses."""

    def get_auth(self) -> list[dict[str, Any]]:
        """The token, and the scope that it needs here."""
        return [{name: [self._scope()] for name in one} for one in super().get_auth()]

    def get_description(self) -> str:  # type: ignore[override]  # As spectacular's own.
        """What it does; and the scope again, for people."""
        return f"{super().get_description()}\n\nScope: `{self._scope()}`."

    def get_override_parameters(self) -> list[Any]:
        """The list's own, and the headers."""
        parameters: list[Any] = [*super().get_override_parameters()]
        if self._reads():
            query = getattr(self.view, "query_class", None)
            listed = [query] if query and self._is_list_view() else []
            return [*parameters, *listed, IF_NONE_MATCH, ETAG, RETRY_AFTER]
        return [*parameters, KEY, KEY_REPLAYED, RETRY_AFTER]

    def _reads(self) -> bool:
        return self.method in {"GET", "HEAD"}

    def _scope(self) -> str:
        name = getattr(self.view, "action", None) or str(self.method).lower()
        return str(cast("ApiView", self.view).needs[name].value)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in READING if self._reads() else WRITING:
            bodies.setdefault(str(status), self._body(ProblemOut, status, [PROBLEM]))
        if self._reads():
            bodies["304"] = self._body(SAME, 304)
        return dict(sorted(bodies.items()))

    def _body(self, shape: Any, status: int, types: list[str] | None = None) -> Any:
        return self._get_response_for_code(shape, str(status), types)  # type: ignore[no-untyped-call]  # spectacular has no types here.


SAME = OpenApiResponse(description="It is what If-None-Match named.")
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the answer that is known: 304 while it is the same.",
)
ETAG = OpenApiParameter(
    "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[200, 304]
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    description="Seconds.",
    response=[429, 503],
)
KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="A new one with each new request: sent again with it, the request is "
    "not done again but answered as the first time.",
)
KEY_REPLAYED = OpenApiParameter(
    REPLAYED,
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    description="It was done before, and this is its answer.",
    response=SHOWN,
)
