"""Pictures that the tests make themselves, and what reading them gives."""

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from predictions.images import reading
from predictions.images.reading import ImageFacts

RED, GREEN, BLUE, WHITE = (200, 40, 40), (40, 160, 60), (40, 60, 200), (255, 255, 255)


@dataclass(frozen=True)
class Read:
    """What came back from an inspection."""

    facts: ImageFacts
    display: Image.Image
    thumbnail: Image.Image


def read(path: Path) -> Read:
    display, thumbnail = path.with_suffix(".display"), path.with_suffix(".thumb")
    facts = reading.inspect(path, display=display, thumbnail=thumbnail)
    return Read(facts, _loaded(display), _loaded(thumbnail))


def _loaded(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        picture.load()
        return picture


def pixels(path: Path, size_px: tuple[int, int] | None = None) -> Image.Image:
    """The whole picture as the model gets it: one tile that covers it."""
    with Image.open(path) as picture:
        width_px, height_px = size_px or picture.size
    side_px = min(width_px, height_px)
    (tile,) = reading.read_tiles(
        path,
        size_px=(width_px, height_px),
        boxes=[(0, 0, side_px)],
        side_px=side_px,
        batch=1,
    )
    return Image.frombytes("RGB", (side_px, side_px), tile)


def quarters(size_px: tuple[int, int] = (96, 96)) -> Image.Image:
    """Red, green; blue, white: shows which way up a picture is."""
    width_px, height_px = size_px
    picture = Image.new("RGB", size_px, WHITE)
    picture.paste(RED, (0, 0, width_px // 2, height_px // 2))
    picture.paste(GREEN, (width_px // 2, 0, width_px, height_px // 2))
    picture.paste(BLUE, (0, height_px // 2, width_px // 2, height_px))
    return picture


def corners(picture: Image.Image) -> list[tuple[int, ...]]:
    """The colours near top left, top right, bottom left, bottom right."""
    width_px, height_px = picture.size
    near, wide, high = 8, width_px - 8, height_px - 8
    found = []
    for at in ((near, near), (wide, near), (near, high), (wide, high)):
        colour = picture.getpixel(at)
        assert isinstance(colour, tuple)
        found.append(tuple(map(int, colour)))
    return found


def is_near(
    found: Sequence[int], wanted: Sequence[int], *, tolerance: int = 12
) -> bool:
    """The same colour, as far as JPEG and rounding let it be."""
    return all(abs(a - b) <= tolerance for a, b in zip(found, wanted, strict=True))


def png_chunk(name: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + check


def png_declaring(width_px: int, height_px: int) -> bytes:
    """A PNG that says how large it is and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(bytes(64)))
        + png_chunk(b"IEND", b"")
    )


def encoded(picture: Image.Image, image_format: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, image_format)
    return file.getvalue()
