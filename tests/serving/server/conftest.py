"""The echo model, exported once and loaded once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.server.loader import Threads
from serving.server.models import Models, ServedModel
from tests.serving.server.echo import export_echo


@pytest.fixture(scope="session")
def echo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base path of the echo model, version 123. Copy it, do not change it."""
    base_path = tmp_path_factory.mktemp("echo") / "echo"
    export_echo(base_path, 123)
    return base_path


@pytest.fixture(scope="session")
def models(echo_path: Path) -> Iterator[Models]:
    """The echo model, served as "echo"."""
    served = Models([ServedModel("echo", echo_path, Threads(1, 1))])
    served.refresh()
    yield served
    served.unload_all()
