"""The echo model and half plus two, exported once and loaded once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.server.loader import Servable, Threads
from serving.server.models import Models, ServedModel
from tests.serving.server.echo import export_echo
from tests.serving.server.half_plus_two import export_half_plus_two
from tests.serving.server.inferring import NAME, VERSION


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


@pytest.fixture(scope="session")
def half_plus_two_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base path of half plus two. Copy it, do not change it."""
    base_path = tmp_path_factory.mktemp("half") / NAME
    export_half_plus_two(base_path, VERSION)
    return base_path


@pytest.fixture(scope="session")
def half_plus_two(half_plus_two_path: Path) -> Iterator[Models]:
    """Half plus two, served."""
    served = Models([ServedModel(NAME, half_plus_two_path, Threads(1, 1))])
    served.refresh()
    yield served
    served.unload_all()


@pytest.fixture
def servable(half_plus_two: Models) -> Iterator[Servable]:
    """Half plus two, held."""
    with half_plus_two.hold(NAME, None) as held:
        yield held.servable
