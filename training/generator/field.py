"""One whole synthetic field, benign or malignant, from a seed."""

from dataclasses import dataclass

import numpy as np

from training.generator.canvas import Canvas
from training.generator.stains import Stain
from training.generator.tissue import (
    draw_duct,
    draw_fat,
    draw_lobule,
    draw_lymphocytes,
    draw_nest,
    draw_stroma,
    spread_points,
)
from training.types import Mask, Pixels

SPACING_UM = 0.25  # As at 40x on most scanners.


@dataclass(frozen=True, slots=True)
class SyntheticField:
    """An image and what is truly in it.

    image: (height, width, 3) uint8 RGB.  mask: (height, width) uint8, 0 background,
    1 stroma, 2 benign gland, 3 lesion (training.generator.canvas names them).
    """

    image: Pixels
    mask: Mask
    spacing_um: float
    malignant: bool
    seed: int


def field(
    seed: int,
    *,
    width_px: int = 896,
    height_px: int = 768,
    spacing_um: float = SPACING_UM,
    malignant: bool,
) -> SyntheticField:
    """Draw the field of this seed: always the same for the same arguments."""
    rng = np.random.default_rng([seed, int(malignant)])
    stain = Stain.drawn(rng)
    canvas = Canvas.blank(rng, (height_px, width_px), spacing_um)
    draw_stroma(canvas)
    if rng.random() < 0.4:
        _scatter_fat(canvas)
    if malignant:
        _plant_lesions(canvas)
    else:
        _plant_glands(canvas)
    return SyntheticField(
        image=stain.coloured(rng, canvas.haematoxylin, canvas.eosin),
        mask=canvas.mask,
        spacing_um=spacing_um,
        malignant=malignant,
        seed=seed,
    )


def _scatter_fat(canvas: Canvas) -> None:
    rng = canvas.rng
    x, y = rng.uniform(0, canvas.width_um), rng.uniform(0, canvas.height_um)
    for dx, dy in spread_points(rng, 130, 130, apart_um=46):
        draw_fat(canvas, x + dx - 65, y + dy - 65)


def _plant_glands(canvas: Canvas) -> None:
    """Set ducts and lobules, apart from one another."""
    rng = canvas.rng
    for x, y in spread_points(rng, canvas.width_um, canvas.height_um, apart_um=84):
        choice = rng.random()
        if choice < 0.35:
            draw_lobule(canvas, x, y)
        elif choice < 0.8:
            draw_duct(canvas, x, y, float(rng.uniform(15, 36)))
    if rng.random() < 0.3:
        x, y = rng.uniform(0, canvas.width_um), rng.uniform(0, canvas.height_um)
        draw_lymphocytes(canvas, x, y, 40)


def _plant_lesions(canvas: Canvas) -> None:
    """Set a few large nests near the middle and small ones around; one old gland."""
    rng = canvas.rng
    width, height = canvas.width_um, canvas.height_um
    if rng.random() < 0.5:
        at = rng.uniform(0, width), rng.uniform(0, height)
        draw_duct(canvas, *at, float(rng.uniform(14, 24)))
    for x, y in spread_points(rng, width, height, apart_um=rng.uniform(48, 75)):
        if rng.random() < 0.55:
            draw_nest(canvas, x, y, float(rng.uniform(8, 30)))
    x, y = rng.uniform(0.25, 0.75, 2) * (width, height)
    draw_nest(canvas, x, y, float(rng.uniform(25, 45)))
    for _ in range(int(rng.integers(0, 3))):
        draw_lymphocytes(canvas, rng.uniform(0, width), rng.uniform(0, height), 45)
