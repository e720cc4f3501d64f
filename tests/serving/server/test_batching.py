"""Requests of several callers in one run, as batching_session_test.cc wants it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from grpc import StatusCode

from serving.server.batching import BatchedServable, BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.loader import Servable, Threads
from serving.server.predict import run
from serving.server.status import StatusError
from tests.serving.server.batched import export_batched


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_batched(tmp_path_factory.mktemp("batched") / "1")


class Callers:
    """Callers whose requests wait together: the first run is held up until all came."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **said: Any):
        said.setdefault(
            "max_execution_batch_size", said.setdefault("max_batch_size", 9)
        )
        self.scheduler = BatchScheduler(BatchingParameters(**said))
        self.servable = BatchedServable(
            folder, threads=Threads(1, 1), scheduler=self.scheduler
        )
        self.runs: list[int] = []
        self._begun, self._all_came = Event(), Event()
        self._pool = ThreadPoolExecutor(8)
        monkeypatch.setattr(Servable, "run", self._watching(Servable.run))

    def _watching(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(servable: Any, signature: Any, feeds: Any, wanted: Any) -> Any:
            self._begun.set()
            assert self._all_came.wait(30)
            self.runs.append(len(next(iter(feeds.values()))))
            return real(servable, signature, feeds, wanted)

        return watched

    def ask(
        self, name: str, *requests: Sequence[Any], alias: str = "x"
    ) -> list[Future[dict[str, Any]]]:
        """Send the first request and, once it is computed, the others in order."""
        signature = self.servable.signatures[name]
        calls = []
        for number, rows in enumerate(requests):
            feeds = {alias: np.array(rows, signature.inputs[alias].numpy_dtype)}
            calls.append(
                self._pool.submit(
                    run, self.servable, signature, feeds, sorted(signature.outputs)
                )
            )
            if number == 0:
                assert self._begun.wait(30)
            while number and not (calls[-1].done() or self._waiting() >= number):
                pass
        self._all_came.set()
        return calls

    def _waiting(self) -> int:
        with self.scheduler._changed:
            return sum(
                len(batch.tasks)
                for queue in self.servable._queues.values()
                for batch in queue._batches
            )

    def close(self) -> None:
        self._all_came.set()
        self._pool.shutdown()
        self.servable.close()
        self.scheduler.close()


@pytest.fixture
def callers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Callers]]:
    made: list[Callers] = []

    def make(**said: Any) -> Callers:
        made.append(Callers(folder, monkeypatch, **said))
        return made[-1]

    yield make
    for each in made:
        each.close()


def answers(calls: list[Future[dict[str, Any]]]) -> list[Any]:
    return [call.result(30)["y"].tolist() for call in calls]


def refusal(call: Future[Any]) -> tuple[StatusCode, str]:
    with pytest.raises(StatusError) as caught:
        call.result(30)
    return caught.value.code, caught.value.message


def test_those_who_wait_together_are_computed_together(
    callers: Callable[..., Callers],
) -> None:
    asked = callers()

    assert answers(asked.ask("double", [1], [2, 3], [4])) == [[2], [4, 6], [8]]
    assert asked.runs == [1, 3]


def test_batches_are_filled_up_to_an_allowed_size(
    callers: Callable[..., Callers],
) -> None:
    asked = callers(allowed_batch_sizes=(2, 6, 9))

    assert answers(asked.ask("double", [1], [2, 3], [4])) == [[2], [4, 6], [8]]
    assert asked.runs == [2, 6]


def test_a_large_request_is_answered_in_one_piece(
    callers: Callable[..., Callers],
) -> None:
    asked = callers(enable_large_batch_splitting=True, max_execution_batch_size=2)

    assert answers(asked.ask("double", [1], [2], [3, 4, 5, 6])) == [
        [2],
        [4],
        [6, 8, 10, 12],
    ]
    assert asked.runs == [1, 2, 2, 1]


def test_one_bad_request_does_not_fail_its_neighbours(
    callers: Callable[..., Callers],
) -> None:
    calls = callers().ask("parse", [b"0"], [b"1", b"2"], [b"no number"], [b"3"])

    assert [calls[n].result(30)["y"].tolist() for n in (0, 1, 3)] == [[0], [1, 2], [3]]
    code, words = refusal(calls[2])
    assert code is StatusCode.INVALID_ARGUMENT
    assert "no number" in words


def test_requests_that_do_not_fit_together_are_computed_alone(
    callers: Callable[..., Callers],
) -> None:
    asked = callers()

    assert answers(asked.ask("double_rows", [[0]], [[1, 2]], [[3]])) == [
        [[0]],
        [[2, 4]],
        [[6]],
    ]
    assert asked.runs == [1, 1, 1]


def test_short_requests_are_filled_up_if_that_is_wanted(
    callers: Callable[..., Callers],
) -> None:
    asked = callers(pad_variable_length_inputs=True)

    assert answers(asked.ask("double_rows", [[0]], [[1, 2]], [[3]])) == [
        [[0]],
        [[2, 4]],
        [[6, 6]],
    ]
    assert asked.runs == [1, 2]


def test_a_full_queue_says_so(callers: Callable[..., Callers]) -> None:
    calls = callers(max_batch_size=1, max_enqueued_batches=1).ask(
        "double", [1], [2], [3]
    )

    assert answers(calls[:2]) == [[2], [4]]
    code, words = refusal(calls[2])
    assert code is StatusCode.UNAVAILABLE
    assert words.startswith(
        "The batch scheduling queue to which this task was submitted is full"
    )
