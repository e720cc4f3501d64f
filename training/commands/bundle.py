"""Train the bundled model and write its weights, settings, card and figures."""

import argparse
from pathlib import Path

from training.bundle_files import BUNDLED
from training.datasets import ucsb
from training.recipes.bundled import Recipe, make, refit_tissue
from training.recipes.distil import Schedule


def main(arguments: list[str]) -> int:
    """Train from a folder of UCSB fields; minutes on two cores."""
    parser = argparse.ArgumentParser("python -m training bundle", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="UCSB's fields")
    parser.add_argument(
        "--teacher",
        default="imagenet",
        help="MobileNetV2's weights file without its top, or imagenet to download it",
    )
    parser.add_argument("--out", type=Path, default=BUNDLED)
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--alone-steps", type=int, default=Schedule().alone_steps)
    parser.add_argument("--together-steps", type=int, default=Schedule().together_steps)
    parser.add_argument(
        "--only-tissue",
        action="store_true",
        help="keep what --out holds and fit only its tissue score anew",
    )
    options = parser.parse_args(arguments)
    fields = ucsb.read(options.data)
    if options.only_tissue:
        refit_tissue(fields, options.out, seed=options.seed)
        return 0
    schedule = Schedule(
        alone_steps=options.alone_steps, together_steps=options.together_steps
    )
    recipe = Recipe(seed=options.seed, schedule=schedule)
    make(fields, options.teacher, options.out, recipe)
    print(f"wrote {options.out}")
    return 0
