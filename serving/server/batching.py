"""Compute the requests of several callers in one run.

As TensorFlow Serving's BatchingSession (batching_session.cc), but for this: when a
batch fails, its requests run alone, so that one caller's mistake is not another's.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Condition, Thread
from time import monotonic

import numpy as np

from serving.server.batch_queue import BatchQueue, Task
from serving.server.batches import Array, Feeds, allowed_size, count_rows, merge, part
from serving.server.batching_parameters import BatchingParameters
from serving.server.loader import ModelError, Servable, Signature, Threads
from serving.server.status import StatusError

# What running a batch may raise; whoever waits for it must hear of it.
FAILURES = (
    StatusError,
    ModelError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


class BatchScheduler:
    """Threads that process batches of all queues in turn."""

    def __init__(self, parameters: BatchingParameters) -> None:
        """Start the threads. They hold up no ending: who waits is waited for."""
        self.parameters = parameters
        self._queues: deque[BatchQueue] = deque()
        self._changed = Condition()
        self._is_open = True
        for number in range(parameters.num_batch_threads):
            name = f"{parameters.thread_pool_name}_{number}"
            Thread(target=self._work, name=name, daemon=True).start()

    def add_queue(self, process: Callable[[Sequence[Task]], None]) -> BatchQueue:
        """Make a queue whose batches go to `process`."""
        queue = BatchQueue(self.parameters, process)
        with self._changed:
            self._queues.append(queue)
        return queue

    def remove_queue(self, queue: BatchQueue) -> None:
        """Forget a queue. Nothing may wait in it."""
        with self._changed:
            self._queues.remove(queue)

    def submit(self, queue: BatchQueue, feeds: Feeds, rows: int) -> list[Task]:
        """Let a request wait for its batch. Raises StatusError."""
        with self._changed:
            tasks = queue.add(feeds, rows, now_s=monotonic())
            self._changed.notify_all()
        return tasks

    def close(self) -> None:
        """End the threads. Nothing may wait in any queue."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                found = self._take()
                while found is None and self._is_open:
                    self._changed.wait(self._wait_s())
                    found = self._take()
            if found is None:
                return
            queue, tasks = found
            queue.process(tasks)

    def _take(self) -> tuple[BatchQueue, list[Task]] | None:
        """A batch of the next queue that has one."""
        for queue in list(self._queues):
            self._queues.rotate(-1)
            tasks = queue.take(now_s=monotonic())
            if tasks is not None:
                return queue, tasks
        return None

    def _wait_s(self) -> float | None:
        ready_s = [queue.ready_s() for queue in self._queues]
        earliest_s = min((each for each in ready_s if each is not None), default=None)
        return None if earliest_s is None else max(earliest_s - monotonic(), 0.0)


class BatchedServable(Servable):
    """A loaded model whose signatures are computed in batches."""

    def __init__(
        self,
        folder: Path,
        *,
        threads: Threads,
        scheduler: BatchScheduler,
        bfloat16: bool = False,
    ) -> None:
        """Load the model in `folder`. Raises LoadError."""
        super().__init__(folder, threads=threads, bfloat16=bfloat16)
        self._scheduler = scheduler
        distinct = {_key(each): each for each in self.signatures.values()}
        self._queues: Mapping[str, BatchQueue] = {
            key: scheduler.add_queue(self._processing(signature))
            for key, signature in distinct.items()
        }

    def run(
        self, signature: Signature, feeds: Feeds, wanted: Sequence[str]
    ) -> list[Array]:
        """Compute the `wanted` outputs. Raises ModelError, StatusError.

        A call for some outputs only, or for several signatures at once, is none of a
        signature: it is not batched.
        """
        outputs = sorted(signature.outputs)
        queue = self._queues.get(_key(signature))
        if queue is None or sorted(wanted) != outputs:
            return super().run(signature, feeds, wanted)
        rows = count_rows(feeds)
        tasks = self._scheduler.submit(queue, feeds, rows)
        parts = [task.answer.result() for task in tasks]
        answers = (
            parts[0]
            if len(parts) == 1
            else [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
        )
        return [answers[outputs.index(name)] for name in wanted]

    def close(self) -> None:
        """Give the memory back. Nobody may be inside `run`."""
        for queue in self._queues.values():
            self._scheduler.remove_queue(queue)
        super().close()

    def _processing(self, signature: Signature) -> Callable[[Sequence[Task]], None]:
        def process(tasks: Sequence[Task]) -> None:
            try:
                answers = self._run_together(signature, tasks)
            except FAILURES as error:
                if len(tasks) == 1:
                    tasks[0].answer.set_exception(error)
                    return
                for task in tasks:
                    process([task])
                return
            for task, answer in zip(tasks, answers, strict=True):
                task.answer.set_result(answer)

        return process

    def _run_together(
        self, signature: Signature, tasks: Sequence[Task]
    ) -> list[list[Array]]:
        parameters = self._scheduler.parameters
        sizes = [task.rows for task in tasks]
        rows = allowed_size(sum(sizes), parameters.allowed_batch_sizes)
        feeds = merge(
            [task.feeds for task in tasks],
            rows=rows,
            is_padded=parameters.pad_variable_length_inputs,
        )
        answers = super().run(signature, feeds, sorted(signature.outputs))
        return part(answers, sizes, rows=count_rows(feeds))


def _key(signature: Signature) -> str:
    """Equal for signatures of the same tensors: their requests share batches."""
    return repr(
        [
            sorted((alias, tensor.graph_name) for alias, tensor in tensors.items())
            for tensors in (signature.inputs, signature.outputs)
        ]
    )
