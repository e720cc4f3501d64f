"""One tiny real model for all tests of this folder; a server where a test wants one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client import ServingClient
from tests.model_server import MODEL, ModelServer, export_tiny_model


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of the tiny model; link or copy them, do not change them."""
    base_path = tmp_path_factory.mktemp("exported") / MODEL
    export_tiny_model(base_path, 1)
    export_tiny_model(base_path, 2)
    return base_path


@pytest.fixture(scope="session")
def shared_server(exported: Path) -> Iterator[ModelServer]:
    """A server of version 2 that no test may kill."""
    with ModelServer(exported) as server:
        yield server


@pytest.fixture
def client(shared_server: ModelServer) -> Iterator[ServingClient]:
    """A client of the shared server."""
    with ServingClient(
        shared_server.address, MODEL, timeout_s=30, connect_timeout_s=5
    ) as made:
        yield made
