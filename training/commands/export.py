"""Make the bundled model ready to be served."""

import argparse
import importlib
from pathlib import Path

from training.bundle_files import BUNDLED, exported


def main(arguments: list[str]) -> int:
    """Export unless the latest version there is made of the same bundle."""
    parser = argparse.ArgumentParser("python -m training export", description=__doc__)
    parser.add_argument("models", type=Path, help="the folder of all models")
    parser.add_argument("--bundle", type=Path, default=BUNDLED)
    options = parser.parse_args(arguments)
    there = exported(options.models, options.bundle)
    if there is None:
        # Only now, and by name: TensorFlow costs seconds that a no-op need not wait.
        bundle = importlib.import_module("training.bundle")
        there = bundle.export(options.models, folder=options.bundle)
    print(there)
    return 0
