"""The health service as a probe sees it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import grpc
import pytest

from serving.server.health import (
    CHECK,
    WATCH,
    Health,
    HealthCheckRequest,
    HealthCheckResponse,
)
from tests.model_server import free_port

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN


class Probe:
    """A client of a server whose only thread for everything else is busy."""

    def __init__(self, health: Health, channel: grpc.Channel) -> None:
        self.health = health
        self.check = channel.unary_unary(
            CHECK,
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        self._watch = channel.unary_stream(
            WATCH,
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )

    def watch(self, service: str = "") -> Any:
        return self._watch(HealthCheckRequest(service=service), timeout=30)


@pytest.fixture
def probe() -> Iterator[Probe]:
    health = Health()
    done = Event()
    pool = ThreadPoolExecutor(1)
    pool.submit(done.wait)
    server = grpc.server(pool)
    server.add_generic_rpc_handlers((health.handler(),))
    port = server.add_insecure_port(f"127.0.0.1:{free_port()}")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Probe(health, channel)
    done.set()
    server.stop(0).wait()


def test_the_server_serves_until_it_leaves(probe: Probe) -> None:
    assert probe.check(HealthCheckRequest(), timeout=30).status == SERVING
    probe.health.leave()
    assert probe.check(HealthCheckRequest(), timeout=30).status == NOT_SERVING


def test_another_service_is_not_known(probe: Probe) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        probe.check(HealthCheckRequest(service="other"), timeout=30)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    watch = probe.watch("other")
    assert next(watch).status == SERVICE_UNKNOWN
    probe.health.leave()
    assert list(watch) == []


def test_a_watch_says_when_the_server_leaves_and_ends(probe: Probe) -> None:
    watch = probe.watch()
    assert next(watch).status == SERVING
    probe.health.leave()

    assert [response.status for response in watch] == [NOT_SERVING]
    assert [response.status for response in probe.watch()] == [NOT_SERVING]


def test_open_watches_keep_no_thread(probe: Probe) -> None:
    watches = [probe.watch() for _ in range(20)]

    assert {next(watch).status for watch in watches} == {SERVING}
    assert probe.check(HealthCheckRequest(), timeout=30).status == SERVING


def test_a_watcher_that_went_is_forgotten(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = Event()
    real = probe.health._forget

    def forget(send: Any) -> None:
        real(send)
        forgotten.set()

    monkeypatch.setattr(probe.health, "_forget", forget)
    watch = probe.watch()
    next(watch)
    watch.cancel()

    assert forgotten.wait(30)
    assert not probe.health._watchers
