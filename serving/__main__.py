"""`python -m serving`: export a model, check one on disk, ask a server how it is."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console

EXIT_CODES = """\
exit codes:
  0  good: exported, checked, or available
  1  the model does not pass, or no version of it is available
  2  the command's words are wrong
  3  the server cannot be reached
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    asked = _parser().parse_args(arguments)
    # `status` has no use for TensorFlow, nor `check` for Keras.
    command = import_module(f"serving.commands.{asked.command}")
    said, told = Console(), Console(stderr=True, soft_wrap=True)
    code: int = command.run(asked, said, told)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")

    export = commands.add_parser(
        "export", help="write a SavedModel that TensorFlow Serving can serve"
    )
    for name, words in (
        ("embedder", "Keras model: tiles to embeddings"),
        ("aggregator", "Keras model: a bag of embeddings to its logits"),
        ("contract", "JSON of the model's contract"),
        ("base_path", "folder of the versions, models/NAME"),
    ):
        export.add_argument(name, type=Path, help=words)
    for name, default in (("temperature", 1.0), ("bias", 0.0)):
        words = "of the calibration; by default %(default)s"
        export.add_argument(f"--{name}", type=float, default=default, help=words)
    export.add_argument("--version", type=int, help="by default the next one")

    check = commands.add_parser(
        "check", help="load a version as production does, and say what it is"
    )
    check.add_argument("folder", type=Path, help="models/NAME/VERSION")

    status = commands.add_parser("status", help="say which versions a server has")
    status.add_argument("address", help="host:port, or unix:/path")
    status.add_argument("--model", default="breast-mil", help="by default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
