from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.server import freezing
from serving.server.loader import ModelError, Servable, Threads
from serving.server.variables import read
from tests.serving.server.batched import export_batched
from tests.serving.server.stateful import (
    STATEFUL,
    STATELESS,
    export_first_generation,
    export_stateful,
)

RANDOM = np.random.default_rng(4)
PIXELS = RANDOM.normal(size=(3, 8, 8, 3)).astype(np.float32)
ROWS = RANDOM.normal(size=(5, 4)).astype(np.float32)
FEEDS = {"convolve": PIXELS, "multiply": ROWS, "ignore": ROWS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_stateful(tmp_path_factory.mktemp("stateful") / "1")


@pytest.fixture(scope="module")
def frozen(folder: Path) -> Iterator[Servable]:
    servable = Servable(folder, threads=Threads(1, 1))
    yield servable
    servable.close()


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[Servable]:
    servable = Servable(folder, threads=Threads(1, 1), freezes=False)
    yield servable
    servable.close()


def ask(servable: Servable, name: str, x: Any) -> dict[str, Any]:
    signature = servable.signatures[name]
    wanted = sorted(signature.outputs)
    return dict(zip(wanted, servable.run(signature, {"x": x}, wanted), strict=True))


def test_signatures_without_a_state_run_without_variables(frozen: Servable) -> None:
    found = {name: frozen.is_frozen(each) for name, each in frozen.signatures.items()}

    assert found == dict.fromkeys(STATELESS, True) | dict.fromkeys(STATEFUL, False)


@pytest.mark.parametrize("name", STATELESS)
def test_the_answers_stay_the_same(
    frozen: Servable, plain: Servable, name: str
) -> None:
    answers, expected = ask(frozen, name, FEEDS[name]), ask(plain, name, FEEDS[name])

    assert answers.pop("name", None) == expected.pop("name", None)
    for alias, answer in answers.items():
        assert np.allclose(answer, expected[alias], rtol=1e-5, atol=1e-5)
        assert answer.shape == expected[alias].shape


def test_the_tensors_of_a_signature_keep_their_names(
    frozen: Servable, plain: Servable
) -> None:
    assert frozen.signatures == plain.signatures


def test_what_a_call_writes_is_there_at_the_next(frozen: Servable) -> None:
    first = ask(frozen, "count", ROWS)["y"][0]
    ask(frozen, "count_silently", ROWS)

    assert ask(frozen, "count", ROWS)["y"][0] == first + 2


def test_what_is_drawn_is_drawn_anew(frozen: Servable) -> None:
    assert (ask(frozen, "draw", ROWS)["y"] != ask(frozen, "draw", ROWS)["y"]).any()


def test_tables_and_gathered_rows_are_found(frozen: Servable, plain: Servable) -> None:
    words = np.array([b"benign", b"other"], object)
    numbers = np.array([2, 0], np.int32)

    assert ask(frozen, "look_up", words)["y"].tolist() == [1, -1]
    gathered = ask(frozen, "gather", numbers)["y"]
    assert np.array_equal(gathered, ask(plain, "gather", numbers)["y"])


def test_variables_that_nobody_reads_any_more_are_given_back(
    frozen: Servable, plain: Servable
) -> None:
    nodes = plain._session.graph.as_graph_def().node
    shapes = {
        node.name: tuple(dim.size for dim in node.attr["shape"].shape.dim)
        for node in nodes
        if node.op == "VarHandleOp"
    }
    names = {shape: name for name, shape in shapes.items()}

    assert read(frozen._session, [names[4, 3]])[0].shape == (4, 3)  # `gather` reads it.
    with pytest.raises(ModelError, match=r"uninitialized|not exist|not found"):
        read(frozen._session, [names[3, 3, 3, 5]])


def test_a_model_without_any_state_keeps_no_variables(tmp_path: Path) -> None:
    servable = Servable(export_batched(tmp_path / "1"), threads=Threads(1, 1))
    x = np.array([1.0, 2.0], np.float32)

    assert servable._session is None
    assert ask(servable, "double", x)["y"].tolist() == [2, 4]
    servable.close()


def test_a_model_that_is_too_large_is_served_as_it_was_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(freezing, "MAX_BYTES", 8)
    servable = Servable(folder, threads=Threads(1, 1))

    assert not servable.is_frozen(servable.signatures["multiply"])
    assert ask(servable, "multiply", ROWS)["y"].shape == (5, 3)
    assert "too large for one message" in caplog.text
    servable.close()


def test_models_of_tensorflow_1_are_frozen_too(tmp_path: Path) -> None:
    servable = Servable(export_first_generation(tmp_path / "1"), threads=Threads(1, 1))
    x = np.array([1.0, 2.0], np.float32)

    assert servable.is_frozen(servable.signatures["whole"])
    assert ask(servable, "whole", x)["y"].tolist() == [6, 12]
    # Fed half way: what comes before is not computed.
    assert not servable.is_frozen(servable.signatures["half"])
    assert ask(servable, "half", x)["y"].tolist() == [3, 6]
    servable.close()
