"""A small contract for tests, and the changes that they make to it."""

from dataclasses import replace
from typing import Any

from serving.contract import ModelContract

SMALL = ModelContract(
    name="tiny-mil",
    tile_side_px=32,
    tile_stride_px=32,
    spacing_um=0.5,
    spacing_min_um=0.2,
    spacing_max_um=1.0,
    refer_low=0.3,
    refer_high=0.7,
    tissue_min=0.5,
    max_tiles=64,
    embedding_dim=8,
    summary="Random weights, for tests only.",
)


def small(**changes: Any) -> ModelContract:
    """The small contract, changed in the named fields."""
    return replace(SMALL, **changes)
