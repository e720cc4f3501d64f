import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from serving.contract import AGGREGATE, DESCRIBE, EMBED, ModelContract, signatures
from serving.export import ExportError, export_mil
from serving.mil import MilModel
from serving.server.loader import LoadError, Servable, Threads
from tests.serving.contracts import SMALL

DIM = SMALL.embedding_dim


def embedder() -> Any:
    side = SMALL.tile_side_px
    tiles = keras.Input((side, side, 3), dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 255)(tiles)
    texture = keras.layers.Conv2D(DIM, 8, strides=8)(scaled)
    return keras.Model(tiles, keras.layers.GlobalAveragePooling2D()(texture))


def aggregator(
    *,
    logit: float = 2.0,
    attention_sum: float = 1.0,
    rank: int = 1,
    is_deaf: bool = False,
) -> Any:
    embeddings, weights = keras.Input((DIM,)), keras.Input((None,))
    scores = keras.layers.Dense(1)(embeddings)
    attention = keras.ops.softmax(scores, axis=0)
    nothing = 0 * keras.ops.sum(embeddings)
    heard = 0 * weights + 1 if is_deaf else weights
    columns = keras.ops.transpose(heard)
    votes = logit + keras.ops.sum(embeddings, axis=1, keepdims=True)
    logits = (columns @ (attention * votes)) / (columns @ attention)
    return keras.Model(
        [embeddings, weights],
        {
            "logits": keras.ops.reshape(logits, (-1,)),
            "attention": keras.ops.reshape(attention, (-1, 1)[:rank]) * attention_sum,
            "tissue": nothing + 1,
        },
    )


def mil(**changes: Any) -> MilModel:
    made = MilModel(embedder=embedder(), aggregator=aggregator(), contract=SMALL)
    return replace(made, **changes)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models" / SMALL.name


def run(folder: Path, name: str, **feeds: Any) -> dict[str, Any]:
    servable = Servable(folder, threads=Threads())
    try:
        signature = servable.signatures[name]
        wanted = sorted(signature.outputs)
        answers = servable.run(signature, feeds, wanted)
        return dict(zip(wanted, answers, strict=True))
    finally:
        servable.close()


def test_the_exported_model_has_exactly_the_signatures_of_the_contract(
    models: Path,
) -> None:
    folder = export_mil(mil(), base_path=models, version=7)

    servable = Servable(folder, threads=Threads())
    found = {
        name: (set(signature.inputs), set(signature.outputs))
        for name, signature in servable.signatures.items()
    }
    servable.close()
    assert folder == models / "7"
    assert found == {
        name: (set(spec.inputs), set(spec.outputs))
        for name, spec in signatures(SMALL).items()
    }


def test_the_model_itself_says_its_contract(models: Path) -> None:
    folder = export_mil(mil(), base_path=models, version=1)

    answer = run(folder, DESCRIBE, ask=np.int32(0))["contract"]
    stored = (folder / "assets.extra" / "contract.json").read_bytes()
    assert ModelContract.from_json(bytes(answer)) == SMALL
    assert ModelContract.from_json(stored) == SMALL


def test_the_calibration_is_in_the_graph(models: Path) -> None:
    folder = export_mil(
        mil(aggregator=aggregator(logit=3.0), temperature=1.5, bias=-1.0),
        base_path=models,
        version=1,
    )

    bag = np.zeros((5, DIM), np.float32)
    answer = run(folder, AGGREGATE, embeddings=bag)
    assert answer["probability"] == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert answer["attention"].sum() == pytest.approx(1.0)


def test_the_interval_comes_with_the_answer_and_never_changes(models: Path) -> None:
    folder = export_mil(mil(), base_path=models, version=1)

    bag = np.random.default_rng(5).normal(0, 0.3, (40, DIM)).astype(np.float32)
    first = run(folder, AGGREGATE, embeddings=bag)
    again = run(folder, AGGREGATE, embeddings=bag)
    low, high = first["interval_low"], first["interval_high"]
    assert 0 < low < first["probability"] < high < 1
    assert (again["interval_low"], again["interval_high"]) == (low, high)

    alike = run(folder, AGGREGATE, embeddings=np.repeat(bag[:1], 40, axis=0))
    assert alike["interval_low"] == pytest.approx(alike["interval_high"], abs=1e-5)


def test_pixels_go_in_unscaled(models: Path) -> None:
    model = mil()
    folder = export_mil(model, base_path=models, version=1)

    side = SMALL.tile_side_px
    tiles = np.arange(2 * side * side * 3).reshape(2, side, side, 3) % 256
    tiles = tiles.astype(np.uint8)
    answer = run(folder, EMBED, tiles=tiles)["embeddings"]
    assert np.allclose(answer, model.embedder(tiles), atol=1e-5)


def test_a_version_is_never_overwritten(models: Path) -> None:
    export_mil(mil(), base_path=models, version=1)
    before = (models / "1" / "saved_model.pb").stat()

    with pytest.raises(FileExistsError, match="never overwritten"):
        export_mil(mil(), base_path=models, version=1)
    assert (models / "1" / "saved_model.pb").stat() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"aggregator": aggregator(attention_sum=0.9)}, "not a distribution"),
        ({"aggregator": aggregator(rank=2)}, "the contract says"),
        ({"aggregator": aggregator(is_deaf=True)}, "weights of the tiles do not"),
        ({"bias": float("nan")}, "interval_high differs"),
    ],
)
def test_a_model_that_breaks_its_contract_leaves_nothing_behind(
    models: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ExportError, match=words):
        export_mil(mil(**changes), base_path=models, version=1)
    assert list(models.iterdir()) == []


class Inconstant:
    """An embedder whose answer is another one each time."""

    def __init__(self) -> None:
        self._embedder = embedder()
        self.variables = self._embedder.variables

    def __call__(self, tiles: Any, *, training: bool) -> Any:
        noise = tf.random.uniform((1, DIM))
        return self._embedder(tiles, training=training) + noise


def test_a_model_that_answers_otherwise_once_loaded_is_refused(models: Path) -> None:
    with pytest.raises(ExportError, match="embeddings differs from Keras"):
        export_mil(mil(embedder=Inconstant()), base_path=models, version=1)
    assert list(models.iterdir()) == []


def test_a_model_that_the_session_loader_refuses_leaves_nothing_behind(
    models: Path,
) -> None:
    damaged = {"tf_serving_warmup_requests": b"", "../saved_model.pb": b"half"}

    with pytest.raises(ExportError, match="the Session loader refuses it"):
        export_mil(mil(), base_path=models, version=1, extra=damaged)
    assert list(models.iterdir()) == []


def test_other_files_travel_along(models: Path) -> None:
    folder = export_mil(
        mil(), base_path=models, version=1, extra={"evaluation.json": b"{}"}
    )

    assert json.loads((folder / "assets.extra" / "evaluation.json").read_text()) == {}


def test_the_folder_can_be_read_by_a_server_of_another_user(models: Path) -> None:
    folder = export_mil(mil(), base_path=models, version=1)

    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_folder_without_a_model_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01half")

    with pytest.raises(LoadError):
        Servable(tmp_path, threads=Threads())
