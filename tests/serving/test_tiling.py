import pytest

from serving.tiling import (
    Box,
    FieldTooLargeError,
    FieldTooSmallError,
    SpacingOutOfReachError,
    boxes,
    count_boxes,
    lay_out,
    scaled_size,
)
from tests.serving.contracts import SMALL, small


def test_boxes_go_row_by_row() -> None:
    assert boxes(64, 64, side_px=32, stride_px=32) == [
        Box(0, 0, 32),
        Box(32, 0, 32),
        Box(0, 32, 32),
        Box(32, 32, 32),
    ]


def test_the_last_column_is_shifted_inwards() -> None:
    assert boxes(70, 32, side_px=32, stride_px=32) == [
        Box(0, 0, 32),
        Box(32, 0, 32),
        Box(38, 0, 32),
    ]


@pytest.mark.parametrize("stride_px", [1, 7, 16, 31, 32])
@pytest.mark.parametrize(("width", "height"), [(32, 32), (33, 95), (64, 65), (127, 40)])
def test_every_pixel_is_in_a_box_inside_the_image(
    width: int, height: int, stride_px: int
) -> None:
    placed = boxes(width, height, side_px=32, stride_px=stride_px)

    seen = {
        (x, y)
        for left, top, side in placed
        for x in range(left, left + side)
        for y in range(top, top + side)
    }
    assert seen == {(x, y) for x in range(width) for y in range(height)}
    assert len(placed) == len(set(placed))
    assert len(placed) == count_boxes(width, height, side_px=32, stride_px=stride_px)


@pytest.mark.parametrize(("width", "height"), [(31, 400), (400, 31), (0, 0)])
def test_a_field_smaller_than_a_tile_is_refused(width: int, height: int) -> None:
    with pytest.raises(FieldTooSmallError, match="at least 32 × 32"):
        boxes(width, height, side_px=32, stride_px=32)


def test_an_image_is_resampled_to_the_models_spacing() -> None:
    assert scaled_size(width_px=100, height_px=51, spacing_um=0.25, contract=SMALL) == (
        50,
        26,
    )


def test_half_the_pixels_at_twice_the_spacing_are_the_same_field() -> None:
    contract = small(max_tiles=1000)

    full = lay_out(width_px=896, height_px=768, spacing_um=0.25, contract=contract)
    half = lay_out(width_px=448, height_px=384, spacing_um=0.5, contract=contract)

    assert full == half


@pytest.mark.parametrize("spacing_um", [0.19, 1.01, 0.0, -0.5, float("nan")])
def test_a_spacing_out_of_reach_is_refused(spacing_um: float) -> None:
    with pytest.raises(SpacingOutOfReachError, match=r"between 0\.2 and 1"):
        lay_out(width_px=900, height_px=900, spacing_um=spacing_um, contract=SMALL)


@pytest.mark.parametrize("spacing_um", [0.2, 1.0])
def test_the_ends_of_the_reach_are_within_it(spacing_um: float) -> None:
    assert scaled_size(
        width_px=100, height_px=100, spacing_um=spacing_um, contract=SMALL
    ) == (spacing_um * 200, spacing_um * 200)


def test_a_field_of_more_tiles_than_the_model_takes_is_refused() -> None:
    fits = lay_out(width_px=256, height_px=256, spacing_um=0.5, contract=SMALL)
    assert len(fits.boxes) == SMALL.max_tiles

    with pytest.raises(FieldTooLargeError, match=r"72 tiles large; .* at most 64"):
        lay_out(width_px=257, height_px=256, spacing_um=0.5, contract=SMALL)


def test_a_huge_field_is_refused_without_listing_its_tiles() -> None:
    with pytest.raises(FieldTooLargeError):
        lay_out(
            width_px=10**9,
            height_px=10**9,
            spacing_um=0.5,
            contract=small(tile_stride_px=1),
        )
