"""The parts of making pixels plain that a whole file cannot show."""

import errno
import io
from pathlib import Path

import pytest
from PIL import Image

from predictions.images import jobs, pixels
from predictions.images.decode import verdict
from predictions.images.pixels import RefusedError
from tests.predictions.images.pictures import encoded, quarters


def test_a_tall_picture_is_flattened_strip_by_strip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    glass = Image.effect_noise((60, 100), 80).convert("LA")
    whole = pixels.flattened(glass)

    monkeypatch.setattr(pixels, "_STRIP_PIXELS", 60 * 7)

    assert pixels.flattened(glass).tobytes() == whole.tobytes()


def test_the_plain_path_copies_nothing() -> None:
    picture = Image.new("RGB", (10, 10))

    assert pixels.flattened(picture) is picture


@pytest.mark.parametrize(
    ("dpi", "spacing_um"),
    [
        ((25_400, 25_400), 1.0),
        ((72, 72), None),
        ((0, 0), None),
        ((25_400, 12_700), None),
        ((1e9, 1e9), None),
        (("x", 1), None),
        (None, None),
    ],
)
def test_only_a_plausible_square_spacing_is_believed(
    dpi: object, spacing_um: float | None
) -> None:
    picture = Image.new("RGB", (10, 10))
    picture.info["dpi"] = dpi

    assert pixels.spacing_um(picture) == spacing_um


def test_an_inspection_says_what_the_picture_is(tmp_path: Path) -> None:
    display, thumbnail = io.BytesIO(), io.BytesIO()

    facts = jobs.inspect(
        io.BytesIO(encoded(quarters((100, 80)), "PNG")),
        "PNG",
        display=display,
        thumbnail=thumbnail,
    )

    assert facts == "PNG RGB 100 80 1 1 -"
    assert Image.open(display).size == Image.open(thumbnail).size == (100, 80)


def test_resampled_tiles_are_written_in_order(tmp_path: Path) -> None:
    picture = jobs.resampled(
        io.BytesIO(encoded(quarters((100, 80)), "TIFF")), "TIFF", size_px=(50, 40)
    )
    out = tmp_path / "tiles"

    with out.open("wb") as file:
        jobs.write_tiles(picture, [(0, 0), (40, 30)], side_px=10, out=file.fileno())

    tiles = out.read_bytes()
    assert len(tiles) == 2 * 10 * 10 * 3
    assert tiles[:3] == bytes(picture.crop((0, 0, 1, 1)).tobytes())
    assert tiles[-3:] == bytes(picture.crop((49, 39, 50, 40)).tobytes())


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RefusedError("animated"), "refused animated"),
        (MemoryError(), "refused too_much_memory"),
        (OSError("out of memory when reading image file"), "refused too_much_memory"),
        (Image.DecompressionBombError(), "refused too_many_pixels"),
        (Image.DecompressionBombWarning(), "refused too_many_pixels"),
        (PermissionError(), "crashed PermissionError"),
        (ImportError(), "crashed ImportError"),
        (OSError(errno.ENOSPC, "No space left on device"), "full"),
        (SyntaxError("broken PNG file"), "refused broken"),
        (IndexError(), "refused broken"),
    ],
)
def test_a_fault_is_laid_at_the_right_door(error: Exception, line: str) -> None:
    assert verdict(error) == line
