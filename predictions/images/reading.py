"""Read an image that nobody has vouched for: facts, copies to show, tiles to measure.

The parsing happens in a child process (decode.py) that can reach nothing. Here, only
the first bytes are looked at. Decisions about unusual images are in docs/images.md.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from predictions.images.child import PATIENCE_S, Child
from predictions.images.errors import DecodeCrashedError, ImageRefusedError

MAX_BYTES = 100_000_000
MAX_PIXELS = 50_000_000  # Also in pixels.py, which imports Pillow.
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",  # BigTIFF
    b"MM\x00+": "TIFF",
}
_MAGIC_BYTES = max(map(len, _MAGIC))
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """What an image is. Sizes are of the upright image, as people see it.

    format: PNG, JPEG or TIFF, by its bytes. mode: Pillow's name of its pixels.
    pages: 1, or the levels of a pyramid. orientation: EXIF's, 1 to 8, applied.
    spacing_um: µm/px as the file states it, None if it states nothing plausible.
    """

    format: str
    mode: str
    width_px: int
    height_px: int
    pages: int
    orientation: int
    spacing_um: float | None
    size_bytes: int


class _Opened(NamedTuple):
    descriptor: int
    format: str
    size_bytes: int


def sniff(start: bytes) -> str:
    """PNG, JPEG or TIFF, from a file's first bytes. Raises ImageRefusedError."""
    if not start:
        raise ImageRefusedError("empty")
    for magic, image_format in _MAGIC.items():
        if start.startswith(magic):
            return image_format
    raise ImageRefusedError("unknown_format")


def inspect(
    path: Path, *, display: Path, thumbnail: Path, patience_s: float = PATIENCE_S
) -> ImageFacts:
    """Decode it whole, and write a display copy and a thumbnail for people.

    Both are JPEGs of our own making, sides at most 2048 and 320 px, without metadata.
    Raises ImageRefusedError, DecodeCrashedError or ImageChildError.
    """
    with ExitStack() as stack:
        image = stack.enter_context(_opened(path))
        outputs = [stack.enter_context(_output(copy)) for copy in (display, thumbnail)]
        files = [image.descriptor, *outputs]
        child = Child("inspect", image.format, files, patience_s=patience_s)
        with child:
            words = child.header()
            child.expect_end()
    for copy in (display, thumbnail):
        _expect_jpeg(copy)
    return _facts(words, image)


def read_tiles(
    path: Path,
    *,
    size_px: tuple[int, int],
    boxes: Sequence[tuple[int, int, int]],
    side_px: int,
    batch: int,
    patience_s: float = PATIENCE_S,
) -> Iterator[bytes]:
    """Resample to size_px (width, height) and give the tiles, a batch at a time.

    boxes: (left, top, side_px) each, in px of the resampled, upright image, inside it.
    Each item holds up to `batch` tiles of side_px x side_px x 3 bytes, RGB, row by row.
    patience_s: for the child; the caller's own time between two batches is not counted.
    Raises ImageRefusedError, DecodeCrashedError or ImageChildError.
    """
    numbers = [side_px, *size_px]
    for left, top, side in boxes:
        if side != side_px or not _inside(left, top, side, size_px):
            raise ValueError(f"tile {left}, {top}, {side} is not in {size_px}")
        numbers += [left, top]
    return _batches(path, numbers, count=len(boxes), batch=batch, patience_s=patience_s)


def _batches(
    path: Path, numbers: list[int], *, count: int, batch: int, patience_s: float
) -> Iterator[bytes]:
    side_px = numbers[0]
    with _opened(path) as image:
        files = [image.descriptor]
        child = Child(
            "tiles", image.format, files, numbers=numbers, patience_s=patience_s
        )
        with child:
            child.header()
            for begin in range(0, count, batch):
                tiles = min(batch, count - begin)
                yield child.read(tiles * side_px * side_px * 3)
            child.expect_end()


def _inside(left: int, top: int, side_px: int, size_px: tuple[int, int]) -> bool:
    width_px, height_px = size_px
    return 0 <= left <= width_px - side_px and 0 <= top <= height_px - side_px


@contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    """The image's descriptor, once its size and its first bytes allow to go on."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes > MAX_BYTES:
            raise ImageRefusedError("file_too_large")
        image_format = sniff(os.pread(descriptor, _MAGIC_BYTES, 0))
        yield _Opened(descriptor, image_format, size_bytes)
    finally:
        os.close(descriptor)


@contextmanager
def _output(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _expect_jpeg(path: Path) -> None:
    """The child parsed hostile bytes: what it wrote is looked at before it is shown."""
    with path.open("rb") as file:
        start = file.read(len(_JPEG_START))
        file.seek(-min(len(_JPEG_END), len(start)), os.SEEK_END)
        if start != _JPEG_START or file.read() != _JPEG_END:
            raise DecodeCrashedError("a copy to show is not a JPEG")


def _facts(words: list[str], image: _Opened) -> ImageFacts:
    """The child's words, taken for no more than they are."""
    try:
        image_format, mode, *numbers, spacing = words
        width_px, height_px, pages, orientation = map(int, numbers)
        spacing_um = None if spacing == "-" else float(spacing)
    except ValueError as error:
        raise DecodeCrashedError("the child's facts make no sense") from error
    if image_format != image.format or not 0 < width_px * height_px <= MAX_PIXELS:
        raise DecodeCrashedError("the child's facts contradict the file")
    return ImageFacts(
        format=image_format,
        mode=mode,
        width_px=width_px,
        height_px=height_px,
        pages=pages,
        orientation=orientation,
        spacing_um=spacing_um,
        size_bytes=image.size_bytes,
    )
