"""Images that are no tissue: what a tissue score must learn to say no to.

All drawn from a seed. Half of them are tinted with the colours of H&E, so that
colour alone tells nothing.
"""

from collections.abc import Callable

import numpy as np

from training.generator.noise import fractal, smooth
from training.generator.stains import EOSIN, HAEMATOXYLIN
from training.types import Floats, Pixels

Drawing = Callable[[np.random.Generator, tuple[int, int]], Floats]
"""Draws (height, width, 3) with values about 0 to 1."""


def nontissue(seed: int, *, width_px: int = 256, height_px: int = 256) -> Pixels:
    """Draw one image that is no tissue; the seed chooses which kind."""
    rng = np.random.default_rng([seed, 77])
    drawing = DRAWINGS[seed % len(DRAWINGS)]
    picture = np.clip(drawing(rng, (height_px, width_px)), 0, 1)
    if seed // len(DRAWINGS) % 2:
        picture = tinted(rng, picture)
    noise = rng.choice([0, 0, 0.01, 0.04]) * rng.standard_normal(picture.shape)
    return np.asarray(np.clip((picture + noise) * 255, 0, 255), np.uint8)


def tinted(rng: np.random.Generator, picture: Floats) -> Floats:
    """Repaint a picture in pink and purple, as if its shades were dye."""
    shade = 1 - picture.mean(-1)
    second = np.roll(shade, int(rng.integers(3, 40)), axis=int(rng.integers(2)))
    weight = rng.uniform(0.3, 1.6, 2)
    kept = rng.choice([0.0, 0.3, 0.6])
    if kept:
        second = 1 - picture[..., int(rng.integers(3))]
    density = (
        weight[0] * shade[..., None] * EOSIN
        + weight[1] * np.clip(second, 0, 1)[..., None] ** 2 * HAEMATOXYLIN
    )
    return np.asarray(kept * picture + (1 - kept) * np.exp(-density), np.float32)


