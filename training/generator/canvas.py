"""The sheet on which tissue is drawn: two dyes and the truth, in µm."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from training.generator.noise import fractal, smooth
from training.types import Flags, Floats, Mask

BACKGROUND, STROMA, GLAND, LESION = 0, 1, 2, 3  # The classes of the truth mask.


class Window(NamedTuple):
    """A part of the canvas, and where its pixels lie from a centre, in µm."""

    rows: slice
    columns: slice
    dx_um: Floats
    dy_um: Floats


@dataclass(slots=True)
class Canvas:
    """Amounts of dye, the truth, and noise to shape things with."""

    rng: np.random.Generator
    spacing_um: float
    haematoxylin: Floats
    eosin: Floats
    mask: Mask
    bend: Floats  # Varies over 30 µm: outlines that no circle has.
    chromatin: Floats  # Varies over 1 µm: the insides of nuclei.

    @classmethod
    def blank(
        cls, rng: np.random.Generator, shape: tuple[int, int], spacing_um: float
    ) -> "Canvas":
        """Take a clean slide of this many pixels (height, width)."""
        return cls(
            rng=rng,
            spacing_um=spacing_um,
            haematoxylin=np.zeros(shape, np.float32),
            eosin=np.zeros(shape, np.float32),
            mask=np.full(shape, BACKGROUND, np.uint8),
            bend=fractal(rng, shape, grain_px=30 / spacing_um, octaves=3),
            chromatin=smooth(rng, shape, grain_px=max(1.0 / spacing_um, 1.5)),
        )

    @property
    def width_um(self) -> float:
        """How much tissue the canvas spans from left to right."""
        return float(self.mask.shape[1] * self.spacing_um)

    @property
    def height_um(self) -> float:
        """How much tissue the canvas spans from top to bottom."""
        return float(self.mask.shape[0] * self.spacing_um)

    def window(self, x_um: float, y_um: float, reach_um: float) -> Window | None:
        """Cut out the square of this reach around a point; None if it is outside."""
        height, width = self.mask.shape
        left, right = self._span(x_um, reach_um, width)
        top, bottom = self._span(y_um, reach_um, height)
        if left >= right or top >= bottom:
            return None
        dx = np.arange(left, right, dtype=np.float32) * self.spacing_um - x_um
        dy = np.arange(top, bottom, dtype=np.float32) * self.spacing_um - y_um
        return Window(slice(top, bottom), slice(left, right), dx[None], dy[:, None])

    def lay(
        self, window: Window, cover: Floats, *, haematoxylin: Floats, eosin: Floats
    ) -> None:
        """Replace the dyes where cover (0 to 1) is, softly at its edge."""
        rows, columns, *_ = window
        for dye, amount in ((self.haematoxylin, haematoxylin), (self.eosin, eosin)):
            dye[rows, columns] += cover * (amount - dye[rows, columns])

    def mark(self, window: Window, where: Flags, label: int) -> None:
        """Write a class into the truth."""
        self.mask[window.rows, window.columns][where] = label

    def _span(self, centre_um: float, reach_um: float, side: int) -> tuple[int, int]:
        low = int((centre_um - reach_um) / self.spacing_um)
        high = int((centre_um + reach_um) / self.spacing_um) + 1
        return max(low, 0), min(high, side)
