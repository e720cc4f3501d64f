"""The requests that wait for one signature, in batches.

As in shared_batch_scheduler.h: the last batch is open and takes what still fits; those
before it are closed and ready. The open one is ready when it is full or old enough.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from grpc import StatusCode

from serving.server.batches import Array, Feeds, cut
from serving.server.batching_parameters import BatchingParameters
from serving.server.status import StatusError, invalid

MICROS = 1e-6
FULL = "The batch scheduling queue to which this task was submitted is full; "


@dataclass(eq=False)
class Task:
    """A request, or what fits into a batch of it, and its answer to come."""

    feeds: Feeds
    rows: int
    answer: "Future[list[Array]]" = field(default_factory=Future)


@dataclass(eq=False)
class _Batch:
    tasks: list[Task] = field(default_factory=list)
    opened_s: float = 0.0

    @property
    def rows(self) -> int:
        return sum(task.rows for task in self.tasks)


class BatchQueue:
    """Not for two threads at once: its scheduler holds a lock.

    process: answers the tasks of a batch.
    """

    def __init__(
        self, parameters: BatchingParameters, process: Callable[[Sequence[Task]], None]
    ) -> None:
        self.process = process
        self._parameters = parameters
        self._batches = deque([_Batch()])

    def add(self, feeds: Feeds, rows: int, *, now_s: float) -> list[Task]:
        """Let a request wait. Raises StatusError if it is too large, or the queue full.

        Returns the parts that it was split into, in order; mostly one.
        """
        self._check(rows)
        sizes = self._sizes(rows)
        tasks = [
            Task(piece, size)
            for piece, size in zip(
                cut(feeds, sizes) if len(sizes) > 1 else [feeds], sizes, strict=True
            )
        ]
        for task in tasks:
            self._append(task, now_s)
        return tasks

    def take(self, *, now_s: float) -> list[Task] | None:
        """Hand out a batch that is ready."""
        if len(self._batches) == 1:
            ready_s = self.ready_s()
            if ready_s is None or now_s < ready_s:
                return None
            self._batches.append(_Batch())
        return self._batches.popleft().tasks

    def ready_s(self) -> float | None:
        """When a batch is ready at the latest; None while nothing waits."""
        first = self._batches[0]
        if not first.tasks:
            return None
        if len(self._batches) > 1 or first.rows >= self._largest:
            return first.opened_s
        return first.opened_s + self._parameters.batch_timeout_micros * MICROS

    @property
    def _largest(self) -> int:
        return self._parameters.max_execution_batch_size

    def _append(self, task: Task, now_s: float) -> None:
        if self._batches[-1].rows + task.rows > self._largest:
            self._batches.append(_Batch())
        if not self._batches[-1].tasks:
            self._batches[-1].opened_s = now_s
        self._batches[-1].tasks.append(task)

    def _sizes(self, rows: int) -> list[int]:
        """How a request is split: the open batch is filled up first."""
        if not self._parameters.enable_large_batch_splitting:
            return [rows]
        fits = self._largest - self._batches[-1].rows
        if rows <= fits:
            return [rows]
        sizes = [fits] if fits else []
        whole, rest = divmod(rows - fits, self._largest)
        return sizes + [self._largest] * whole + ([rest] if rest else [])

    def _check(self, rows: int) -> None:
        limit = self._parameters.max_batch_size
        if rows > limit:
            raise invalid(
                f"Task size {rows} is larger than maximum input batch size {limit}"
            )
        if self._parameters.enable_large_batch_splitting:
            self._check_capacity(rows)
        elif self._batches[-1].rows + rows > limit:
            self._check_length()

    def _check_length(self) -> None:
        waiting, most = len(self._batches), self._parameters.max_enqueued_batches
        if waiting >= most:
            raise StatusError(
                StatusCode.UNAVAILABLE,
                f"{FULL}currently {waiting} batches enqueued and "
                f"max_enqueued_batches is {most}",
            )

    def _check_capacity(self, rows: int) -> None:
        waiting, most = len(self._batches), self._parameters.max_enqueued_batches
        opened = self._batches[-1].rows
        capacity = (most - waiting) * self._largest + self._largest - opened
        if rows > capacity:
            raise StatusError(
                StatusCode.UNAVAILABLE,
                f"{FULL}task size is {rows} but scheduling capacity is only {capacity} "
                f"(num_enqueued_batches={waiting}, max_enqueued_batches={most}, "
                f"open_batch_size={opened}, max_execution_batch_size={self._largest})",
            )
