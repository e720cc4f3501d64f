"""The figures of a model card, real and synthetic apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.contract import ModelContract, decide
from serving.mil import MilModel
from training.answering import answer
from training.datasets import Field
from training.evaluation.calibration import fit_platt
from training.evaluation.metrics import (
    Metric,
    accuracy,
    auc,
    bootstrap_interval,
    brier,
    majority_rate,
)
from training.generator.nontissue import nontissue
from training.recipes.bags import Bags
from training.recipes.corpus import resized
from training.types import Flags, Floats

UNSEEN_DRAWINGS = range(900_000, 900_260)
DRAWING_SPACING_UM = 0.25


def real_figures(bags: Bags, logits: Floats, contract: ModelContract) -> dict[str, Any]:
    """Measure out-of-fold logits (repeats, fields), pooled over the groups."""
    malignant, mean = bags.malignant, logits.mean(0)
    probabilities = _cross_fitted(bags, mean)
    outcomes = [
        decide(contract, probability=float(p), tissue=1.0) for p in probabilities
    ]
    decided = np.array([outcome != "refer" for outcome in outcomes])
    right = np.array([outcome == "malignant" for outcome in outcomes]) == malignant
    repeats = [auc(malignant, one) for one in logits]
    return {
        "fields": len(malignant),
        "groups": sorted(set(bags.groups)),
        "split": "leave one array out; scores pooled over arrays, mean of repeats",
        "majority_rate": round(majority_rate(malignant), 3),
        "auc": _with_interval(auc, malignant, mean),
        "auc_of_each_repeat": [round(value, 3) for value in repeats],
        "accuracy": _with_interval(accuracy, malignant, probabilities),
        "brier": _with_interval(brier, malignant, probabilities),
        "brier_of_the_base_rate": round(
            float(malignant.mean() * (1 - malignant.mean())), 3
        ),
        "calibration": _bins(malignant, probabilities),
        "referred": int((~decided).sum()),
        "decided_rightly": f"{int((right & decided).sum())} of {int(decided.sum())}",
    }


def synthetic_figures(model: MilModel, fields: Sequence[Field]) -> dict[str, Any]:
    """Measure on synthetic fields that were drawn for this alone."""
    malignant = np.array([one.malignant for one in fields])
    answers = [answer(model, one.image, one.spacing_um) for one in fields]
    probabilities = np.array([one.probability for one in answers])
    return {
        "fields": len(fields),
        "majority_rate": round(majority_rate(malignant), 3),
        "auc": _with_interval(auc, malignant, probabilities),
        "accuracy": _with_interval(accuracy, malignant, probabilities),
    }


def tissue_figures(model: MilModel, fields: Sequence[Field]) -> dict[str, Any]:
    """Measure what the tissue score keeps, and refuses of drawings it has not seen.

    The real fields here are those that it was trained on: see the tests for others.
    """
    kept = [_kept(model, one.image, one.spacing_um) for one in fields]
    same = []
    for one in fields:
        height, width = one.image.shape[:2]
        half = resized(one.image, (width // 2, height // 2))
        outcomes = (
            answer(model, one.image, one.spacing_um).outcome,
            answer(model, half, one.spacing_um * 2).outcome,
        )
        same.append(outcomes[0] == outcomes[1] or outcomes[1] == "refused")
    drawings = [
        nontissue(seed, width_px=448, height_px=384) for seed in UNSEEN_DRAWINGS
    ]
    refused = [not _kept(model, image, DRAWING_SPACING_UM) for image in drawings]
    return {
        "training_fields_kept": f"{sum(kept)} of {len(kept)}",
        "unseen_drawings_refused": f"{sum(refused)} of {len(refused)}",
        "same_verdict_at_half_size": f"{sum(same)} of {len(same)}",
    }


def _kept(model: MilModel, image: Any, spacing_um: float) -> bool:
    return answer(model, image, spacing_um).outcome != "refused"


def _cross_fitted(bags: Bags, logits: Floats) -> Floats:
    """Probabilities of each group by a calibration that did not see its scores."""
    groups = np.array(bags.groups)
    probabilities = np.zeros(len(logits))
    for group in set(bags.groups):
        inside = groups == group
        fitted = fit_platt(bags.malignant[~inside], logits[~inside])
        probabilities[inside] = fitted.probability(logits[inside])
    return probabilities


def _with_interval(metric: Metric, malignant: Flags, scores: Floats) -> dict[str, Any]:
    low, high = bootstrap_interval(metric, malignant, scores)
    return {
        "value": round(metric(malignant, scores), 3),
        "interval_95": [round(low, 3), round(high, 3)],
    }


def _bins(malignant: Flags, probabilities: Floats) -> list[dict[str, Any]]:
    """Thirds by probability: what was promised, and what came."""
    thirds = np.array_split(np.argsort(probabilities), 3)
    return [
        {
            "fields": len(third),
            "mean_probability": round(float(probabilities[third].mean()), 3),
            "malignant_share": round(float(malignant[third].mean()), 3),
        }
        for third in thirds
    ]
