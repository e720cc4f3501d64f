"""As shared_batch_scheduler_test.cc of TensorFlow wants it, with a clock of its own."""

from typing import Any

import numpy as np
import pytest
from grpc import StatusCode

from serving.server.batch_queue import BatchQueue
from serving.server.batching_parameters import BatchingParameters
from serving.server.status import StatusError


def queue(**parameters: Any) -> BatchQueue:
    parameters.setdefault("max_execution_batch_size", parameters["max_batch_size"])
    return BatchQueue(BatchingParameters(**parameters), lambda _: None)


def rows(count: int) -> dict[str, Any]:
    return {"x": np.arange(count)}


def add(waiting: BatchQueue, count: int, *, now_s: float = 0) -> list[int]:
    return [task.rows for task in waiting.add(rows(count), count, now_s=now_s)]


def take(waiting: BatchQueue, *, now_s: float = 0) -> list[int] | None:
    tasks = waiting.take(now_s=now_s)
    return None if tasks is None else [task.rows for task in tasks]


def test_a_batch_takes_what_still_fits() -> None:
    waiting = queue(max_batch_size=4)
    for count in (1, 2, 2, 2):
        add(waiting, count)

    assert take(waiting) == [1, 2]
    assert take(waiting) == [2, 2]
    assert take(waiting) is None


def test_a_batch_waits_until_it_is_old_enough() -> None:
    waiting = queue(max_batch_size=4, batch_timeout_micros=1_000_000)
    add(waiting, 1, now_s=10.0)
    add(waiting, 1, now_s=10.9)

    assert take(waiting, now_s=10.9) is None
    assert waiting.ready_s() == 11.0
    assert take(waiting, now_s=11.0) == [1, 1]
    assert waiting.ready_s() is None


def test_a_full_batch_does_not_wait() -> None:
    waiting = queue(max_batch_size=2, batch_timeout_micros=1_000_000)
    add(waiting, 1)
    add(waiting, 1)

    assert take(waiting) == [1, 1]


def test_a_closed_batch_does_not_wait() -> None:
    waiting = queue(max_batch_size=3, batch_timeout_micros=1_000_000)
    add(waiting, 2)
    add(waiting, 2)

    assert take(waiting) == [2]
    assert take(waiting) is None


def test_a_request_larger_than_any_batch_is_refused() -> None:
    with pytest.raises(StatusError) as caught:
        add(queue(max_batch_size=4), 5)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == (
        "Task size 5 is larger than maximum input batch size 4"
    )


def test_a_full_queue_takes_no_more() -> None:
    waiting = queue(max_batch_size=2, max_enqueued_batches=2)
    add(waiting, 2)
    add(waiting, 1)
    with pytest.raises(StatusError) as caught:
        add(waiting, 2)

    assert caught.value.code is StatusCode.UNAVAILABLE
    assert caught.value.message == (
        "The batch scheduling queue to which this task was submitted is full; "
        "currently 2 batches enqueued and max_enqueued_batches is 2"
    )
    assert add(waiting, 1) == [1]  # It still fits into the open batch.
    take(waiting)
    assert add(waiting, 2) == [2]


def test_a_large_request_is_split_into_what_batches_hold() -> None:
    waiting = queue(
        max_batch_size=10, max_execution_batch_size=3, enable_large_batch_splitting=True
    )
    add(waiting, 1)
    tasks = waiting.add(rows(6), 6, now_s=0)

    assert [task.feeds["x"].tolist() for task in tasks] == [[0, 1], [2, 3, 4], [5]]
    assert [take(waiting) for _ in range(4)] == [[1, 2], [3], [1], None]


def test_splitting_stops_at_what_the_queue_holds() -> None:
    waiting = queue(
        max_batch_size=100,
        max_execution_batch_size=3,
        max_enqueued_batches=2,
        enable_large_batch_splitting=True,
    )
    add(waiting, 1)
    with pytest.raises(StatusError) as caught:
        add(waiting, 6)

    assert caught.value.code is StatusCode.UNAVAILABLE
    assert "task size is 6 but scheduling capacity is only 5 " in caught.value.message
    assert add(waiting, 5) == [2, 3]
