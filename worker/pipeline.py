"""From a stored image to an answer with its evidence. No Django, no Celery."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from predictions.images import heatmap
from predictions.images.reading import read_tiles
from serving.client import ServingClient
from serving.contract import ModelContract, decide
from serving.tiling import Box, FieldRefusedError, Layout, lay_out

TILES_PER_CALL = 64
# Of fewer the interval is too narrow: that of 10 tiles holds the whole field's answer
# in 77 %, that of 20 in 85, that of 40 in 94; it should in 90 (docs/benchmarks).
INTERVAL_MIN_TILES = 20

NO_SPACING = (
    "Nobody has said how many µm one pixel of this image is. State the spacing of this "
    "image; the model is then asked again."
)
NOT_TISSUE = (
    "This does not look like H&E-stained tissue, so the model was not believed. If it "
    "is tissue, check stain, focus and spacing."
)


class ImageChangedError(Exception):
    """The stored file is not the one that was accepted."""


@dataclass(frozen=True)
class Question:
    """The image: where it lies, and what was recorded of it."""

    path: Path
    sha256: str
    width_px: int
    height_px: int
    spacing_um: float | None


@dataclass
class Finding:
    """What the model found; tiles in pixels of the image as uploaded."""

    model_name: str
    version: int
    outcome: str
    probability: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    refusal_reason: str = ""
    tissue: float | None = None
    spacing_um: float | None = None
    tiles: list[dict[str, float]] = field(default_factory=list)
    heatmap_png: bytes | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Add the time spent inside to that step's."""
        began = time.perf_counter()
        yield
        spent = self.seconds.get(step, 0.0) + time.perf_counter() - began
        self.seconds[step] = round(spent, 4)


def answer(question: Question, *, serving: ServingClient) -> Finding:
    """Ask the model about an image.

    The model's version is resolved by the first call and named in every later one.
    Raises ImageChangedError, the errors of serving/errors.py and of images/errors.py.
    """
    described = serving.describe()
    contract = described.contract
    finding = Finding(contract.name, described.version, outcome="refused")
    finding.spacing_um = question.spacing_um
    if question.spacing_um is None:
        finding.refusal_reason = NO_SPACING
        return finding
    try:
        layout = lay_out(
            width_px=question.width_px,
            height_px=question.height_px,
            spacing_um=question.spacing_um,
            contract=contract,
        )
    except FieldRefusedError as error:
        finding.refusal_reason = str(error)
        return finding
    _check_bytes(question)
    _ask(question, layout, contract, finding, serving)
    return finding


def _ask(
    question: Question,
    layout: Layout,
    contract: ModelContract,
    finding: Finding,
    serving: ServingClient,
) -> None:
    """Embed the tiles, aggregate the bag, draw what it attended to."""
    embeddings = np.concatenate(
        list(_embedded(question, layout, contract, finding, serving))
    )
    with finding.timing("aggregate"):
        bag = serving.aggregate(embeddings, version=finding.version)
    finding.tissue = bag.tissue
    finding.outcome = decide(contract, probability=bag.probability, tissue=bag.tissue)
    if finding.outcome == "refused":
        finding.refusal_reason = NOT_TISSUE
        return
    finding.probability = bag.probability
    if len(embeddings) >= INTERVAL_MIN_TILES:
        finding.interval_low = bag.interval_low
        finding.interval_high = bag.interval_high
    finding.tiles = [
        _tile(box, question, layout.size_px, attention=float(weight))
        for box, weight in zip(layout.boxes, bag.attention, strict=True)
    ]
    with finding.timing("draw"):
        width_px, height_px = layout.size_px
        finding.heatmap_png = heatmap.draw(
            width_px=width_px,
            height_px=height_px,
            boxes=layout.boxes,
            weights=bag.attention,
        )


def _embedded(
    question: Question,
    layout: Layout,
    contract: ModelContract,
    finding: Finding,
    serving: ServingClient,
) -> Iterator[npt.NDArray[np.float32]]:
    """The embeddings, batch by batch: no more tiles than that are in memory."""
    batches = tiles_of(question, layout, contract.tile_side_px)
    while True:
        with finding.timing("decode"):
            tiles = next(batches, None)
        if tiles is None:
            return
        with finding.timing("embed"):
            embedded = serving.embed(tiles, version=finding.version)
        yield embedded


def _check_bytes(question: Question) -> None:
    with question.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != question.sha256:
        raise ImageChangedError


def tiles_of(
    question: Question, layout: Layout, side_px: int
) -> Iterator[npt.NDArray[np.uint8]]:
    """Batches of (n, side, side, 3) uint8 RGB, decoded in the child."""
    batches = read_tiles(
        question.path,
        size_px=layout.size_px,
        boxes=layout.boxes,
        side_px=side_px,
        batch=TILES_PER_CALL,
    )
    for pixels in batches:
        yield np.frombuffer(pixels, dtype=np.uint8).reshape(-1, side_px, side_px, 3)


def _tile(
    box: Box, question: Question, size_px: tuple[int, int], *, attention: float
) -> dict[str, float]:
    """In pixels of the image as uploaded; rounding puts no tile outside of it."""
    across, down = question.width_px / size_px[0], question.height_px / size_px[1]
    side = round(box.side * min(across, down))
    return {
        "left": min(round(box.left * across), question.width_px - side),
        "top": min(round(box.top * down), question.height_px - side),
        "side": side,
        "attention": round(attention, 6),
    }
