"""Counts that hold for every process, and end with their window."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from predictions.models import Counter
from predictions.services.rates import (
    FORGET_AFTER,
    TooManyError,
    forget_counters,
    spend,
    tally,
)

MINUTE = timedelta(minutes=1)


@pytest.mark.django_db
def test_counts_go_up_one_by_one_and_per_whom() -> None:
    long = timedelta(days=4000)  # One window, whenever the test runs.
    counts = [tally(what="sign-in", whom="a", window=long).count for _ in range(3)]
    assert counts == [1, 2, 3]
    assert tally(what="sign-in", whom="b", window=long).count == 1
    assert tally(what="upload", whom="a", window=long).count == 1
    assert tally(what="sign-in", whom="a", window=long, by=0).count == 3


@pytest.mark.django_db
def test_beyond_the_limit_says_when_to_come_back() -> None:
    window = timedelta(days=4000)
    for _ in range(2):
        spend(what="ask", whom=7, limit=2, window=window)
    with pytest.raises(TooManyError) as refused:
        spend(what="ask", whom=7, limit=2, window=window)
    assert 0 < refused.value.retry_after_s <= window.total_seconds()
    assert f"{refused.value.retry_after_s} s" in str(refused.value)


@pytest.mark.django_db
def test_nobody_can_read_whom_it_counts() -> None:
    tally(what="sign-in", whom="alice@192.0.2.1", window=MINUTE)
    assert "alice" not in Counter.objects.get().key


@pytest.mark.django_db
def test_old_windows_are_forgotten_and_new_ones_kept() -> None:
    tally(what="sign-in", whom="a", window=MINUTE)
    assert forget_counters() == 0
    began_at = Counter.objects.get().began_at
    later = began_at + FORGET_AFTER + MINUTE
    assert forget_counters(now=later) == 1
    assert Counter.objects.count() == 0


def test_parallel_counts_are_each_their_own(committed_db: str) -> None:
    counts: list[int] = []

    def count() -> None:
        window = timedelta(days=4000)
        counts.append(tally(what="upload", whom="a", window=window).count)
        connection.close()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == list(range(1, 9))
