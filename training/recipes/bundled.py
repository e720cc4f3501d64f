"""The model that ships: distil an encoder, attend, calibrate, learn to refuse.

Everything is learned here, from the fields of one folder and from the generator.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.contract import ModelContract
from training.architectures.tile_encoder import EMBEDDING_DIM, tile_encoder
from training.bundle import Trained, assembled, read_parts, rounded, write
from training.bundle_files import FIGURES_FILE
from training.datasets import Field
from training.evaluation.calibration import fit_platt, fit_refer_band
from training.generator import field
from training.recipes.attend import Regime, out_of_fold, train_attention
from training.recipes.bags import make_bags
from training.recipes.card import write_card
from training.recipes.distil import Schedule, distil, load_teacher
from training.recipes.figures import real_figures, synthetic_figures, tissue_figures
from training.recipes.tiles import tile_stream
from training.recipes.tissue import fit_tissue

MISS_RATE = 0.2  # With a dozen fields a class, a smaller one refers nearly all.
SYNTHETIC_FIELDS = 24

DRAFT = ModelContract(
    name="breast-mil",
    tile_side_px=80,
    tile_stride_px=64,
    spacing_um=0.28,
    spacing_min_um=0.04,
    # Twice as coarse as what was trained on; beyond, nuclei have no texture left.
    spacing_max_um=0.56,
    refer_low=0.4,
    refer_high=0.6,
    tissue_min=0.5,
    max_tiles=12_000,  # 50 megapixels at 0.25 µm.
    embedding_dim=EMBEDDING_DIM,
    summary=(
        "Gated-attention MIL over distilled convolutional features; trained on 24 "
        "UCSB breast fields and synthetic ones. Research use only."
    ),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that decides what comes out, beside the data."""

    seed: int = 1
    schedule: Schedule = dataclasses.field(default_factory=Schedule)
    regime: Regime = dataclasses.field(default_factory=Regime)
    views: int = 5
    repeats: int = 3


def make(fields: Sequence[Field], teacher: str, out: Path, recipe: Recipe) -> None:
    """Train on these fields and write weights, settings, card and figures to out."""
    began = time.monotonic()
    seed = recipe.seed
    print(f"distilling from {Path(teacher).name}")
    parts, missed = _encoder_parts(fields, teacher, recipe)
    encoder = tile_encoder(parts, side_px=DRAFT.tile_side_px)
    print("embedding fields")
    bags = make_bags(encoder, fields, DRAFT, views=recipe.views, seed=seed)
    synthetic = make_bags(encoder, synthetic_fields(0), DRAFT, views=1, seed=seed)
    print("cross-validating, group by group")
    logits = out_of_fold(
        bags, recipe.regime, repeats=recipe.repeats, seed=seed, extra=synthetic
    )
    calibration = fit_platt(bags.malignant, logits.mean(0))
    band = fit_refer_band(
        bags.malignant,
        calibration.probability(logits.mean(0)),
        miss_rate=MISS_RATE,
    )
    contract = dataclasses.replace(DRAFT, refer_low=band.low, refer_high=band.high)
    print("training on all fields, and the tissue score")
    trained = rounded(
        Trained(
            parts,
            train_attention(bags, recipe.regime, seed=seed, extra=synthetic),
            fit_tissue(encoder, fields, synthetic_fields(0)[:12], contract, seed=seed),
        )
    )
    write(out, trained, contract, calibration)
    model = assembled(trained, contract, calibration)
    minutes = (time.monotonic() - began) / 60
    figures = {
        "seconds_to_train": round(minutes * 60),
        "recipe": dataclasses.asdict(recipe),
        "distillation_unexplained_variance": missed,
        "real": real_figures(bags, logits, contract),
        "synthetic": synthetic_figures(model, synthetic_fields(50_000)),
        "tissue": tissue_figures(model, fields),
    }
    write_card(out, contract, figures)


def refit_tissue(fields: Sequence[Field], out: Path, *, seed: int) -> None:
    """Fit the tissue score of a bundle anew; all else in it stays as it was."""
    old, contract, calibration = read_parts(out)
    encoder = tile_encoder(old.encoder_parts, side_px=contract.tile_side_px)
    drawn = synthetic_fields(0)[:12]
    tissue = fit_tissue(encoder, fields, drawn, contract, seed=seed)
    trained = rounded(Trained(old.encoder_parts, old.mil, tissue))
    model = assembled(trained, contract, calibration)
    write(out, trained, contract, calibration)
    figures = json.loads((out / FIGURES_FILE).read_text(encoding="utf-8"))
    figures["tissue"] = tissue_figures(model, fields)
    write_card(out, contract, figures)


def synthetic_fields(first_seed: int) -> list[Field]:
    """Draw fields, benign and malignant in turn; each is a group of its own."""
    drawn = [
        field(first_seed + number, malignant=bool(number % 2))
        for number in range(SYNTHETIC_FIELDS)
    ]
    return [
        Field(f"synthetic-{d.seed}", d.image, d.malignant, f"s{d.seed}", d.spacing_um)
        for d in drawn
    ]


def _encoder_parts(
    fields: Sequence[Field], teacher: str, recipe: Recipe
) -> tuple[list[Any], dict[str, float]]:
    tiles = tile_stream(
        fields,
        spacing_um=DRAFT.spacing_um,
        side_px=DRAFT.tile_side_px,
        batch=recipe.schedule.batch,
        seed=recipe.seed,
    )
    parts, missed = distil(
        load_teacher(teacher), tiles, recipe.schedule, seed=recipe.seed
    )
    for part in parts:  # What is embedded from here on is what will be served.
        halves = [np.asarray(w).astype(np.float16) for w in part.get_weights()]
        part.set_weights([half.astype(np.float32) for half in halves])
    return parts, missed
