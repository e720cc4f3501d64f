"""Put versions of the echo model in place, and ask them."""

import shutil
from pathlib import Path

import numpy as np

from serving.server.models import Asked, Models, ServedModel, State
from serving.server.predict import run

X = np.array([[1, 2]], np.float32)


def add(echo_path: Path, base_path: Path, version: int) -> Path:
    """Copy the echo model to this version's folder."""
    return shutil.copytree(echo_path / "123", base_path / str(version))


def states(model: ServedModel) -> dict[int, State]:
    """The state of every version seen so far."""
    return {version.number: version.state for version in model.statuses()}


def ask(model: ServedModel, version: int | None = None) -> int:
    """The version that answers."""
    with model.hold(version) as held:
        signature = held.servable.signatures["serving_default"]
        assert run(held.servable, signature, {"x": X}, ["y"])["y"].tolist() == [[1, 2]]
        return held.version


def answering(models: Models, name: str, version: Asked = None) -> int:
    """The version of a model that answers."""
    with models.hold(name, version) as held:
        return held.version
