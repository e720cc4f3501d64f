"""Whether a TIFF holds one picture or several. Runs in the child.

A pyramid, or a picture with its thumbnail, is one: the first page is read. Anything
else (a stack, a time series, two fields) is several, and a guess could answer about
the wrong one.
"""

import struct
from typing import BinaryIO, NamedTuple

MAX_PAGES = 64  # No pyramid is deeper; a longer chain is a stack or a trap.
_SUBFILE_TYPE, _WIDTH, _HEIGHT = 254, 256, 257
_REDUCED = 1
_PROPORTION = 0.02  # Levels of a pyramid are rounded to whole pixels and tiles.
_NUMBERS = {3: "H", 4: "I", 16: "Q"}  # SHORT, LONG, LONG8
_MAX_TAGS = 4096


class Page(NamedTuple):
    width_px: int
    height_px: int
    reduced: bool


def pages(file: BinaryIO) -> list[Page]:
    """The pages of a TIFF or BigTIFF, at most MAX_PAGES + 1; damage ends the list."""
    found: list[Page] = []
    seen: set[int] = set()
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    big = struct.unpack(order + "H", file.read(2))[0] == 43  # noqa: PLR2004 - BigTIFF
    try:
        (at,) = _read(file, 8 if big else 4, order + ("Q" if big else "I"))
        while at and at not in seen and len(found) <= MAX_PAGES:
            seen.add(at)
            page, at = _page(file, at, order=order, big=big)
            found.append(page)
    except (struct.error, OSError, OverflowError):
        pass  # A damaged chain: the decoder judges the page that is read.
    return found


def hold_one_picture(found: list[Page]) -> bool:
    if len(found) > MAX_PAGES:
        return False
    return all(_same_picture(found[0], page) for page in found[1:])


def _same_picture(first: Page, page: Page) -> bool:
    if page.reduced:
        return True
    if page.width_px >= first.width_px or page.height_px >= first.height_px:
        return False
    across = page.width_px / first.width_px
    down = page.height_px / first.height_px
    rounding = 1 / first.width_px + 1 / first.height_px
    return abs(across - down) <= across * _PROPORTION + rounding


def _page(file: BinaryIO, at: int, *, order: str, big: bool) -> tuple[Page, int]:
    """One page, and where the next begins (0: nowhere)."""
    (count,) = _read(file, at, order + ("Q" if big else "H"))
    if count > _MAX_TAGS:
        raise struct.error("more tags than a page can have")
    body = file.read(count * (20 if big else 12))
    values = {}
    for tag, kind, value in struct.iter_unpack(
        order + ("HH8x8s" if big else "HH4x4s"), body
    ):
        if tag in (_SUBFILE_TYPE, _WIDTH, _HEIGHT) and kind in _NUMBERS:
            values[tag] = struct.unpack_from(order + _NUMBERS[kind], value)[0]
    (following,) = struct.unpack(
        order + ("Q" if big else "I"), file.read(8 if big else 4)
    )
    reduced = bool(values.get(_SUBFILE_TYPE, 0) & _REDUCED)
    return Page(values.get(_WIDTH, 0), values.get(_HEIGHT, 0), reduced), following


def _read(file: BinaryIO, at: int, layout: str) -> tuple[int, ...]:
    file.seek(at)
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
