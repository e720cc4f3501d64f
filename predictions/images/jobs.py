"""What the child is asked to do with one picture. Pillow: for the child only."""

import importlib
import os
import warnings
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from predictions.images import pages, pixels
from predictions.images.pixels import RefusedError

DISPLAY_SIDE_PX, THUMBNAIL_SIDE_PX = 2048, 320
_DISPLAY_QUALITY, _THUMBNAIL_QUALITY = 90, 80
# By name, never by Image.open: no other reader of Pillow's can be reached.
_READERS = {
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),  # 3 ms to import: only if needed.
    "JPEG": (JpegImagePlugin.__name__, "JpegImageFile"),  # Also writes the copies.
    "TIFF": (TiffImagePlugin.__name__, "TiffImageFile"),  # Also reads all EXIF.
}


def prepare(image_format: str) -> None:
    """Import what this format needs, and make Pillow strict in this process."""
    _reader(image_format)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = pixels.MAX_PIXELS
    # Pillow is told that it has looked for all its plugins: it would import more at
    # the first save, and no other reader may come near a file.
    Image._initialized = 2  # noqa: SLF001


def inspect(
    file: BinaryIO, image_format: str, *, display: BinaryIO, thumbnail: BinaryIO
) -> str:
    """Read it whole, write what people will see, and say what it is.

    Returns "format mode width height pages orientation spacing", upright.
    """
    picture, page_count = _opened(file, image_format)
    turn = pixels.orientation(picture)
    spacing_um = pixels.spacing_um(picture)
    mode = picture.mode
    width_px, height_px = pixels.upright_size(picture.size, turn)
    flat = pixels.flattened(picture)
    shown = pixels.upright(pixels.fitted(flat, DISPLAY_SIDE_PX), turn)
    _save(shown, display, quality=_DISPLAY_QUALITY)
    _save(
        pixels.fitted(shown, THUMBNAIL_SIDE_PX), thumbnail, quality=_THUMBNAIL_QUALITY
    )
    return (
        f"{image_format} {mode} {width_px} {height_px} {page_count} {turn} "
        f"{'-' if spacing_um is None else format(spacing_um, '.6f')}"
    )


def resampled(
    file: BinaryIO, image_format: str, *, size_px: tuple[int, int]
) -> Image.Image:
    """The whole picture, upright, RGB, at the size from which tiles are cut."""
    picture, _ = _opened(file, image_format)
    turn = pixels.orientation(picture)
    lying_px = pixels.upright_size(size_px, turn)
    return pixels.upright(pixels.resized(pixels.flattened(picture), lying_px), turn)


def write_tiles(
    picture: Image.Image, corners: list[tuple[int, int]], *, side_px: int, out: int
) -> None:
    """Write the tiles with these left and top edges to a descriptor, as RGB bytes."""
    for left, top in corners:
        box = (left, top, left + side_px, top + side_px)
        rest = memoryview(picture.crop(box).tobytes())
        while rest:
            rest = rest[os.write(out, rest) :]


def _reader(image_format: str) -> Callable[[BinaryIO], Image.Image]:
    module, name = _READERS[image_format]
    reader: Callable[[BinaryIO], Image.Image]
    reader = getattr(importlib.import_module(module), name)
    return reader


def _opened(file: BinaryIO, image_format: str) -> tuple[Image.Image, int]:
    """The picture, decoded, and how many pages stand beside it."""
    page_count = 1
    if image_format == "TIFF":
        found = pages.pages(file)
        if found and not pages.hold_one_picture(found):
            raise RefusedError("several_pages")
        page_count = len(found)
        file.seek(0)
    picture = _reader(image_format)(file)
    pixels.refuse_unreadable(picture)
    if image_format == "PNG" and getattr(picture, "n_frames", 1) > 1:
        raise RefusedError("animated")
    picture.load()
    return picture, page_count


def _save(picture: Image.Image, file: BinaryIO, *, quality: int) -> None:
    plain = picture.copy()  # Pillow looks up the path of what it read, not of a copy.
    plain.info.clear()  # It would carry a JPEG's comment over.
    plain.save(file, "JPEG", quality=quality)
    file.flush()
