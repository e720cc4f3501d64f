"""Patience where it helps, the server's own words where not."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from histo.access import Access
from histo.api import LONGEST_PAUSE_S, TRIES, Api
from histo.errors import NoAccessError, RefusedError, UnreachableError

Handler = Callable[[httpx.Request], httpx.Response]


class Server:
    """Answers in the order given, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = iter(answers)
        self.asked: list[httpx.Request] = []
        self.pauses_s: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def api(self) -> Api:
        return Api(
            Access("http://lab.test", "histo_secret"),
            sleep=self.pauses_s.append,
            transport=httpx.MockTransport(self),
        )


def problem(status: int, **more: str) -> httpx.Response:
    return httpx.Response(status, json={"detail": "No.", **more})


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("cut"),
        problem(503),
        httpx.Response(502, text="<html>a proxy</html>"),
    ],
)
def test_what_passes_is_asked_again_with_the_same_key(
    trouble: httpx.Response | Exception,
) -> None:
    server = Server(trouble, httpx.Response(201, json={"id": "1"}))
    assert server.api().post("cases", {"patient": "P"}) == {"id": "1"}
    keys = {request.headers["Idempotency-Key"] for request in server.asked}
    assert len(server.asked) == 2
    assert len(keys) == 1
    assert json.loads(server.asked[1].content) == {"patient": "P"}


def test_it_waits_as_long_as_the_server_asks_for() -> None:
    busy = httpx.Response(429, headers={"Retry-After": "17"}, json={})
    server = Server(busy, httpx.Response(200, json={}))
    server.api().get("cases")
    assert server.pauses_s == [0, 17]


def test_patience_ends() -> None:
    server = Server(*[problem(503)] * TRIES)
    with pytest.raises(UnreachableError, match=r"http://lab\.test did not answer 6"):
        server.api().get("cases")
    assert max(server.pauses_s) <= LONGEST_PAUSE_S


def test_a_refusal_is_not_repeated_and_keeps_its_words() -> None:
    server = Server(problem(409, case="5"))
    with pytest.raises(RefusedError, match=r"No\.") as refused:
        server.api().post("cases", {})
    assert refused.value.problem["case"] == "5"
    assert len(server.asked) == 1


def test_a_token_that_is_not_taken_is_no_access() -> None:
    with pytest.raises(NoAccessError):
        Server(problem(401)).api().get("cases")


def test_what_is_unchanged_is_not_sent_again() -> None:
    first = httpx.Response(200, headers={"ETag": '"a"'}, json={"status": "running"})
    server = Server(first, httpx.Response(304))
    api = server.api()
    assert api.get("analyses/1") == api.get("analyses/1") == {"status": "running"}
    assert server.asked[1].headers["If-None-Match"] == '"a"'


def test_a_list_is_followed_to_its_end() -> None:
    def pages() -> Iterator[httpx.Response]:
        following = "http://lab.test/api/v1/cases?cursor=b"
        yield httpx.Response(200, json={"results": [{"n": 1}], "next": following})
        yield httpx.Response(200, json={"results": [{"n": 2}], "next": None})

    server = Server(*pages())
    assert list(server.api().rows("cases")) == [{"n": 1}, {"n": 2}]
    assert server.asked[1].url.query == b"cursor=b"
