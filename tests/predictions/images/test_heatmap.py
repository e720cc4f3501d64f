"""The heatmap shows where the weight lies, in colours that do not mislead."""

import io

import numpy as np
import pytest
from PIL import Image

from predictions.images import heatmap


def drawn(
    boxes: list[tuple[int, int, int]],
    weights: list[float],
    *,
    width_px: int = 400,
    height_px: int = 200,
) -> Image.Image:
    png = heatmap.draw(
        width_px=width_px, height_px=height_px, boxes=boxes, weights=weights
    )
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    return picture.convert("RGBA")


def alpha(picture: Image.Image, x: int, y: int) -> int:
    colour = picture.getpixel((x, y))
    assert isinstance(colour, tuple)
    return int(colour[3])


def test_the_heavier_a_tile_the_more_it_covers() -> None:
    picture = drawn([(0, 0, 100), (100, 0, 100), (200, 0, 100)], [0.1, 0.2, 0.4])

    light, middle, heavy = (alpha(picture, x, 50) for x in (50, 150, 250))
    assert 0 < light < middle < heavy < 255


def test_what_no_tile_covers_stays_clear() -> None:
    picture = drawn([(0, 0, 100)], [1.0])

    assert alpha(picture, 350, 150) == 0


def test_only_proportions_count() -> None:
    boxes = [(0, 0, 100), (100, 0, 100)]

    assert drawn(boxes, [0.001, 0.002]) == drawn(boxes, [0.5, 1.0])


def test_overlapping_tiles_are_averaged() -> None:
    picture = drawn([(0, 0, 100), (50, 0, 100), (200, 0, 100)], [0.2, 0.6, 0.4])

    assert alpha(picture, 75, 50) == alpha(picture, 250, 50)


def test_a_large_field_is_drawn_small_and_in_proportion() -> None:
    picture = drawn([(0, 0, 3000)], [1.0], width_px=6000, height_px=3000)

    assert picture.size == (512, 256)
    assert alpha(picture, 250, 128) > 0
    assert alpha(picture, 260, 128) == 0


def test_no_weight_at_all_is_a_clear_picture() -> None:
    picture = drawn([(0, 0, 100)], [0.0])

    assert picture.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, float("nan")]])
def test_weights_that_do_not_fit_the_tiles_are_a_programming_error(
    weights: list[float],
) -> None:
    with pytest.raises(ValueError, match="one weight"):
        drawn([(0, 0, 100), (100, 0, 100)], weights)


def test_equal_steps_of_weight_are_equal_steps_of_lightness() -> None:
    srgb = heatmap.colours() / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16

    straight = np.linspace(lightness[0], lightness[-1], 256)
    assert lightness[-1] - lightness[0] > 70
    assert np.abs(lightness - straight).max() < 2


def test_the_legend_runs_from_the_lightest_weight_to_the_heaviest() -> None:
    bar = Image.open(io.BytesIO(heatmap.legend())).convert("RGB")

    assert bar.size == (256, 16)
    for at in (0, 128, 255):
        assert bar.getpixel((at, 8)) == tuple(heatmap.colours()[at])
