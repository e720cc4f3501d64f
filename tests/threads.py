"""Code that runs beside a test, on database connections of its own; and waiting."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

from django.db import connections

T = TypeVar("T")

DEADLINE_S = 30  # Generous: on a busy machine everything takes longer.


def _hanging_up(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connections.close_all()  # This thread's own.


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Future[T]]:
    """Run it in a thread; leaving waits for its end."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_hanging_up, work)


def all_at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """Run each in a thread, begun together; what each returned."""
    barrier = Barrier(len(works))

    def begin(work: Callable[[], T]) -> T:
        barrier.wait(30)
        return _hanging_up(work)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


def wait_until(what: Callable[[], bool], why: str) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.01)
