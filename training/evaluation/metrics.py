"""Figures about scores: areas, rates, intervals."""

from collections.abc import Callable

import numpy as np

from training.types import Flags, Floats

Metric = Callable[[Flags, Floats], float]


def auc(malignant: Flags, scores: Floats) -> float:
    """Area under the ROC curve; ties count half. NaN unless both classes are there."""
    positive, negative = scores[malignant], scores[~malignant]
    if not len(positive) or not len(negative):
        return float("nan")
    above = positive[:, None] > negative
    tied = positive[:, None] == negative
    return float(above.mean() + tied.mean() / 2)


def accuracy(malignant: Flags, probabilities: Floats) -> float:
    """Share that a threshold of one half decides rightly."""
    return float(((probabilities >= 0.5) == malignant).mean())


def majority_rate(malignant: Flags) -> float:
    """Accuracy of always answering the commoner class."""
    share = float(malignant.mean())
    return max(share, 1 - share)


def brier(malignant: Flags, probabilities: Floats) -> float:
    """Mean squared error of the probabilities: calibration and sharpness in one."""
    return float(((probabilities - malignant) ** 2).mean())


def bootstrap_interval(
    metric: Metric,
    malignant: Flags,
    scores: Floats,
    *,
    rounds: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """The middle 95 % of the metric over fields drawn anew, with replacement.

    Fields of one group are alike, so the truth is wider than this where groups are few.
    """
    rng = np.random.default_rng(seed)
    drawn: list[float] = []
    while len(drawn) < rounds:
        chosen = rng.integers(len(malignant), size=len(malignant))
        if 0 < malignant[chosen].sum() < len(chosen):
            drawn.append(metric(malignant[chosen], scores[chosen]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
