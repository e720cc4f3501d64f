"""The model card: what the model was made of, how good it is, what it cannot do."""

import json
from pathlib import Path
from string import Template
from typing import Any

from serving.contract import ModelContract
from training.bundle_files import CARD_FILE, FIGURES_FILE

CARD = Template("""\
# $name: gated-attention MIL for breast H&E fields

Research use only. Not for diagnostic use.

## What it is

A field is resampled to $spacing µm per pixel and cut into tiles of $side px, every
$stride px. A small convolutional encoder embeds each tile; gated attention (Ilse,
Tomczak & Welling 2018; eight small heads that vote) weighs the tiles and classifies
the field. The attention weights are those of the answer itself. Beside it, the
Mahalanobis distance of the embeddings says whether this is H&E tissue at all.
Spacings from $min to $max µm per pixel are
resampled, others refused.

## What it learnt from

- $fields real fields of the UCSB breast cancer set (tissue microarrays; CC BY 3.0),
  of $groups arrays: labels for attention and calibration, pixels for the encoder.
- Synthetic fields of our own generator: for the encoder, for the tissue score, and,
  at a fifth of the weight of a real field, for attention.
- Drawings that are no tissue, among the encoder's tiles.
- MobileNetV2 (ImageNet) as the encoder's teacher, up to its tenth block. The encoder
  starts from random weights and learns to answer as the teacher does; no weight is
  copied. It leaves $missed of the variance of the teacher's pooled features
  unexplained.

Spacing of the UCSB fields is not stated with them. 0.25 µm per pixel is assumed: the
round nuclei of benign ducts measure about 26 px across, and such nuclei 6 to 7 µm.

## How good it is on real fields

Leave one array out: attention and calibration never saw the array that is scored.
The encoder did see its pixels, without labels. Mean of $repeats repeats, pooled over
the arrays; intervals: bootstrap over fields, 95 %. Fields of one array are alike, so
that the truth is less sure than these intervals.

| figure | value | interval | to compare |
|---|---|---|---|
| AUC | $auc | $auc_interval | 0.5 |
| accuracy at one half | $accuracy | $accuracy_interval | majority rate $majority |
| Brier score | $brier | $brier_interval | base rate $brier_base |

Referred: $referred of $fields; of those decided, rightly: $decided.
Benign at or below $low, malignant at or above $high, referred between (class-wise
split-conformal on the same out-of-fold scores, at most one in five of a class wrong).

| fields | mean probability | malignant |
|---|---|---|
$bins

Same verdict at half the size, or refused: $half (fields that it was trained on).

## The interval

A 90 % interval stands beside each probability: the Bayesian bootstrap (Rubin 1981)
over the field's tiles, from the same call. It says how far the answer depends on which
tiles happened to be in the field. It does not say how sure the model is: not its
training, not stain, scanner or laboratory, and not another place of the same tissue. A
narrow interval around a wrong answer is possible. Where a field has fewer than 20
tiles, none is given. Figures: docs/benchmarks/interval.md.

## Tissue or not

Fields it was fitted to kept: $kept. Drawings of other things refused: $drawings.
What counts, other data sets and photographs, is in the tests.

## On synthetic fields

Apart, because they say nothing about patients: AUC $synthetic_auc, accuracy
$synthetic_accuracy, majority rate $synthetic_majority ($synthetic_fields unseen
fields).

## Limits

- $fields fields of $groups arrays of one laboratory: any other scanner, stain or
  population is unmeasured. One array has benign fields only: some of what looks like
  skill may be a batch's colour.
- No in-situ carcinoma, borderline lesion, or normal tissue of other organs was seen.
- The attention shows what moved the answer, not where a tumour ends.
- Of BreakHis's sample fields, too few for a figure, benign ones at 40X (0.49 µm/px)
  come out malignant: verdicts on other microscopes' fields are not to be believed.
- The teacher's layer was chosen on these same fields, so the figures above flatter.
- The tissue score is a distance from this H&E, real and synthetic. How far is too far
  was chosen with BreakHis's sample fields, and files that are no tissue, in sight:
  another scanner's fields may be refused.

Made in $minutes minutes by `python -m training bundle`, seed $seed.
""")


def write_card(folder: Path, contract: ModelContract, figures: dict[str, Any]) -> None:
    """Write the card for people, and its figures for programs."""
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    (folder / FIGURES_FILE).write_text(text + "\n", encoding="utf-8")
    values = {**_of_contract(contract), **_of_figures(figures)}
    (folder / CARD_FILE).write_text(CARD.substitute(values), encoding="utf-8")


def _of_contract(contract: ModelContract) -> dict[str, Any]:
    return {
        "name": contract.name,
        "spacing": contract.spacing_um,
        "side": contract.tile_side_px,
        "stride": contract.tile_stride_px,
        "min": contract.spacing_min_um,
        "max": contract.spacing_max_um,
        "low": round(contract.refer_low, 3),
        "high": round(contract.refer_high, 3),
    }


def _of_figures(figures: dict[str, Any]) -> dict[str, Any]:
    real, synthetic, tissue = (figures[k] for k in ("real", "synthetic", "tissue"))
    measured = {
        key: text
        for name in ("auc", "accuracy", "brier")
        for key, text in (
            (name, real[name]["value"]),
            (f"{name}_interval", "{} to {}".format(*real[name]["interval_95"])),
        )
    }
    return {
        **measured,
        "fields": real["fields"],
        "groups": len(real["groups"]),
        "missed": figures["distillation_unexplained_variance"]["embedding"],
        "repeats": len(real["auc_of_each_repeat"]),
        "majority": real["majority_rate"],
        "brier_base": real["brier_of_the_base_rate"],
        "referred": real["referred"],
        "decided": real["decided_rightly"],
        "bins": "\n".join(_bin_row(third) for third in real["calibration"]),
        "half": tissue["same_verdict_at_half_size"],
        "kept": tissue["training_fields_kept"],
        "drawings": tissue["unseen_drawings_refused"],
        "synthetic_auc": synthetic["auc"]["value"],
        "synthetic_accuracy": synthetic["accuracy"]["value"],
        "synthetic_majority": synthetic["majority_rate"],
        "synthetic_fields": synthetic["fields"],
        "minutes": round(figures["seconds_to_train"] / 60),
        "seed": figures["recipe"]["seed"],
    }


def _bin_row(third: dict[str, Any]) -> str:
    return "| {fields} | {mean_probability} | {malignant_share} |".format(**third)
