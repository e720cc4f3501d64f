"""A laboratory on committed data, the real queue, the real model server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from redis import Redis

from predictions.services.model_versions import register_model
from tests.model_server import MODEL, ModelServer, export_tiny_model
from tests.predictions.records import make_model_version
from tests.serving.contracts import SMALL
from tests.serving.fake_model import FakeModel
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


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model's versions: one."""
    base_path = tmp_path_factory.mktemp("models") / MODEL
    export_tiny_model(base_path)
    return base_path


@pytest.fixture(scope="session")
def one_server(models: Path) -> Iterator[ModelServer]:
    with ModelServer(models) as server:
        yield server


@pytest.fixture
def server(
    one_server: ModelServer, models: Path, bench: Bench, settings: Settings
) -> ModelServer:
    """The model server, up, and its model on record. A test may kill it."""
    if one_server.returncode() is not None:
        one_server.start()
    settings.SERVING_MODEL = MODEL
    settings.SERVING_ADDRESS = one_server.address
    register_model(folder=models / "1")
    return one_server


@pytest.fixture
def fake(bench: Bench, settings: Settings) -> Iterator[FakeModel]:
    """A model server that answers what the test wants; its model is on record."""
    with FakeModel() as model:
        settings.SERVING_MODEL = SMALL.name
        settings.SERVING_ADDRESS = f"127.0.0.1:{model.port}"
        make_model_version(SMALL.name, model.version)
        yield model
