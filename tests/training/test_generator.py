"""The generator: the same seed draws the same tissue, and knows the truth of it."""

import numpy as np
import pytest

from training.generator import field
from training.generator.canvas import BACKGROUND, GLAND, LESION
from training.generator.nontissue import DRAWINGS, nontissue
from training.generator.stains import EOSIN, HAEMATOXYLIN


@pytest.mark.parametrize("malignant", [False, True])
def test_same_seed_draws_the_same_field(*, malignant: bool) -> None:
    first = field(5, width_px=256, height_px=192, malignant=malignant)
    second = field(5, width_px=256, height_px=192, malignant=malignant)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)


def test_another_seed_draws_another_field() -> None:
    first = field(5, width_px=256, height_px=192, malignant=True)
    second = field(6, width_px=256, height_px=192, malignant=True)
    assert not np.array_equal(first.image, second.image)


def test_fields_have_the_size_asked_for() -> None:
    drawn = field(1, width_px=300, height_px=200, malignant=True)
    assert drawn.image.shape == (200, 300, 3)
    assert drawn.image.dtype == np.uint8
    assert drawn.mask.shape == (200, 300)


def test_only_malignant_fields_have_lesions() -> None:
    for seed in range(6):
        sick, healthy = (
            field(seed, width_px=448, height_px=384, spacing_um=0.5, malignant=truth)
            for truth in (True, False)
        )
        assert (sick.mask == LESION).mean() > 0.03
        assert not (healthy.mask == LESION).any()
        assert (healthy.mask == GLAND).any()


def test_lesions_are_more_purple_than_the_rest() -> None:
    for seed in range(4):
        drawn = field(seed, width_px=448, height_px=384, malignant=True)
        red = drawn.image[..., 0].astype(float)
        lesion = drawn.mask == LESION
        assert red[lesion].mean() < red[~lesion].mean() - 15


def test_background_of_the_mask_is_bright() -> None:
    seen = 0
    for seed in range(8):
        drawn = field(seed, spacing_um=0.5, width_px=448, height_px=384, malignant=True)
        background = drawn.image[drawn.mask == BACKGROUND]
        if len(background) > 1000:
            seen += 1
            assert drawn.image.mean() + 20 < background.mean()
    assert seen


def test_spacing_decides_how_large_cells_are() -> None:
    near = field(3, width_px=448, height_px=384, spacing_um=0.25, malignant=True)
    far = field(3, width_px=448, height_px=384, spacing_um=0.5, malignant=True)
    assert _detail(far.image) > _detail(near.image)


def test_laboratories_stain_differently() -> None:
    colours = [
        field(seed, width_px=256, height_px=192, malignant=False).image.mean((0, 1))
        for seed in range(8)
    ]
    assert np.std(colours, axis=0).max() > 4


def test_every_kind_of_drawing_is_drawn_plain_and_tinted() -> None:
    for seed in range(2 * len(DRAWINGS)):
        drawn = nontissue(seed, width_px=96, height_px=64)
        assert drawn.shape == (64, 96, 3)
        assert drawn.dtype == np.uint8
        assert np.array_equal(drawn, nontissue(seed, width_px=96, height_px=64))


def test_tinted_drawings_have_the_colours_of_tissue() -> None:
    dyes = np.stack([HAEMATOXYLIN, EOSIN])
    shares = []
    for number in range(20):
        image = nontissue((2 * number + 1) * len(DRAWINGS) + 7)
        density = -np.log((image.reshape(-1, 3) + 1.0) / 256)
        amounts, *_ = np.linalg.lstsq(dyes.T, density.T, rcond=None)
        left = ((density.T - dyes.T @ amounts) ** 2).sum() / (density**2).sum()
        shares.append(left)
    assert np.median(shares) < 0.1


def _detail(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
    shade = image.mean(-1)
    return float(np.abs(np.diff(shade, axis=0)).mean())
