"""Tiles to learn from: cropped, turned, rescaled, restained."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from training.generator.stains import EOSIN, HAEMATOXYLIN
from training.types import Pixels

# Uploads are resampled by whoever reads them; no filter may matter.
FILTERS = (
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
)


def rescaled(image: Pixels, scale: float, *, resample: int = FILTERS[0]) -> Pixels:
    """Resample an image by a factor."""
    height, width = image.shape[:2]
    size_px = int(width * scale + 0.5), int(height * scale + 0.5)
    return resized(image, size_px, resample=resample)


def resized(
    image: Pixels, size_px: tuple[int, int], *, resample: int = FILTERS[0]
) -> Pixels:
    """Resample an image to (width, height)."""
    resampling = Image.Resampling(resample)
    return np.asarray(Image.fromarray(image).resize(size_px, resampling))


def coarsened(image: Pixels, factor: float) -> Pixels:
    """Lose detail, as a field does that was scanned at a lower magnification."""
    return resized(rescaled(image, 1 / factor), (image.shape[1], image.shape[0]))


def turned(image: Pixels, quarter: int) -> Pixels:
    """Turn by quarters; from the fourth on, of the mirror image."""
    return np.rot90(image[:, ::-1] if quarter >= 4 else image, quarter % 4)


def restained(
    rng: np.random.Generator, image: Pixels, *, strength: float = 1.0
) -> Pixels:
    """Change the amounts and tones of the dyes, the lamp and the exposure.

    Works on optical density, along the dyes as well as along each channel: an image
    that is no H&E is changed no less.
    """
    density = -np.log((image.astype(np.float32) + 1) / 256)
    basis = np.stack([HAEMATOXYLIN, EOSIN, np.cross(HAEMATOXYLIN, EOSIN)])
    gain = np.exp(rng.normal(0, 0.18 * strength, 3)).astype(np.float32)
    mixed = np.linalg.inv(basis) @ np.diag(gain) @ basis
    channel_gain = np.exp(rng.normal(0, 0.08 * strength, 3)).astype(np.float32)
    offset = rng.normal(0, 0.03 * strength, 3).astype(np.float32)
    density = (density @ mixed.astype(np.float32)) * channel_gain + offset
    return np.asarray(np.clip(256 * np.exp(-density) - 1, 0, 255), np.uint8)


def random_tiles(
    rng: np.random.Generator, images: Sequence[Pixels], *, count: int, side_px: int
) -> Pixels:
    """Crop tiles (count, side, side, 3) anywhere from images, turned at random."""
    tiles = np.empty((count, side_px, side_px, 3), np.uint8)
    for index in range(count):
        image = images[int(rng.integers(len(images)))]
        top = int(rng.integers(image.shape[0] - side_px + 1))
        left = int(rng.integers(image.shape[1] - side_px + 1))
        crop = image[top : top + side_px, left : left + side_px]
        tiles[index] = turned(crop, int(rng.integers(8)))
    return tiles
