"""Nuclei: from the flat ones of fibroblasts to the wild ones of a carcinoma."""

from dataclasses import dataclass

import numpy as np

from training.generator.canvas import Canvas
from training.types import Floats


@dataclass(frozen=True, slots=True)
class Kind:
    """How the nuclei of one kind of cell look, and how much they differ."""

    radius_um: float
    radius_spread: float  # Relative.
    elongation: float  # Long radius over short.
    darkness: float
    darkness_spread: float
    irregularity: float  # Relative height of bumps on the outline.
    nucleoli: float  # Probability of a nucleolus.


EPITHELIUM = Kind(3.2, 0.08, 1.3, 1.15, 0.12, 0.03, 0.1)
FIBROBLAST = Kind(1.7, 0.25, 3.4, 1.15, 0.15, 0.06, 0.0)
LYMPHOCYTE = Kind(2.6, 0.08, 1.05, 1.6, 0.1, 0.02, 0.0)
CARCINOMA = Kind(4.6, 0.27, 1.35, 1.1, 0.3, 0.11, 0.75)
MITOSIS = Kind(3.6, 0.25, 1.9, 2.1, 0.1, 0.3, 0.0)


def draw_nucleus(
    canvas: Canvas, kind: Kind, x_um: float, y_um: float, angle: float
) -> None:
    """Stamp one nucleus: a bumpy ellipse, darker rim, mottled, perhaps a nucleolus."""
    rng = canvas.rng
    radius = kind.radius_um * float(np.exp(rng.normal(0, kind.radius_spread)))
    stretch = kind.elongation * float(np.exp(rng.normal(0, 0.12)))
    darkness = max(0.45, kind.darkness * (1 + rng.normal(0, kind.darkness_spread)))
    bumps = rng.normal(0, kind.irregularity, 4).astype(np.float32)
    nucleolus = bool(rng.random() < kind.nucleoli)
    window = canvas.window(x_um, y_um, radius * max(stretch, 1) ** 0.5 * 1.7 + 1)
    if window is None:
        return
    along = np.cos(angle) * window.dx_um + np.sin(angle) * window.dy_um
    across = np.cos(angle) * window.dy_um - np.sin(angle) * window.dx_um
    along, across = along / stretch**0.5, across * stretch**0.5
    rho = np.sqrt(along**2 + across**2)
    inside = radius * _outline(along, across, rho, bumps) - rho  # µm from the rim.
    cover = np.clip(inside / 0.5 + 0.5, 0, 1)
    mottle = canvas.chromatin[window.rows, window.columns]
    rim = np.exp(-((inside / 0.7) ** 2))
    amount = darkness * (0.82 + 0.28 * rim + 0.14 * mottle)
    if nucleolus:
        shift = rng.uniform(-0.3, 0.3, 2) * radius
        spot = (along - shift[0]) ** 2 + (across - shift[1]) ** 2
        amount = amount + 0.9 * np.exp(-spot / (0.22 * radius) ** 2)
    amount = np.asarray(amount, np.float32)
    canvas.lay(window, cover, haematoxylin=amount, eosin=0.25 * np.ones_like(amount))


def _outline(along: Floats, across: Floats, rho: Floats, bumps: Floats) -> Floats:
    cosine, sine = along / (rho + 1e-3), across / (rho + 1e-3)
    double_cosine, double_sine = cosine**2 - sine**2, 2 * cosine * sine
    waves = (
        bumps[0] * double_cosine * cosine
        + bumps[1] * double_sine * cosine
        + bumps[2] * sine
        + bumps[3] * (double_cosine**2 - double_sine**2)
    )
    return np.asarray(1 + waves, np.float32)
