"""Haematoxylin and eosin: from amounts of dye to the colours that a scanner sees."""

from dataclasses import dataclass

import numpy as np

from training.generator.noise import smooth
from training.types import Floats, Pixels

# Optical density per unit of dye in red, green and blue: close to what colour
# deconvolution finds in routine H&E slides (Ruifrok & Johnston 2001, Macenko 2009).
HAEMATOXYLIN = np.array([0.60, 0.74, 0.30], np.float32)
EOSIN = np.array([0.14, 0.86, 0.40], np.float32)


@dataclass(frozen=True, slots=True)
class Stain:
    """One laboratory's colours: two dye vectors, their strengths, the lamp."""

    haematoxylin: Floats
    eosin: Floats
    white: Floats

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Stain":
        """Draw the colours of a laboratory that we have not seen."""
        return cls(
            haematoxylin=_jittered(rng, HAEMATOXYLIN) * rng.uniform(0.8, 1.25),
            eosin=_jittered(rng, EOSIN) * rng.uniform(0.75, 1.3),
            white=rng.uniform(0.94, 1.0, 3).astype(np.float32),
        )

    def coloured(
        self, rng: np.random.Generator, haematoxylin: Floats, eosin: Floats
    ) -> Pixels:
        """Shine light through the dyes: Beer and Lambert, then the sensor's noise."""
        density = (
            haematoxylin[..., None] * self.haematoxylin + eosin[..., None] * self.eosin
        )
        light = self.white * np.exp(-density) * 255
        grain = smooth(rng, haematoxylin.shape, grain_px=1.6)
        return np.clip(light + 1.6 * grain[..., None], 0, 255).astype(np.uint8)


def _jittered(rng: np.random.Generator, vector: Floats) -> Floats:
    moved = vector + rng.normal(0, 0.035, 3).astype(np.float32)
    return np.asarray(moved / np.linalg.norm(moved), np.float32)
