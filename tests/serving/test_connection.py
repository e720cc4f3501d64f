"""Retries, the breaker and TLS, on a server that does what a test wants."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from serving.client import ServingClient
from serving.connection import Breaker
from serving.errors import (
    ServingBrokenError,
    ServingRejectedError,
    ServingUnreachableError,
)
from tests.model_server import free_port
from tests.serving.contracts import SMALL
from tests.serving.fake_model import FakeModel

# TensorFlow's words (core/kernels/batching_util/basic_batch_scheduler.h).
FULL = (
    grpc.StatusCode.UNAVAILABLE,
    "The batch scheduling queue to which this task was submitted is full",
)
CROWDED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!")


@pytest.fixture
def fake() -> Iterator[FakeModel]:
    with FakeModel() as model:
        yield model


def client_of(fake: FakeModel, timeout_s: float = 10) -> ServingClient:
    return ServingClient(
        f"127.0.0.1:{fake.port}", "tiny-mil", timeout_s=timeout_s, connect_timeout_s=2
    )


# --- Retries --------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [FULL, CROWDED])
def test_a_call_that_was_turned_away_is_made_again(
    fake: FakeModel, refusal: tuple[grpc.StatusCode, str]
) -> None:
    fake.refusals = [refusal, refusal]
    with client_of(fake) as asker:
        assert asker.describe().contract == SMALL
    assert len(fake.requests) == 3


@pytest.mark.parametrize("refusal", [FULL, CROWDED])
def test_who_is_turned_away_each_time_may_ask_later_at_no_cost(
    fake: FakeModel, refusal: tuple[grpc.StatusCode, str]
) -> None:
    fake.refusal = refusal
    with client_of(fake) as asker, pytest.raises(ServingUnreachableError):
        asker.describe()
    assert len(fake.requests) == 3


def test_a_deadline_leaves_no_room_for_another_try(fake: FakeModel) -> None:
    fake.refusal = FULL
    with (
        client_of(fake, timeout_s=0.02) as asker,
        pytest.raises((ServingUnreachableError, ServingBrokenError)),
    ):
        asker.describe()
    assert len(fake.requests) <= 1


@pytest.mark.parametrize(
    "refusal",
    [
        (grpc.StatusCode.UNAVAILABLE, "Socket closed"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OOM when allocating tensor"),
        (grpc.StatusCode.INTERNAL, "no"),
    ],
)
def test_what_may_have_run_is_not_asked_again(
    fake: FakeModel, refusal: tuple[grpc.StatusCode, str]
) -> None:
    fake.refusals = [refusal]
    with client_of(fake) as asker, pytest.raises(ServingBrokenError):
        asker.describe()
    assert len(fake.requests) == 1


def test_a_message_that_is_too_large_stays_so(fake: FakeModel) -> None:
    fake.refusals = [
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "Received message larger than max (9 vs. 4)",
        )
    ]
    with client_of(fake) as asker, pytest.raises(ServingRejectedError):
        asker.describe()


# --- The breaker ----------------------------------------------------------------


class Clock:
    """Stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_breaker_opens_after_some_misses_in_a_row() -> None:
    breaker = Breaker(limit=2, pause_s=1, clock=Clock())
    for _ in range(2):
        breaker.enter()
        breaker.missed()
    with pytest.raises(ServingUnreachableError, match="2 calls in a row"):
        breaker.enter()


def test_an_answer_in_between_keeps_it_closed() -> None:
    breaker = Breaker(limit=2, pause_s=1, clock=Clock())
    breaker.missed()
    breaker.found()
    breaker.missed()
    breaker.enter()


def test_after_the_pause_one_call_finds_out() -> None:
    clock = Clock()
    breaker = Breaker(limit=1, pause_s=1, clock=clock)
    breaker.missed()
    clock.now = 1.0
    breaker.enter()
    with pytest.raises(ServingUnreachableError):
        breaker.enter()
    breaker.found()
    breaker.enter()
    breaker.enter()


def test_a_dead_server_costs_no_connecting_after_a_while() -> None:
    with ServingClient(
        f"127.0.0.1:{free_port()}", "x", timeout_s=10, connect_timeout_s=1
    ) as asker:
        with pytest.raises(ServingUnreachableError):
            asker.describe()
        with pytest.raises(ServingUnreachableError, match="not asked"):
            asker.describe()


# --- TLS ------------------------------------------------------------------------


def test_a_server_is_known_by_its_certificate(certificate: tuple[Path, Path]) -> None:
    key, made = certificate
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), made.read_bytes())])
    with FakeModel(credentials) as fake:
        address = f"127.0.0.1:{fake.port}"
        with ServingClient(
            address, "tiny-mil", timeout_s=10, connect_timeout_s=2, authority=made
        ) as asker:
            assert asker.describe().contract == SMALL
        with (
            ServingClient(address, "x", timeout_s=10, connect_timeout_s=2) as asker,
            pytest.raises((ServingUnreachableError, ServingBrokenError)),
        ):
            asker.describe()


def test_a_stranger_certificate_is_not_talked_to(
    fake: FakeModel, certificate: tuple[Path, Path]
) -> None:
    with (
        ServingClient(
            f"127.0.0.1:{fake.port}",
            "tiny-mil",
            timeout_s=10,
            connect_timeout_s=2,
            authority=certificate[1],
        ) as asker,
        pytest.raises(ServingUnreachableError),
    ):
        asker.describe()
    assert fake.requests == []
