"""The way to a model server: one channel, a deadline, few retries, and a breaker."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import grpc

from serving.errors import ServingUnreachableError
from serving.messages import PREDICT, PredictRequest, PredictResponse
from serving.tensors import TENSOR_MAX_BYTES

MESSAGE_MAX_BYTES = 2 * TENSOR_MAX_BYTES  # gRPC's default is 4 MiB.

CHANNEL_OPTIONS = [
    ("grpc.max_send_message_length", MESSAGE_MAX_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
    # A hospital's proxy settings are not meant for the model server.
    ("grpc.enable_http_proxy", 0),
    # Found again soon after a restart: gRPC itself would wait up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]

# The words for a call that found no connection, or that a server which is up turned
# away. Nothing else tells these from a call that broke; were the words to change, it
# would count as broken.
NEVER_RUN = {
    grpc.StatusCode.UNAVAILABLE: (
        "failed to connect to all addresses",
        "DNS resolution failed",
        "The batch scheduling queue to which this task was submitted is full",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: ("Concurrent RPC limit exceeded",),
}

# Before the second and the third try. A restart takes longer: that is the caller's.
PAUSES_S = (0.05, 0.2)
JITTER = random.SystemRandom()


class Breaker:
    """Fails at once what would fail again.

    After `limit` calls in a row that reached no model, only one call each `pause_s` is
    let through, to find out. Threads may share it.
    """

    def __init__(
        self,
        *,
        limit: int = 3,
        pause_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._pause_s = pause_s
        self._clock = clock
        self._lock = Lock()
        self._missed = 0
        self._next_try = 0.0

    def enter(self) -> None:
        """Raises ServingUnreachableError while it is open."""
        with self._lock:
            if self._missed < self._limit:
                return
            now = self._clock()
            if now < self._next_try:
                raise ServingUnreachableError(
                    f"not asked: {self._missed} calls in a row did not reach a model"
                )
            self._next_try = now + self._pause_s

    def found(self) -> None:
        """A model was reached, be it in vain."""
        with self._lock:
            self._missed = 0

    def missed(self) -> None:
        """The call found nobody, or was turned away."""
        with self._lock:
            self._missed += 1
            self._next_try = self._clock() + self._pause_s


class Connection:
    """One channel to one server. Threads may share it.

    address: host:port, or unix:/path. timeout_s: for one call, retries included.
    connect_timeout_s: how long one try to connect may take, of that.
    authority: a PEM file with the certificates that the server's is checked against;
    without one the connection is not encrypted.
    Connects on the first call: gRPC does not survive a fork.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_s: float,
        connect_timeout_s: float,
        authority: Path | None = None,
    ) -> None:
        """Remember whom to ask."""
        self._address = address
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._authority = authority
        self._breaker = Breaker()
        self._lock = Lock()
        self._channel: grpc.Channel | None = None

    def close(self) -> None:
        """Hang up; the next call would connect again."""
        with self._lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def predict(self, request: PredictRequest) -> PredictResponse:
        """Ask, and ask again where nothing ran and the deadline allows it.

        Raises grpc.RpcError; ServingUnreachableError while the breaker is open.
        """
        ends_at = time.monotonic() + self._timeout_s
        for pause_s in PAUSES_S:
            try:
                return self._try(request, ends_at)
            except grpc.RpcError as error:
                wait_s = pause_s * JITTER.uniform(0.5, 1)
                if not never_ran(error) or time.monotonic() + wait_s >= ends_at:
                    raise
                time.sleep(wait_s)
        return self._try(request, ends_at)

    def _try(self, request: PredictRequest, ends_at: float) -> PredictResponse:
        self._breaker.enter()
        call = self._channel_of_now().unary_unary(
            PREDICT,
            request_serializer=PredictRequest.SerializeToString,
            response_deserializer=PredictResponse.FromString,
        )
        try:
            answer: PredictResponse = call(request, timeout=ends_at - time.monotonic())
        except grpc.RpcError as error:
            if never_ran(error):
                self._breaker.missed()
            else:
                self._breaker.found()
            raise
        self._breaker.found()
        return answer

    def _channel_of_now(self) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                self._channel = self._connect()
            return self._channel

    def _connect(self) -> grpc.Channel:
        # gRPC calls it so, but it is how long one try to connect may take.
        tried_ms = int(self._connect_timeout_s * 1000)
        options = [*CHANNEL_OPTIONS, ("grpc.min_reconnect_backoff_ms", tried_ms)]
        if self._authority is None:
            return grpc.insecure_channel(self._address, options)
        trusted = grpc.ssl_channel_credentials(self._authority.read_bytes())
        return grpc.secure_channel(self._address, trusted, options)


def never_ran(error: Any) -> bool:
    """Whether the call surely did not reach a model."""
    words = NEVER_RUN.get(error.code(), ())
    return (error.details() or "").startswith(words)
