"""What no single module's test would notice."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serving.contract import ModelContract, SignatureSpec, signatures
from serving.messages import DataType, not_running
from tests.data import REPOSITORY
from tests.model_server import MODEL, export_tiny_model
from worker import queue
from worker.app import app

with not_running("tensorflow"):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

PACKAGES = ("histoapp", "predictions", "worker", "serving", "training", "histo")
NAMELESS = {"utils", "util", "common", "core", "helpers", "base", "constants", "misc"}
TOO_HEAVY_FOR_THE_WEB = {
    *("tensorflow", "keras", "grpc", "numpy", "google.protobuf"),
    *("PIL", "celery", "kombu", "redis", "serving", "worker.app", "worker.tasks"),
    *("httpx", "httpcore", "worker.fetching", "worker.fetch_tasks"),
}

WEB = """
import sys
import histoapp.wsgi
from django.urls import get_resolver
assert len(get_resolver().url_patterns) > 1
print(*sorted(sys.modules))
"""


def sources() -> list[Path]:
    return [path for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py")]


# --- Processes ----------------------------------------------------------------


def test_a_fresh_web_process_has_loaded_nothing_heavy() -> None:
    """All its pages included; what Redis or the model does is not its business."""
    web = subprocess.run(
        [sys.executable, "-c", WEB],
        cwd=REPOSITORY,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert web.returncode == 0, web.stderr
    assert set(web.stdout.split()) & TOO_HEAVY_FOR_THE_WEB == set()


def test_the_worker_and_the_dispatcher_do_not_run_tensorflow() -> None:
    script = (
        "import sys, django; django.setup(); import worker.tasks, worker.dispatcher;"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


# --- The queue ----------------------------------------------------------------


def test_every_name_in_the_queue_is_a_registered_task() -> None:
    app.loader.import_default_modules()
    names = {
        value
        for value in vars(queue).values()
        if isinstance(value, str) and value.startswith("worker.")
    } - {queue.__name__}
    assert names == {queue.ANALYSE, queue.FETCH}
    assert names <= set(app.tasks)
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == names, "a task that nobody can send"


def test_messages_go_where_workers_listen() -> None:
    assert app.conf.task_default_queue == queue.QUEUE


# --- The contract -------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_tiny_model(tmp_path_factory.mktemp("models") / MODEL)


def test_the_exported_model_has_the_signatures_of_its_contract(exported: Path) -> None:
    """Read from the file itself: names, dtypes and shapes, all of them."""
    written = (exported / "assets.extra" / "contract.json").read_text()
    model = SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    (graph,) = model.meta_graphs
    found = {
        name: (shapes(signature.inputs), shapes(signature.outputs))
        for name, signature in graph.signature_def.items()
        if not name.startswith("__")  # TensorFlow's own: the variables' initialiser.
    }
    promised = signatures(ModelContract.from_json(written))
    assert found == {name: both_shapes(spec) for name, spec in promised.items()}


def shapes(tensors: Any) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    """By name: dtype and shape, None where any size may stand."""
    return {
        name: (
            DataType.Name(tensor.dtype),
            tuple(
                None if dim.size < 0 else dim.size for dim in tensor.tensor_shape.dim
            ),
        )
        for name, tensor in tensors.items()
    }


def both_shapes(spec: SignatureSpec) -> tuple[Any, Any]:
    written = {"float32": "DT_FLOAT"}
    inputs, outputs = (
        {
            name: (
                written.get(tensor.dtype, f"DT_{tensor.dtype.upper()}"),
                tensor.shape,
            )
            for name, tensor in side.items()
        }
        for side in spec
    )
    return inputs, outputs


# --- Names --------------------------------------------------------------------


def test_every_module_has_a_name_that_says_something() -> None:
    nameless = [
        str(path.relative_to(REPOSITORY))
        for path in sources()
        if NAMELESS & {path.stem, *path.relative_to(REPOSITORY).parts}
    ]
    assert nameless == []


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines())
        for path in sources()
        if path.parent.name != "migrations"  # Written by a program.
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}


# --- Directions ---------------------------------------------------------------


def test_the_rooms_import_only_in_the_agreed_directions() -> None:
    checker = Path(sys.executable).with_name("lint-imports")
    linted = subprocess.run(
        [checker, "--no-cache"],
        cwd=REPOSITORY,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert ", 0 broken" in linted.stdout
