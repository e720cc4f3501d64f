"""Callers of a model server, and of the model without one, in turns."""

import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

from serving.messages import PREDICT, PredictRequest, PredictResponse, TensorProto
from serving.server.loader import Servable

FLOAT32 = 1  # DataType.DT_FLOAT
UNLIMITED = [("grpc.max_receive_message_length", -1)]
Images = np.ndarray[Any, Any]
Feeds = Mapping[str, Images]


@dataclass
class Load:
    """What so many callers at once got: images a second of each round, waits in ms."""

    rates: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Images a second: the median of all rounds."""
        return statistics.median(self.rates)

    def wait_ms(self, percent: float) -> float:
        """How long this part of the calls took at most."""
        return float(np.percentile(self.waits_ms, percent))


class Caller:
    """Asks one server about one image at a time."""

    def __init__(self, address: str, name: str, feeds: Feeds) -> None:
        """Connect; the first question waits until the server answers."""
        self._channel = grpc.insecure_channel(address, options=UNLIMITED)
        self._predict = self._channel.unary_unary(
            PREDICT,
            request_serializer=PredictRequest.SerializeToString,
            response_deserializer=PredictResponse.FromString,
        )
        self._request = PredictRequest(
            inputs={alias: _message(image) for alias, image in feeds.items()}
        )
        self._request.model_spec.name = name

    def __call__(self) -> None:
        """Ask, and wait for the answer."""
        self._predict(self._request, timeout=300, wait_for_ready=True)

    def close(self) -> None:
        """Disconnect."""
        self._channel.close()


def bare_call(model: Servable, feeds: Feeds) -> Callable[[], object]:
    """A call of the model in this process, for all these images at once."""
    signature = model.signatures["serving_default"]
    wanted = sorted(signature.outputs)
    return lambda: model.run(signature, feeds, wanted)


def add_round(
    load: Load,
    call: Callable[[], object],
    *,
    callers: int,
    images: int,
    round_s: float,
) -> None:
    """Let `callers` threads call, each for `images`, again and again."""
    deadline = time.perf_counter() + round_s

    def work(_: int) -> list[float]:
        waits_ms: list[float] = []
        while not waits_ms or time.perf_counter() < deadline:
            began = time.perf_counter()
            call()
            waits_ms.append((time.perf_counter() - began) * 1000)
        return waits_ms

    with ThreadPoolExecutor(callers) as pool:
        began = time.perf_counter()
        all_waits_ms = [
            wait for waits in pool.map(work, range(callers)) for wait in waits
        ]
        spent_s = time.perf_counter() - began
    load.rates.append(len(all_waits_ms) * images / spent_s)
    load.waits_ms.extend(all_waits_ms)


def _message(image: Images) -> TensorProto:
    message = TensorProto(dtype=FLOAT32, tensor_content=image.tobytes())
    for size in image.shape:
        message.tensor_shape.dim.add(size=size)
    return message
