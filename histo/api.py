"""Asking the API: with patience where it helps, with the server's own words if not."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from histo.access import Access
from histo.errors import NoAccessError, RefusedError, UnreachableError

TRIES = 6
# Soon over, by their nature: too often, a restart, a full or slow moment.
PASSING = frozenset({408, 429, 502, 503, 504})
LONGEST_PAUSE_S = 30.0
UNAUTHORISED, NOT_MODIFIED = 401, 304
Json = dict[str, Any]


class Api:
    """One server, asked with one token. A context manager: it holds connections."""

    def __init__(
        self,
        access: Access,
        *,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = access.url
        self._sleep = sleep
        self._seen: dict[str, tuple[str, Json]] = {}
        self._client = httpx.Client(
            base_url=f"{access.url}/api/v1/",
            headers={"Authorization": f"Bearer {access.token}"},
            timeout=httpx.Timeout(60, connect=10),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, **query: object) -> Json:
        """A JSON answer; what is unchanged since the last time is not sent again."""
        request = self._client.build_request("GET", path, params=_said(query))
        tag, known = self._seen.get(str(request.url), ("", {}))
        if tag:
            request.headers["If-None-Match"] = tag
        response = self._patiently(lambda: self._client.send(request))
        if response.status_code == NOT_MODIFIED:
            return known
        answer: Json = response.json()
        if "ETag" in response.headers:
            self._seen[str(request.url)] = response.headers["ETag"], answer
        return answer

    def rows(self, path: str, **query: object) -> Iterator[Json]:
        """Every row of a list, page by page."""
        page = self.get(path, **query)
        yield from page["results"]
        while page["next"]:
            page = self.get(page["next"])
            yield from page["results"]

    def post(self, path: str, body: Json) -> Json:
        """Do something once, however often it has to be sent."""
        once = {"Idempotency-Key": str(uuid.uuid4())}
        answer: Json = self._patiently(
            lambda: self._client.post(path, json=body, headers=once)
        ).json()
        return answer

    def send_file(
        self,
        path: str,
        *,
        content: Callable[[], Any],
        headers: dict[str, str],
        query: dict[str, object],
    ) -> Json:
        """Post a file as the body, once. content: opens it anew for each try."""
        once = headers | {"Idempotency-Key": str(uuid.uuid4())}
        answer: Json = self._patiently(
            lambda: self._client.post(
                path, content=content(), headers=once, params=_said(query)
            )
        ).json()
        return answer

    def _patiently(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """Ask until there is an answer that asking again would not better.

        Raises UnreachableError, NoAccessError, RefusedError.
        """
        why = ""
        pause_s = 0.0
        for attempt in range(TRIES):
            self._sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2.0**attempt)
            pause_s *= random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret.
            try:
                response = ask()
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
                continue
            if response.status_code not in PASSING:
                return _accepted(response)
            why = _problem(response).get("detail", f"status {response.status_code}")
            pause_s = max(pause_s, _asked_to_wait_s(response))
        raise UnreachableError(f"{self.url} did not answer {TRIES} times: {why}")


def _accepted(response: httpx.Response) -> httpx.Response:
    if response.is_success or response.status_code == NOT_MODIFIED:
        return response
    problem = _problem(response)
    if response.status_code == UNAUTHORISED:
        raise NoAccessError(str(problem.get("detail", "The token is not valid.")))
    raise RefusedError(problem, response.status_code)


def _problem(response: httpx.Response) -> Json:
    """What a problem+json says; from a proxy in between nothing is to be had."""
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _asked_to_wait_s(response: httpx.Response) -> float:
    said = response.headers.get("Retry-After", "")
    return min(LONGEST_PAUSE_S, float(said)) if said.isdigit() else 0.0


def _said(query: dict[str, object]) -> dict[str, Any] | None:
    """None where nothing is: an empty one would cut an address's own query off."""
    return {name: value for name, value in query.items() if value is not None} or None
