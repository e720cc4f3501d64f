"""What every reader of a data set gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.types import Pixels


@dataclass(frozen=True, slots=True)
class Field:
    """One field of tissue with its truth.

    group: what must stay on one side of a split: a patient, a slide, an array.
    """

    name: str
    image: Pixels
    malignant: bool
    group: str
    spacing_um: float


Reader = Callable[[Path], Sequence[Field]]
"""Reads a folder, in an order that does not depend on the file system."""
