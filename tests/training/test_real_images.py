"""The bundled model on real fields and on files that are anything but tissue."""

import csv
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from serving.mil import MilModel
from serving.tiling import FieldRefusedError
from tests.data import TEST_DATA, needs_test_data
from training.answering import answer
from training.bundle import read
from training.datasets import ucsb
from training.generator.nontissue import tinted
from training.recipes.corpus import resized
from training.types import Pixels

# µm per pixel of BreakHis by its authors' table.
BREAKHIS_UM = {"40": 0.49, "100": 0.20, "200": 0.10, "400": 0.05}
BREAKHIS_NAME = re.compile(r".*[-_](40|100|200|400)(-\d+|x)\.png")
# Some are 16 × 16; at this spacing the model sees as many pixels as there are.
HOSTILE_UM = 0.28
LARGEST_PX = 2_000_000
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@pytest.fixture(scope="module")
def model() -> MilModel:
    return read()


def outcome(model: MilModel, image: Pixels, spacing_um: float) -> str:
    try:
        return answer(model, image, spacing_um).outcome
    except FieldRefusedError:
        return "refused"


@needs_test_data("ucsb")
def test_ucsb_fields_are_kept_and_keep_their_verdict_at_half_size(
    model: MilModel,
) -> None:
    fields = ucsb.read(TEST_DATA / "ucsb")[::3]
    kept = 0
    for one in fields:
        height, width = one.image.shape[:2]
        half = resized(one.image, (width // 2, height // 2))
        verdicts = {
            outcome(model, one.image, one.spacing_um),
            outcome(model, half, one.spacing_um * 2),
        }
        kept += "refused" not in verdicts
        assert verdicts != {"benign", "malignant"}, one.name
    assert kept >= 0.95 * len(fields)


@needs_test_data("breakhis_samples")
def test_breakhis_fields_are_kept_at_their_spacing(model: MilModel) -> None:
    refused = []
    paths = sorted((TEST_DATA / "breakhis_samples").glob("*.png"))
    for path in paths:
        match = BREAKHIS_NAME.fullmatch(path.name)
        assert match, path.name
        spacing_um = BREAKHIS_UM[match[1]]
        if outcome(model, pixels(path), spacing_um) == "refused":
            refused.append(path.name)
    assert len(refused) <= 0.05 * len(paths), refused


@needs_test_data("hostile")
def test_decodable_hostile_files_are_refused(model: MilModel) -> None:
    images = dict(hostile_images())
    kept = [
        name
        for name, image in images.items()
        if outcome(model, image, HOSTILE_UM) != "refused"
    ]
    assert len(images) > 200
    assert len(kept) <= 0.05 * len(images), kept


@needs_test_data("hostile")
def test_photograph_in_pink_is_refused(model: MilModel) -> None:
    photograph = pixels(TEST_DATA / "hostile" / "pillow" / "hopper.png")
    rng = np.random.default_rng(3)
    for _ in range(4):
        pink = tinted(rng, photograph.astype(np.float32) / 255)
        image = np.asarray(np.clip(pink * 255, 0, 255), np.uint8)
        assert outcome(model, image, HOSTILE_UM) == "refused"
        assert outcome(model, resized(image, (448, 384)), HOSTILE_UM) == "refused"


def pixels(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def hostile_images() -> Iterator[tuple[str, Pixels]]:
    """Give the files that Pillow decodes, small enough for a test."""
    folder = TEST_DATA / "hostile"
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        rows = list(csv.DictReader(manifest, delimiter="\t"))
    for row in rows:
        if row["pil_strict"] != "ok":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The files are broken: that is the point.
            try:
                with Image.open(folder / row["file"]) as image:
                    if image.width * image.height > LARGEST_PX:
                        continue
                yield row["file"], pixels(folder / row["file"])
            except UNREADABLE:
                continue
