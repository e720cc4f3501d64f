"""What lies in a field of breast tissue: stroma, fat, ducts, lobules, carcinoma."""

import numpy as np

from training.generator.canvas import BACKGROUND, GLAND, LESION, STROMA, Canvas
from training.generator.cells import (
    CARCINOMA,
    EPITHELIUM,
    FIBROBLAST,
    LYMPHOCYTE,
    MITOSIS,
    draw_nucleus,
)
from training.generator.noise import fractal, smooth
from training.types import Floats


def draw_stroma(canvas: Canvas) -> None:
    """Fill the slide with wavy collagen, with clefts and, at times, a tissue edge."""
    rng, shape, pixel = canvas.rng, canvas.mask.shape, canvas.spacing_um
    rows = np.arange(shape[0], dtype=np.float32)[:, None] * pixel
    columns = np.arange(shape[1], dtype=np.float32)[None] * pixel
    turn = rng.uniform(0, np.pi)
    across = np.cos(turn) * columns + np.sin(turn) * rows
    across = across + 14 * smooth(rng, shape, grain_px=45 / pixel)
    across = across + 4 * smooth(rng, shape, grain_px=14 / pixel)
    across = across + 0.9 * fractal(rng, shape, grain_px=7 / pixel, octaves=3)
    fibres = np.sin(across / rng.uniform(0.7, 1.1)) * smooth(
        rng, shape, grain_px=18 / pixel
    )
    fibres = fibres + 0.5 * np.sin(across / 3.1 + 1)
    fibres = fibres + 0.8 * fractal(rng, shape, grain_px=6 / pixel, octaves=3)
    density = 0.48 + 0.09 * fibres + 0.15 * smooth(rng, shape, grain_px=70 / pixel)
    cleft = np.sin(across / 6) + 0.9 * canvas.bend - rng.uniform(1.4, 2.3)
    edge = smooth(rng, shape, grain_px=rng.uniform(90, 200) / pixel)
    edge = edge + 0.15 * canvas.bend + rng.uniform(0.7, 2.4)
    tissue = np.clip(edge / 0.12, 0, 1) * np.clip(1 - cleft / 0.35, 0.04, 1)
    canvas.eosin[:] = np.clip(density, 0.08, None) * tissue
    canvas.haematoxylin[:] = (0.07 + 0.05 * np.clip(fibres, 0, None)) * tissue
    canvas.mask[edge > 0.06] = STROMA
    _scatter_fibroblasts(canvas, turn, per_mm2=rng.uniform(900, 2600))


def draw_fat(canvas: Canvas, x_um: float, y_um: float) -> None:
    """Draw one fat cell: an empty round space with a thin wall."""
    radius = canvas.rng.uniform(15, 27)
    window = canvas.window(x_um, y_um, radius * 1.3)
    if window is None:
        return
    bend = canvas.bend[window.rows, window.columns]
    inside = radius * (1 + 0.05 * bend) - np.hypot(window.dx_um, window.dy_um)
    wall = np.asarray(np.exp(-((inside / 1.2) ** 2)), np.float32)
    cover = np.clip(inside / 0.8 + 1, 0, 1)
    canvas.lay(window, cover, haematoxylin=0.06 * wall, eosin=0.45 * wall)
    canvas.mark(window, inside > 0, BACKGROUND)


def draw_duct(canvas: Canvas, x_um: float, y_um: float, radius_um: float) -> None:
    """Draw a benign gland: a ring of even nuclei around a lumen, a pink membrane."""
    rng = canvas.rng
    wall_um = min(rng.uniform(9, 13), radius_um * 0.75)
    window = canvas.window(x_um, y_um, radius_um * 1.7 + 4)
    if window is None:
        return
    waves = rng.normal(0, [0.1, 0.06, 0.03]).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, 3).astype(np.float32)
    theta = np.arctan2(window.dy_um, window.dx_um)
    bend = canvas.bend[window.rows, window.columns]
    rim = radius_um * _wavy(theta, waves, phases)
    inside = rim + 0.6 * bend - np.hypot(window.dx_um, window.dy_um)
    membrane = np.exp(-(((inside + 1.5) / 1.6) ** 2))
    cell = np.clip(inside / 0.8 + 0.5, 0, 1)
    lumen = np.clip((inside - wall_um) / 1.5, 0, 1)
    cover = np.maximum(cell, np.clip(membrane, 0, 1))
    secretion = 0.22 * rng.random() * np.clip(1 + bend, 0, 2)
    eosin = np.asarray(0.42 * (1 - lumen) + secretion * lumen + 0.3 * membrane)
    haematoxylin = np.asarray(0.24 * (1 - lumen) * cell + 0.02 * bend * cell)
    canvas.lay(window, cover, haematoxylin=haematoxylin, eosin=eosin)
    canvas.mark(window, inside > 0, GLAND)
    _line_with_nuclei(canvas, (x_um, y_um), radius_um, wall_um, (waves, phases))


def draw_lobule(canvas: Canvas, x_um: float, y_um: float) -> None:
    """Draw a cluster of small glands in loose stroma."""
    rng = canvas.rng
    reach = rng.uniform(45, 85)
    for dx, dy in spread_points(rng, reach, reach, apart_um=31):
        if np.hypot(dx - reach / 2, dy - reach / 2) < reach * 0.55:
            at = x_um + dx - reach / 2, y_um + dy - reach / 2
            draw_duct(canvas, *at, rng.uniform(11, 16))


