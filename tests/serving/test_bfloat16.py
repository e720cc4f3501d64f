from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from serving.bfloat16 import RECORD_FILE, Bfloat16Record, measure, record_of
from serving.export import export_mil
from tests.serving.contracts import SMALL
from tests.serving.test_export import DIM, aggregator, mil

SIDE = SMALL.tile_side_px
RANDOM = np.random.default_rng(16)
IMAGES = [
    RANDOM.integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)
    for count in (3, 70)
]


def record(change: float) -> Bfloat16Record:
    return Bfloat16Record(largest_change=change, images=2)


def test_a_hundredth_of_probability_is_the_most() -> None:
    assert record(0.01).is_safe
    assert not record(0.0101).is_safe
    assert not record(float("nan")).is_safe


def test_a_record_is_read_as_it_was_written() -> None:
    assert Bfloat16Record.from_json(record(0.0125).to_json()) == record(0.0125)


def test_the_judgement_is_not_taken_from_the_file() -> None:
    said = '{"largest_change": 0.5, "images": 3, "safe": true}'

    assert not Bfloat16Record.from_json(said).is_safe


def test_the_largest_change_of_all_images_counts() -> None:
    assert record_of([0.0, 0.125, 0.0625]) == Bfloat16Record(
        largest_change=0.125, images=3
    )


def test_a_probability_that_is_lost_is_the_largest_change() -> None:
    lost = record_of([0.25, float("nan")])

    assert not lost.is_safe


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"largest_change": "a"}', "null"])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Bfloat16Record.from_json(text)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base_path = tmp_path_factory.mktemp("models")
    return export_mil(mil(), base_path=base_path, version=1, evaluation=IMAGES)


def test_an_export_records_what_bfloat16_changes(exported: Path) -> None:
    written = Bfloat16Record.from_json((exported / RECORD_FILE).read_text())

    assert written.images == 2
    assert 0 < written.largest_change < 0.1
    again = measure(exported, IMAGES)
    assert again is not None
    assert again.largest_change == pytest.approx(written.largest_change, abs=1e-4)


def test_nothing_is_recorded_without_images(tmp_path: Path) -> None:
    folder = export_mil(mil(), base_path=tmp_path, version=1)

    assert not (folder / RECORD_FILE).exists()


def test_what_bfloat16_leaves_alone_was_not_measured(tmp_path: Path) -> None:
    tiles = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    rows = keras.layers.GlobalMaxPooling2D()(keras.layers.Rescaling(1 / 255)(tiles))
    embedder = keras.Model(tiles, keras.ops.tile(rows, (1, 3))[:, :DIM])
    folder = export_mil(mil(embedder=embedder), base_path=tmp_path, version=1)
    images = iter(IMAGES)

    assert measure(folder, images) is None
    assert len(list(images)) == 1  # The others need not even be drawn.


def test_a_model_that_bfloat16_harms_is_exported_and_says_so(tmp_path: Path) -> None:
    # A calibration this steep makes a large change of every small one.
    steep: Any = replace(mil(aggregator=aggregator(logit=0.0)), temperature=1e-3)
    steep = replace(steep, bias=_balancing(steep))
    folder = export_mil(steep, base_path=tmp_path, version=1, evaluation=IMAGES)

    assert not Bfloat16Record.from_json((folder / RECORD_FILE).read_text()).is_safe


def _balancing(model: Any) -> float:
    """The bias with which the first image is answered 0.5."""
    embeddings = model.embedder(IMAGES[0])
    weights = embeddings[:, :1] * 0 + 1
    logits = model.aggregator([embeddings, weights])["logits"]
    return float(-logits[0] / model.temperature)
