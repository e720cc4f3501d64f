"""Small pictures for tests, made here: no patient's, and no two alike."""

import random
from io import BytesIO

from PIL import Image

from tests.poison import MARK_RGB, MARK_SIDE_PX

PINK_RGB = (200, 115, 175)  # As H&E stains: less green than red and blue.
GREY_RGB = (128, 128, 128)
SPREAD = 24
BLOCK_PX = 8


def field_png(
    seed: int = 0,
    *,
    size_px: tuple[int, int] = (256, 256),
    colour_rgb: tuple[int, int, int] = PINK_RGB,
    poison: bool = False,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Blocks about one colour, as a PNG; with the mark if it is poison.

    dpi: dots per inch as the file states them, across and down.
    """
    noise = random.Random(seed)
    blocks = [-(-side // BLOCK_PX) for side in size_px]
    offsets = (noise.randint(-SPREAD, SPREAD) for _ in range(3 * blocks[0] * blocks[1]))
    pixels = bytes(colour_rgb[n % 3] + offset for n, offset in enumerate(offsets))
    field = Image.frombytes("RGB", (blocks[0], blocks[1]), pixels)
    field = field.resize(
        (blocks[0] * BLOCK_PX, blocks[1] * BLOCK_PX), Image.Resampling.NEAREST
    ).crop((0, 0, *size_px))
    if poison:
        field.paste(MARK_RGB, (0, 0, MARK_SIDE_PX, MARK_SIDE_PX))
    written = BytesIO()
    field.save(written, "PNG", **({} if dpi is None else {"dpi": dpi}))
    return written.getvalue()
