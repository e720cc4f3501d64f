"""A laboratory on committed data, and the real queue."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from redis import Redis

from tests.worker.bench import Bench, make_bench
from worker.queue import QUEUE


@pytest.fixture
def bench(committed_db: str, tmp_path: Path, settings: Settings) -> Bench:
    """A laboratory whose files are in a store of this test's own."""
    settings.STORAGE_ROOT = tmp_path / "files"
    return make_bench("North")


@pytest.fixture
def doorbell(settings: Settings) -> Iterator[Redis]:
    """The real queue, empty before and after."""
    with Redis.from_url(settings.REDIS_URL, socket_timeout=5) as client:
        client.delete(QUEUE)
        yield client
        client.delete(QUEUE)
