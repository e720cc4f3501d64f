import numpy as np
import pytest

from serving.resampling import RESAMPLES, interval, tile_weights


def test_the_field_itself_comes_first_and_every_resample_weighs_every_tile() -> None:
    weights = tile_weights(2000).numpy()

    assert weights.shape == (2000, 1 + RESAMPLES)
    assert weights.dtype == np.float32
    assert (weights[:, 0] == 1).all()
    drawn = weights[:, 1:]
    assert drawn.min() > 0
    assert drawn.mean() == pytest.approx(1, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    assert np.median(drawn) == pytest.approx(np.log(2), abs=0.01)


def test_a_tile_weighs_the_same_in_every_call_and_every_bag() -> None:
    long, again, short = (tile_weights(count).numpy() for count in (300, 300, 12))

    assert (long == again).all()
    assert np.allclose(long[:12], short, rtol=1e-6)  # Logarithms by other kernels.
    assert not (long[0, 1:] == long[1, 1:]).any()


def test_of_a_mean_the_interval_is_the_one_that_theory_says() -> None:
    votes = np.random.default_rng(7).normal(0.5, 0.1, 400).astype(np.float32)
    weights = tile_weights(len(votes)).numpy()
    answers = votes @ weights / weights.sum(axis=0)

    low, high = (float(end) for end in interval(answers))
    spread = votes.std() / np.sqrt(len(votes) + 1)  # Rubin 1981, of a mean.
    assert low == pytest.approx(answers[0] - 1.645 * spread, abs=0.3 * spread)
    assert high == pytest.approx(answers[0] + 1.645 * spread, abs=0.3 * spread)


@pytest.mark.parametrize("itself", [0.0, 0.2, 0.8, 1.0])
def test_the_answer_itself_is_always_inside(itself: float) -> None:
    resampled = np.linspace(0.4, 0.6, RESAMPLES, dtype=np.float32)
    answers = np.insert(resampled, 0, itself)

    low, high = (float(end) for end in interval(answers))
    assert low <= answers[0] <= high
    assert (low, high) != (itself, itself)


def test_one_in_ten_resamples_lies_outside() -> None:
    answers = np.arange(RESAMPLES + 1, dtype=np.float32)
    answers[0] = RESAMPLES // 2

    low, high = (float(end) for end in interval(answers))
    outside = (answers < low).sum() + (answers > high).sum()
    assert (low, high) == (10, 190)
    assert outside == 18