def _flat(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.broadcast_to(rng.random(3).astype(np.float32), (*shape, 3)).copy()


def _gradient(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Blend two or three colours along a line or around a point."""
    rows, columns = _coordinates(shape)
    turn = rng.uniform(0, 2 * np.pi)
    at = np.cos(turn) * columns + np.sin(turn) * rows
    if rng.random() < 0.3:
        at = np.hypot(columns - rng.random(), rows - rng.random())
    at = (at - at.min()) / (np.ptp(at) + 1e-6)
    if rng.random() < 0.3:
        at = np.sin(at * rng.uniform(3, 30)) / 2 + 0.5
    start, end = rng.random((2, 3))
    return np.asarray(start + at[..., None] * (end - start), np.float32)


def _dye_gradient(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Blend pink into purple or white, the colours of H&E exactly, with no tissue."""
    at = _gradient(rng, shape)[..., :2]
    if rng.random() < 0.5:
        grain = rng.uniform(30, 200)
        layers = [smooth(rng, shape, grain_px=grain) / 4 + 0.5 for _ in range(2)]
        at = np.stack(layers, -1)
    strength = rng.uniform(0.2, 1.8, 2)
    density = at[..., :1] * strength[0] * EOSIN + at[..., 1:] * (
        strength[1] * HAEMATOXYLIN
    )
    return np.asarray(np.exp(-density), np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    channels = 1 if rng.random() < 0.3 else 3
    picture = rng.random((*shape, channels))
    if rng.random() < 0.5:
        picture = rng.random(3) + rng.uniform(0.02, 0.4) * (picture - 0.5)
    return np.asarray(np.broadcast_to(picture, (*shape, 3)), np.float32)


def _checkers(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    rows, columns = np.indices(shape)
    side, other = rng.integers(1, 48, 2)
    if rng.random() < 0.4:
        other = 4000  # Stripes.
    board = (rows // side + columns // other) % 2
    return np.asarray(rng.random((2, 3))[board], np.float32)


def _page(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Write lines of strokes that look like text, on paper."""
    ink, paper = rng.random(3) * 0.4, 1 - rng.random(3) * 0.25
    picture = np.broadcast_to(paper, (*shape, 3)).astype(np.float32)
    size = int(rng.integers(5, 22))
    for top in range(int(rng.integers(1, size)), shape[0] - size, int(size * 1.6)):
        left = int(rng.integers(0, 20))
        while left < shape[1] * rng.uniform(0.6, 1):
            _write_letter(rng, picture[top : top + size, left : left + size // 2], ink)
            left += int(size * (0.65 if rng.random() < 0.8 else 1.3))
    return picture


def _write_letter(rng: np.random.Generator, box: Floats, ink: Floats) -> None:
    height, width = box.shape[:2]
    if min(height, width) < 3:
        return
    stroke = max(1, height // 8)
    for _ in range(int(rng.integers(2, 5))):
        if rng.random() < 0.5:
            left = int(rng.integers(0, width - stroke + 1))
            box[int(rng.integers(0, height // 2)) :, left : left + stroke] = ink
        else:
            top = int(rng.integers(0, height - stroke + 1))
            box[top : top + stroke] = ink


def _screen(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Pile up windows, bars and icons: a screenshot, a chart, a logo."""
    picture = _flat(rng, shape) if rng.random() < 0.7 else _gradient(rng, shape)
    rows, columns = np.indices(shape)
    for _ in range(int(rng.integers(3, 25))):
        top, left = (int(rng.integers(-20, side)) for side in shape)
        height, width = (int(rng.integers(3, side // 2 + 4)) for side in shape)
        inside = (rows >= top) & (rows < top + height)
        inside &= (columns >= left) & (columns < left + width)
        if rng.random() < 0.3:
            inside = np.hypot(rows - top, columns - left) < min(height, width) / 2
        picture[inside] = rng.random(3) if rng.random() < 0.6 else rng.random()
    return picture


def _photo(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Overlap soft lit shapes with texture: the statistics of a photograph."""
    picture = _clouds(rng, shape)
    rows, columns = _coordinates(shape)
    for _ in range(int(rng.integers(2, 14))):
        x, y = rng.uniform(-0.1, 1.1, 2)
        wide, high = rng.uniform(0.05, 0.5, 2)
        turn = rng.uniform(0, np.pi)
        u = ((columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)) / wide
        v = ((rows - y) * np.cos(turn) - (columns - x) * np.sin(turn)) / high
        power = rng.choice([2.0, 2.0, 6.0])
        inside = 1 - (np.abs(u) ** power + np.abs(v) ** power)
        cover = np.clip(inside / rng.uniform(0.01, 0.5), 0, 1)[..., None]
        light = 0.75 + 0.35 * (u * np.cos(turn) + v) / 2
        colour = rng.random(3) * light[..., None]
        grain = rng.uniform(1.5, 20)
        texture = rng.uniform(0, 0.12) * fractal(rng, shape, grain_px=grain, octaves=3)
        picture = picture + cover * (colour + texture[..., None] - picture)
    return np.asarray(picture, np.float32)


def _clouds(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    grain = rng.uniform(8, 120)
    shared = fractal(rng, shape, grain_px=grain, octaves=int(rng.integers(1, 7)))
    own = [fractal(rng, shape, grain_px=grain, octaves=4) for _ in range(3)]
    mixed = shared[..., None] + rng.uniform(0, 0.8) * np.stack(own, -1)
    return np.asarray(rng.random(3) + rng.uniform(0.05, 0.3) * mixed, np.float32)


def _blobs(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Strew discs or rods on a plain ground: coins, pills, beans, but no cells."""
    picture = _clouds(rng, shape) * 0.2 + _flat(rng, shape) * 0.8
    rows, columns = np.indices(shape)
    size = rng.uniform(3, 30)
    colour = rng.random(3)
    for _ in range(int(min(4000 / size**1.5, 150))):
        y, x = rng.random(2) * shape
        radius = size * rng.uniform(0.8, 1.2)
        cover = np.clip(radius - np.hypot(rows - y, columns - x), 0, 1)[..., None]
        picture += cover * (colour - picture)
    return picture


def _coordinates(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    rows = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(0, 1, shape[1], dtype=np.float32)[None]
    return rows, columns


DRAWINGS: tuple[Drawing, ...] = (
    _flat,
    _gradient,
    _dye_gradient,
    _noise,
    _checkers,
    _page,
    _screen,
    _photo,
    _clouds,
    _blobs,
    _photo,
    _screen,
    _photo,
)
