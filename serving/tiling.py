"""Where the tiles of an image lie: the one rule for training, export and answering.

Standard library only.
"""

from typing import NamedTuple

from serving.contract import ModelContract


class FieldRefusedError(ValueError):
    """The model cannot be asked about this image; the message is for a person."""


class FieldTooSmallError(FieldRefusedError):
    """Not even one tile fits in."""


class FieldTooLargeError(FieldRefusedError):
    """More tiles than the model was made for."""


class SpacingOutOfReachError(FieldRefusedError):
    """The image is too coarse or too fine for this model."""


class Box(NamedTuple):
    """A square tile, in pixels of the resampled image."""

    left: int
    top: int
    side: int


class Layout(NamedTuple):
    """The size to resample an image to, and its tiles, row by row."""

    size_px: tuple[int, int]
    boxes: list[Box]


def lay_out(
    *, width_px: int, height_px: int, spacing_um: float, contract: ModelContract
) -> Layout:
    """Say how this model sees an image. Raises a FieldRefusedError."""
    size_px = scaled_size(
        width_px=width_px, height_px=height_px, spacing_um=spacing_um, contract=contract
    )
    side_px, stride_px = contract.tile_side_px, contract.tile_stride_px
    count = count_boxes(*size_px, side_px=side_px, stride_px=stride_px)
    if count > contract.max_tiles:  # Counted first: a huge field makes no huge list.
        raise FieldTooLargeError(
            f"This field is {count} tiles large; the model takes at most "
            f"{contract.max_tiles}. Cut out a smaller field."
        )
    return Layout(size_px, boxes(*size_px, side_px=side_px, stride_px=stride_px))


def scaled_size(
    *, width_px: int, height_px: int, spacing_um: float, contract: ModelContract
) -> tuple[int, int]:
    """Width and height in pixels once resampled to the model's own spacing.

    Raises SpacingOutOfReachError, also for a spacing that is no number.
    """
    if not contract.spacing_min_um <= spacing_um <= contract.spacing_max_um:
        raise SpacingOutOfReachError(
            f"This image has {spacing_um:g} µm per pixel; the model answers between "
            f"{contract.spacing_min_um:g} and {contract.spacing_max_um:g}. "
            "Check the spacing, or scan at another magnification."
        )
    scale = spacing_um / contract.spacing_um
    # Half a pixel rounds up, always: round() would go to the even neighbour.
    return int(width_px * scale + 0.5), int(height_px * scale + 0.5)


def count_boxes(width_px: int, height_px: int, *, side_px: int, stride_px: int) -> int:
    """How many tiles `boxes` would give. Raises FieldTooSmallError."""
    _check_one_fits(width_px, height_px, side_px)
    columns = 1 - (side_px - width_px) // stride_px  # Rounded up: the last is shifted.
    rows = 1 - (side_px - height_px) // stride_px
    return columns * rows


def boxes(width_px: int, height_px: int, *, side_px: int, stride_px: int) -> list[Box]:
    """Cover an image with tiles, row by row, every one inside.

    The last column and row are shifted inwards, so edges are seen and nothing is
    padded. Raises FieldTooSmallError.
    """
    _check_one_fits(width_px, height_px, side_px)
    return [
        Box(left, top, side_px)
        for top in _starts(height_px, side_px, stride_px)
        for left in _starts(width_px, side_px, stride_px)
    ]


def _check_one_fits(width_px: int, height_px: int, side_px: int) -> None:
    if min(width_px, height_px) < side_px:
        raise FieldTooSmallError(
            f"At the model's magnification this field is {width_px} × {height_px} "
            f"pixels; it needs at least {side_px} × {side_px}. Upload a larger field."
        )


def _starts(length_px: int, side_px: int, stride_px: int) -> list[int]:
    last = length_px - side_px
    starts = list(range(0, last + 1, stride_px))
    if starts[-1] < last:
        starts.append(last)
    return starts
