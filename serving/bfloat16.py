"""What half as many bits change in a model's answers, measured when it is exported.

bfloat16 keeps 8 bits of a number's 24: up to twice as many images a second on a
processor that computes with it, and answers that differ from the second digit on.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from serving.contract import (
    AGGREGATE,
    EMBED,
    EMBEDDINGS,
    PROBABILITY,
    TILES,
)
from serving.server.loader import Servable, Threads

RECORD_FILE = Path("assets.extra", "bfloat16.json")
MOST_CHANGE = 0.01  # Of probability: one in the last digit that a report shows.
TILES_PER_CALL = 64

Tiles = np.ndarray[Any, Any]
Floats = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Bfloat16Record:
    """largest_change: of a probability, over so many evaluation images."""

    largest_change: float
    images: int

    @property
    def is_safe(self) -> bool:
        """Whether the model may be served so. Not if a probability became NaN."""
        return self.largest_change <= MOST_CHANGE

    def to_json(self) -> str:
        """Write it down, with the judgement for whoever reads the file."""
        return json.dumps(asdict(self) | {"safe": self.is_safe}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it; the judgement is made anew. Raises ValueError."""
        try:
            said = json.loads(text)
            return cls(
                largest_change=float(said["largest_change"]), images=int(said["images"])
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"no record of bfloat16: {text!r}") from error


def measure(folder: Path, images: Iterable[Tiles]) -> Bfloat16Record | None:
    """Ask an exported model about images, with and without bfloat16.

    images: the tiles of each, (n, side, side, 3) uint8, RGB, unscaled.
    Returns None without images, and if no embedding changes: TensorFlow does not use
    bfloat16 here, and that says nothing about a machine where it does.
    Raises LoadError.
    """
    waiting = iter(images)
    first = next(waiting, None)
    if first is None:
        return None
    wide = Servable(folder, threads=Threads())
    narrow = Servable(folder, threads=Threads(), bfloat16=True)
    try:
        changes: list[float] = []
        for tiles in chain([first], waiting):
            before, after = (_embeddings(each, tiles) for each in (wide, narrow))
            if not changes and np.array_equal(before, after):
                return None
            changes.append(
                abs(_probability(narrow, after) - _probability(wide, before))
            )
    finally:
        wide.close()
        narrow.close()
    return record_of(changes)


def record_of(changes: Sequence[float]) -> Bfloat16Record:
    """Sum up the changes of each image's probability."""
    largest = math.nan if any(map(math.isnan, changes)) else max(changes)
    return Bfloat16Record(largest_change=largest, images=len(changes))


def _embeddings(servable: Servable, tiles: Tiles) -> Floats:
    embed = servable.signatures[EMBED]
    parts = [
        servable.run(
            embed, {TILES: tiles[begin : begin + TILES_PER_CALL]}, [EMBEDDINGS]
        )
        for begin in range(0, len(tiles), TILES_PER_CALL)
    ]
    return np.concatenate([part for (part,) in parts])


def _probability(servable: Servable, embeddings: Floats) -> float:
    aggregate = servable.signatures[AGGREGATE]
    (probability,) = servable.run(aggregate, {EMBEDDINGS: embeddings}, [PROBABILITY])
    return float(probability)
