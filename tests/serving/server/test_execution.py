import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.bfloat16 import RECORD_FILE, Bfloat16Record
from serving.server.batching import BatchedServable
from serving.server.batching_parameters import BatchingParameters
from serving.server.execution import Execution, make_execution
from serving.server.loader import LoadError, Servable, Threads
from tests.serving.server.stateful import export_stateful

THREADS = Threads(1, 1)
PIXELS = np.random.default_rng(5).normal(size=(4, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_stateful(tmp_path_factory.mktemp("stateful") / "1")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[Servable]:
    loaded = Servable(folder, threads=THREADS)
    yield loaded
    loaded.close()


@pytest.fixture
def recorded(folder: Path, tmp_path: Path) -> Path:
    """The model with a place for a record of its own."""
    copy = shutil.copytree(folder, tmp_path / "1")
    (copy / "assets.extra").mkdir()
    return copy


def convolve(servable: Servable) -> Any:
    signature = servable.signatures["convolve"]
    return servable.run(signature, {"x": PIXELS}, ["y"])[0]


def rewrites(session: Any) -> bool:
    """Whether TensorFlow was asked to compute with bfloat16 in this session."""
    rewriting = session._config.graph_options.rewrite_options
    return bool(rewriting.auto_mixed_precision_onednn_bfloat16)


def record(folder: Path, change: float) -> None:
    text = Bfloat16Record(largest_change=change, images=3).to_json()
    (folder / RECORD_FILE).write_text(text)


@pytest.mark.parametrize("batching", [None, BatchingParameters()])
def test_a_safe_model_is_computed_with_fewer_bits(
    recorded: Path,
    plain: Servable,
    caplog: pytest.LogCaptureFixture,
    batching: BatchingParameters | None,
) -> None:
    record(recorded, 0.002)
    execution = make_execution(batching=batching, bfloat16=True)
    loaded = execution.load(recorded, threads=THREADS)

    assert isinstance(loaded, BatchedServable) == (batching is not None)
    assert not np.array_equal(convolve(loaded), convolve(plain))
    assert np.allclose(convolve(loaded), convolve(plain), atol=0.05)
    assert "bfloat16" not in caplog.text
    loaded.close()
    if execution.scheduler is not None:
        execution.scheduler.close()


@pytest.mark.parametrize("bfloat16", [False, True])
def test_only_what_has_no_state_may_be_computed_with_fewer_bits(
    recorded: Path, *, bfloat16: bool
) -> None:
    record(recorded, 0.0)
    loaded = Execution(bfloat16=bfloat16).load(recorded, threads=THREADS)

    assert rewrites(loaded._frozen_session) == bfloat16
    assert not rewrites(loaded._session)
    loaded.close()


def test_unless_asked_every_bit_is_computed(recorded: Path, plain: Servable) -> None:
    record(recorded, 0.5)
    loaded = Execution().load(recorded, threads=THREADS)

    assert np.array_equal(convolve(loaded), convolve(plain))
    loaded.close()


def test_a_model_that_fewer_bits_harm_is_refused(recorded: Path) -> None:
    record(recorded, 0.0312)

    with pytest.raises(LoadError, match=r"1: bfloat16 changes a probability by 0.0312"):
        Execution(bfloat16=True).load(recorded, threads=THREADS)


def test_a_damaged_record_is_no_permission(recorded: Path) -> None:
    (recorded / RECORD_FILE).write_text("{}")

    with pytest.raises(LoadError, match=r"assets.extra/bfloat16.json: no record"):
        Execution(bfloat16=True).load(recorded, threads=THREADS)


def test_a_model_without_a_record_is_served_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = Execution(bfloat16=True).load(folder, threads=THREADS)

    assert convolve(loaded).shape == (4, 8, 8, 5)
    assert "nobody measured what bfloat16 changes" in caplog.text
    loaded.close()
