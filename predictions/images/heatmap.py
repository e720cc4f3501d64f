"""Draw how much each tile weighed, as a see-through picture to lay over the image.

Imports numpy and Pillow: for the worker, never for the web.
"""

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_SIDE_PX = 512  # A tile is 100 of them and more; four times the pixels, 9 ms more.
_MAX_ALPHA = 200  # The tissue stays visible under the heaviest tile.
_LEGEND_PX = (256, 16)
# Dark violet to pale yellow, in CIELAB (lightness, a, b). Lightness rises by the same
# amount from anchor to anchor, so equal steps of weight look equal, in grey and to
# colour-blind eyes too.
_ANCHORS_LAB = ((15, 25, -35), (34, 48, -22), (53, 52, 18), (72, 28, 58), (91, -6, 52))
_A_B_TO_XYZ = np.array([[0.002, 0, 0], [0, 0, -0.005]])
_WHITE_XYZ = np.array([0.95047, 1.0, 1.08883])  # D65
_XYZ_TO_LINEAR = np.array(
    [
        [3.2406, -1.5372, -0.4986],
        [-0.9689, 1.8758, 0.0415],
        [0.0557, -0.2040, 1.0570],
    ]
)
_LINEAR_FOOT = 0.0031308  # Below it sRGB is a straight line.


def draw(
    *,
    width_px: int,
    height_px: int,
    boxes: Sequence[tuple[int, int, int]],
    weights: Sequence[float] | npt.NDArray[np.float32],
) -> bytes:
    """A PNG in the proportions of the image, at most MAX_SIDE_PX a side.

    256 colours, each with its alpha: the heavier, the less of the tissue is seen.

    boxes: (left, top, side) in px of width_px x height_px. weights: one each, >= 0.
    The heaviest place is 1, whatever the number of tiles; overlapping tiles are
    averaged; what no tile covers stays clear.
    """
    share = min(1.0, MAX_SIDE_PX / max(width_px, height_px))
    size = max(1, round(width_px * share)), max(1, round(height_px * share))
    relief = _relief(size, share, boxes, np.asarray(weights, dtype=np.float64))
    picture = Image.fromarray(np.rint(relief * 255).astype(np.uint8))
    picture.putpalette(colours().tobytes())
    alphas = bytes(level * _MAX_ALPHA // 255 for level in range(256))
    return _png(picture, transparency=alphas)


def legend() -> bytes:
    """A PNG bar of the colours, lightest weight on the left, opaque."""
    width_px, height_px = _LEGEND_PX
    bar = np.broadcast_to(colours(), (height_px, width_px, 3))
    return _png(Image.fromarray(np.ascontiguousarray(bar)))


@lru_cache(maxsize=1)
def colours() -> npt.NDArray[np.uint8]:
    """(256, 3) uint8 sRGB, by weight from 0 to 1."""
    anchors = np.array(_ANCHORS_LAB, dtype=np.float64)
    places = np.linspace(0, 1, len(anchors))
    steps = np.linspace(0, 1, 256)
    lab = np.stack([np.interp(steps, places, line) for line in anchors.T], axis=1)
    shifted = (lab[:, :1] + 16) / 116 + lab[:, 1:] @ _A_B_TO_XYZ
    xyz = _WHITE_XYZ * shifted**3
    linear = np.clip(xyz @ _XYZ_TO_LINEAR.T, 0, 1)
    srgb = np.where(
        linear <= _LINEAR_FOOT, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    levels: npt.NDArray[np.uint8] = np.rint(srgb * 255).astype(np.uint8)
    return levels


def _relief(
    size: tuple[int, int],
    share: float,
    boxes: Sequence[tuple[int, int, int]],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """(height, width), 0 to 1: the mean weight of the tiles over each pixel."""
    if len(boxes) != len(weights) or not np.all(weights >= 0):
        raise ValueError("one weight, not negative, for each tile")
    total = np.zeros(size[::-1])
    count = np.zeros(size[::-1])
    for (left, top, side), weight in zip(boxes, weights, strict=True):
        rows = slice(round(top * share), round((top + side) * share))
        columns = slice(round(left * share), round((left + side) * share))
        total[rows, columns] += weight
        count[rows, columns] += 1
    mean: npt.NDArray[np.float64] = total / np.maximum(count, 1)
    return mean / (mean.max() or 1.0)


def _png(picture: Image.Image, **options: bytes) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1, **options)
    return file.getvalue()
