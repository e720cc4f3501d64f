"""The bundled model: exported, loaded as production does, and asked."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.contract import AGGREGATE, EMBED, EMBEDDINGS, PROBABILITY, TILES
from serving.mil import MilModel
from serving.server.loader import Servable, Threads
from tests.data import REPOSITORY
from training.answering import answer
from training.bundle import BundleError, read
from training.bundle_files import BUNDLED, WEIGHTS_FILE, digest, exported
from training.generator import field
from training.generator.noise import fractal
from training.generator.stains import EOSIN, HAEMATOXYLIN
from training.recipes.bags import tiles_of
from training.recipes.corpus import resized
from training.types import Pixels

CERTAIN = ("benign", "malignant")


def export(models: Path) -> str:
    """Run the command as `make run` does; returns the folder that it names."""
    done = subprocess.run(
        [sys.executable, "-m", "training", "export", str(models)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    assert export(folder) == str(folder / "breast-mil" / "1")
    return folder


@pytest.fixture(scope="module")
def servable(models: Path) -> Iterator[Servable]:
    loaded = Servable(models / "breast-mil" / "1", threads=Threads())
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def model() -> MilModel:
    return read()


def test_weights_fit_into_five_megabytes() -> None:
    assert (BUNDLED / WEIGHTS_FILE).stat().st_size < 5_000_000


def test_exporting_again_changes_nothing(models: Path) -> None:
    folder = models / "breast-mil" / "1"
    before = (folder / "saved_model.pb").stat().st_mtime_ns
    assert export(models) == str(folder)
    assert (folder / "saved_model.pb").stat().st_mtime_ns == before
    assert exported(models) == folder


def test_model_of_another_bundle_is_not_taken_for_this_one(models: Path) -> None:
    origin = models / "breast-mil" / "1" / "assets.extra" / "bundle.sha256"
    try:
        origin.write_text("another")
        assert exported(models) is None
    finally:
        origin.write_text(digest())


def test_card_travels_with_the_model(models: Path) -> None:
    extra = models / "breast-mil" / "1" / "assets.extra"
    assert (extra / "card.md").read_text() == (BUNDLED / "card.md").read_text()
    assert "majority rate" in (extra / "card.md").read_text()


def test_what_bfloat16_changes_travels_with_the_model(models: Path) -> None:
    extra = models / "breast-mil" / "1" / "assets.extra"
    record = json.loads((extra / "bfloat16.json").read_text())
    assert record["images"] == 8
    assert 0 < record["largest_change"] < 0.1


def test_damaged_bundle_is_said_to_be_damaged(tmp_path: Path) -> None:
    for path in BUNDLED.iterdir():
        whole = path.read_bytes()
        kept = whole[:1000] if path.name == WEIGHTS_FILE else whole
        (tmp_path / path.name).write_bytes(kept)
    with pytest.raises(BundleError):
        read(tmp_path)


def test_served_answer_equals_the_one_of_keras(
    servable: Servable, model: MilModel
) -> None:
    drawn = field(3, width_px=448, height_px=384, malignant=True)
    tiles = tiles_of(drawn.image, drawn.spacing_um, model.contract)
    (embeddings,) = servable.run(
        servable.signatures[EMBED], {TILES: tiles}, [EMBEDDINGS]
    )
    (probability,) = servable.run(
        servable.signatures[AGGREGATE], {EMBEDDINGS: embeddings}, [PROBABILITY]
    )
    expected = answer(model, drawn.image, drawn.spacing_um)
    assert float(probability) == pytest.approx(expected.probability, abs=1e-3)
    assert expected.attention.sum() == pytest.approx(1, abs=1e-4)


def test_synthetic_fields_are_tissue_at_full_and_half_size(model: MilModel) -> None:
    for seed in range(500, 506):
        drawn = field(seed, malignant=bool(seed % 2))
        half = resized(drawn.image, (448, 384))
        whole = answer(model, drawn.image, 0.25)
        smaller = answer(model, half, 0.5)
        assert whole.outcome != "refused"
        assert {whole.outcome, smaller.outcome} != set(CERTAIN)
        assert abs(whole.probability - smaller.probability) < 0.35


def test_flat_tissue_colours_are_refused(model: MilModel) -> None:
    for dye in (EOSIN, HAEMATOXYLIN, EOSIN + HAEMATOXYLIN):
        assert _outcome(model, _lit(np.full((384, 448, 1), 0.6) * dye)) == "refused"


def test_gradient_in_the_colours_of_tissue_is_refused(model: MilModel) -> None:
    at = np.linspace(0, 1, 448)[None, :, None] * np.ones((384, 1, 1))
    refused = [
        _outcome(model, _lit(strength * (at * HAEMATOXYLIN + (1 - at) * EOSIN)))
        for strength in (0.5, 0.8, 1.2)
    ]
    assert refused == ["refused"] * 3


def test_soft_clouds_in_the_colours_of_tissue_are_refused(model: MilModel) -> None:
    rng = np.random.default_rng(4)
    amounts = [
        np.clip(0.5 + 0.2 * fractal(rng, (384, 448), grain_px=60, octaves=2), 0, None)
        for _ in range(2)
    ]
    density = amounts[0][..., None] * EOSIN + amounts[1][..., None] * HAEMATOXYLIN
    assert _outcome(model, _lit(density)) == "refused"


def _outcome(model: MilModel, image: Pixels) -> str:
    return answer(model, image, 0.25).outcome


def _lit(density: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Pixels:
    return np.asarray(255 * np.exp(-density), np.uint8)
