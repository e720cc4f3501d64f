"""A pyramid is one picture, a stack is several, and a trap ends."""

import io
import struct

import pytest

from predictions.images.pages import MAX_PAGES, Page, hold_one_picture, pages

FIRST = Page(1000, 800, reduced=False)


def tiff(
    sizes: list[tuple[int, int]], *, order: str = "<", big: bool = False
) -> io.BytesIO:
    """Directories without pixels: width and height of each page, one after another."""
    start = (b"II" if order == "<" else b"MM") + struct.pack(
        order + ("HHHQ" if big else "HI"), *((43, 8, 0, 16) if big else (42, 8))
    )
    content = start
    for number, (width_px, height_px) in enumerate(sizes):
        tags = ((256, 4, 1, width_px), (257, 4, 1, height_px))
        entry = "HHQI4x" if big else "HHII"
        body = b"".join(struct.pack(order + entry, *tag) for tag in tags)
        count = struct.pack(order + ("Q" if big else "H"), len(tags))
        after = len(content) + len(count) + len(body) + (8 if big else 4)
        following = after if number < len(sizes) - 1 else 0
        content += count + body + struct.pack(order + ("Q" if big else "I"), following)
    return io.BytesIO(content)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_pages_are_found_in_every_kind_of_tiff(order: str, *, big: bool) -> None:
    found = pages(tiff([(1000, 800), (500, 400)], order=order, big=big))

    assert found == [FIRST, Page(500, 400, reduced=False)]


@pytest.mark.parametrize(
    "page",
    [
        Page(500, 400, reduced=False),
        Page(333, 266, reduced=False),
        Page(160, 120, reduced=True),  # A thumbnail on a dark border, named as such.
    ],
)
def test_a_smaller_copy_belongs_to_the_picture(page: Page) -> None:
    assert hold_one_picture([FIRST, page])


@pytest.mark.parametrize(
    "page",
    [
        Page(1000, 800, reduced=False),
        Page(2000, 1600, reduced=False),
        Page(500, 700, reduced=False),
    ],
)
def test_another_picture_does_not(page: Page) -> None:
    assert not hold_one_picture([FIRST, page])


def test_a_long_chain_is_not_walked_to_its_end() -> None:
    found = pages(tiff([(10, 10)] * 2000))

    assert len(found) == MAX_PAGES + 1
    assert not hold_one_picture(found)


@pytest.mark.parametrize(
    "content",
    [
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0+\0\x08\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\x01\0" + bytes(5),
    ],
)
def test_a_damaged_chain_ends_the_list(content: bytes) -> None:
    assert pages(io.BytesIO(content)) == []