def draw_nest(canvas: Canvas, x_um: float, y_um: float, radius_um: float) -> None:
    """Draw a carcinoma's nest: a ragged sheet of large, crowded, unequal nuclei."""
    rng = canvas.rng
    # Wide enough for the most ragged outline: a nest has no straight edge.
    window = canvas.window(x_um, y_um, radius_um * 2.2 + 25)
    if window is None:
        return
    waves = rng.normal(0, [0.2, 0.14, 0.08]).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, 3).astype(np.float32)
    theta = np.arctan2(window.dy_um, window.dx_um)
    bend = canvas.bend[window.rows, window.columns]
    rim = radius_um * _wavy(theta, waves, phases) + 7 * bend
    inside = rim - np.hypot(window.dx_um, window.dy_um)
    cover = np.asarray(np.clip(inside / 1.5 + 0.5, 0, 1), np.float32)
    eosin = 0.5 + 0.1 * bend + 0.06 * canvas.chromatin[window.rows, window.columns]
    canvas.lay(window, cover, haematoxylin=0.26 + 0.04 * bend, eosin=eosin)
    canvas.mark(window, inside > 0, LESION)
    apart = rng.uniform(11.5, 14.5)
    reach = radius_um * 1.6
    for dx, dy in spread_points(rng, 2 * reach, 2 * reach, apart_um=apart):
        place = x_um + dx - reach, y_um + dy - reach
        if _class_at(canvas, *place) == LESION:
            kind = MITOSIS if rng.random() < 0.025 else CARCINOMA
            draw_nucleus(canvas, kind, *place, rng.uniform(0, np.pi))


def draw_lymphocytes(canvas: Canvas, x_um: float, y_um: float, reach_um: float) -> None:
    """Scatter small dark round nuclei, thickest in the middle."""
    for _ in range(int(canvas.rng.uniform(15, 60))):
        dx, dy = canvas.rng.normal(0, reach_um / 2, 2)
        if _class_at(canvas, x_um + dx, y_um + dy) == STROMA:
            draw_nucleus(canvas, LYMPHOCYTE, x_um + dx, y_um + dy, 0.0)


def spread_points(
    rng: np.random.Generator, width_um: float, height_um: float, *, apart_um: float
) -> Floats:
    """Lay a shaken hexagonal grid: points (n, 2) that keep about apart_um between."""
    rows = np.arange(0, height_um + apart_um, apart_um * 0.87)
    columns = np.arange(0, width_um + apart_um, apart_um)
    x, y = np.meshgrid(columns.astype(float), rows)
    x[1::2] += apart_um / 2
    points = np.stack([x.ravel(), y.ravel()], 1)
    shaken = points + rng.uniform(-0.25, 0.25, points.shape) * apart_um
    return np.asarray(shaken, np.float32)


def _wavy(theta: Floats, waves: Floats, phases: Floats) -> Floats:
    total = np.ones_like(theta)
    for order, (height, phase) in enumerate(zip(waves, phases, strict=True), start=2):
        total = total + height * np.cos(order * theta + phase)
    return np.asarray(total, np.float32)


def _line_with_nuclei(
    canvas: Canvas,
    centre_um: tuple[float, float],
    radius_um: float,
    wall_um: float,
    outline: tuple[Floats, Floats],
) -> None:
    """Place the ring of nuclei; in a thick wall, flat ones outside it as well."""
    rng = canvas.rng
    for depth, apart, kind in ((0.45, 6.3, EPITHELIUM), (0.12, 15.0, FIBROBLAST)):
        ring = radius_um - depth * wall_um
        count = max(5, int(2 * np.pi * ring / apart))
        angles = np.arange(count) * 2 * np.pi / count + rng.normal(0, 0.06, count)
        rims = radius_um * _wavy(np.asarray(angles, np.float32), *outline)
        for angle, rim in zip(angles, rims, strict=True):
            distance = rim - depth * wall_um + rng.normal(0, 0.6)
            x = centre_um[0] + distance * np.cos(angle)
            y = centre_um[1] + distance * np.sin(angle)
            turn = angle + (np.pi / 2 if kind is FIBROBLAST else 0)
            draw_nucleus(canvas, kind, x, y, turn)


def _scatter_fibroblasts(canvas: Canvas, turn: float, *, per_mm2: float) -> None:
    rng = canvas.rng
    count = int(per_mm2 * canvas.width_um * canvas.height_um / 1e6)
    for _ in range(count):
        x, y = rng.uniform(0, canvas.width_um), rng.uniform(0, canvas.height_um)
        if _class_at(canvas, x, y) == STROMA:
            along = turn + np.pi / 2 + rng.normal(0, 0.3)
            draw_nucleus(canvas, FIBROBLAST, x, y, along)


def _class_at(canvas: Canvas, x_um: float, y_um: float) -> int:
    row, column = int(y_um / canvas.spacing_um), int(x_um / canvas.spacing_um)
    height, width = canvas.mask.shape
    if 0 <= row < height and 0 <= column < width:
        return int(canvas.mask[row, column])
    return -1
