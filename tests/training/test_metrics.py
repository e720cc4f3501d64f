"""The figures: checked against cases worked out by hand."""

import numpy as np
import pytest

from training.evaluation.calibration import fit_platt, fit_refer_band
from training.evaluation.metrics import (
    accuracy,
    auc,
    bootstrap_interval,
    brier,
    majority_rate,
)

TRUTH = np.array([True, True, False, False, False])


def test_auc_counts_pairs_in_order_and_ties_half() -> None:
    assert auc(TRUTH, np.array([0.9, 0.8, 0.1, 0.2, 0.3])) == 1
    assert auc(TRUTH, np.array([0.9, 0.2, 0.1, 0.2, 0.3])) == pytest.approx(4.5 / 6)


def test_auc_of_one_class_is_not_a_number() -> None:
    assert np.isnan(auc(np.array([True, True]), np.array([0.1, 0.2])))


def test_majority_rate_is_of_the_commoner_class() -> None:
    assert majority_rate(TRUTH) == pytest.approx(0.6)
    assert majority_rate(~TRUTH) == pytest.approx(0.6)


def test_accuracy_and_brier_of_known_probabilities() -> None:
    probabilities = np.array([0.9, 0.4, 0.1, 0.2, 0.6])
    assert accuracy(TRUTH, probabilities) == pytest.approx(0.6)
    assert brier(TRUTH, probabilities) == pytest.approx(0.156)


def test_bootstrap_interval_holds_the_value_and_narrows_with_fields() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (20, 400):
        truth = np.arange(count) % 2 == 0
        scores = truth + rng.normal(0, 1, count)
        low, high = bootstrap_interval(auc, truth, scores, rounds=300)
        assert low <= auc(truth, scores) <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_calibration_finds_the_temperature_of_overconfident_logits() -> None:
    rng = np.random.default_rng(1)
    true_logits = rng.normal(0, 1.5, 4000)
    truth = rng.random(4000) < 1 / (1 + np.exp(-true_logits))
    fitted = fit_platt(truth, 4 * true_logits - 2)
    assert fitted.temperature == pytest.approx(4, rel=0.15)
    assert fitted.bias == pytest.approx(0.5, abs=0.15)


def test_calibration_of_separated_fields_promises_no_certainty() -> None:
    truth = np.arange(20) % 2 == 0
    logits = np.where(truth, 8.0, -8.0)
    probabilities = fit_platt(truth, logits).probability(logits)
    assert probabilities.max() < 0.97
    assert probabilities.min() > 0.03


def test_refer_band_keeps_misses_of_each_class_to_the_rate() -> None:
    rng = np.random.default_rng(2)
    truth = np.arange(2000) % 2 == 0
    scores = 1 / (1 + np.exp(-rng.normal(np.where(truth, 1, -1), 1)))
    band = fit_refer_band(truth, scores, miss_rate=0.1)
    fresh = 1 / (1 + np.exp(-rng.normal(np.where(truth, 1, -1), 1)))
    assert (fresh[truth] <= band.low).mean() == pytest.approx(0.1, abs=0.03)
    assert (fresh[~truth] >= band.high).mean() == pytest.approx(0.1, abs=0.03)


def test_refer_band_of_well_separated_classes_is_the_gap_between() -> None:
    truth = np.arange(20) % 2 == 0
    scores = np.where(truth, 0.9, 0.1)
    band = fit_refer_band(truth, scores, miss_rate=0.1)
    assert 0.09 < band.low < 0.11
    assert 0.89 < band.high < 0.91
