"""Smooth random fields, the raw material of everything that the generator draws."""

import numpy as np

from training.types import Floats


def smooth(
    rng: np.random.Generator, shape: tuple[int, int], *, grain_px: float
) -> Floats:
    """Draw noise that varies over about grain_px, roughly standard normal.

    Random values on a coarse grid, joined by cubic B-splines: two small matrix
    products, so that a large field costs milliseconds.
    """
    rows, columns = (_splines(side, grain_px) for side in shape)
    grid = rng.standard_normal((rows.shape[1], columns.shape[1])).astype(np.float32)
    # A B-spline average of independent values has a variance of about 0.48² per axis².
    return np.asarray(rows @ grid @ columns.T / 0.48, np.float32)


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], *, grain_px: float, octaves: int
) -> Floats:
    """Add up octaves of smooth noise, each half as coarse and half as strong."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        grain = max(grain_px / 2**octave, 1.5)
        total += smooth(rng, shape, grain_px=grain) / 2**octave
    return total


def _splines(side_px: int, grain_px: float) -> Floats:
    """Weights (side_px, knots) of the cubic B-splines at every pixel."""
    at = np.arange(side_px, dtype=np.float32) / grain_px
    knots = int(at[-1]) + 4
    distance = np.abs(at[:, None] + 1 - np.arange(knots, dtype=np.float32))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.asarray(np.where(distance < 1, near, far), np.float32)
