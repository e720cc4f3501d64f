"""From a logit to a probability that means what it says, and to saying "unsure"."""

from typing import NamedTuple

import numpy as np

from training.types import Flags, Floats


class Platt(NamedTuple):
    """probability = sigmoid(logit / temperature + bias)."""

    temperature: float
    bias: float

    def probability(self, logits: Floats) -> Floats:
        """Apply to logits."""
        return np.asarray(1 / (1 + np.exp(-(logits / self.temperature + self.bias))))


class ReferBand(NamedTuple):
    """At or below low: benign. At or above high: malignant. Between: refer."""

    low: float
    high: float


def fit_platt(malignant: Flags, logits: Floats) -> Platt:
    """Fit by Newton's method to out-of-fold logits (Platt 1999).

    Platt's targets, drawn in from 0 and 1, and a weak pull of the slope towards 0
    keep few fields from promising certainty.
    """
    positives, negatives = int(malignant.sum()), int((~malignant).sum())
    target = np.where(malignant, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    spread = float(logits.std()) + 1e-9
    design = np.stack([logits / spread, np.ones_like(logits)], 1)
    pull = np.diag([0.5, 0.0])
    weights = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (p - target) + pull @ weights
        curve = design.T @ (design * (p * (1 - p))[:, None]) + pull
        weights = weights - np.linalg.solve(curve, slope)
    return Platt(
        temperature=float(spread / max(weights[0], 1e-3)), bias=float(weights[1])
    )


def fit_refer_band(
    malignant: Flags, probabilities: Floats, *, miss_rate: float
) -> ReferBand:
    """Set the band so that each class is decided wrongly at most at miss_rate.

    Split-conformal, class by class (Vovk 2012), on out-of-fold probabilities: low is
    the miss_rate quantile of the malignant fields, high the like of the benign ones.
    Where the classes are told apart so well that these cross, the band between them
    is kept: nobody has seen a field there.
    """
    low = _quantile_below(probabilities[malignant], miss_rate)
    high = 1 - _quantile_below(1 - probabilities[~malignant], miss_rate)
    low, high = min(low, high), max(low, high)
    return ReferBand(low=max(low - 1e-6, 0.0), high=min(high + 1e-6, 1.0))


def _quantile_below(scores: Floats, rate: float) -> float:
    """The score with at most a share `rate` of new ones expected below it."""
    rank = int(np.floor(rate * (len(scores) + 1)))
    return float(np.sort(scores)[rank - 1]) if rank >= 1 else 0.0
