"""python -m training generate | bundle | export: see --help of each."""

import importlib
import os
import sys

COMMANDS = {
    "generate": "write synthetic fields and their truth masks",
    "bundle": "train the bundled model and write its weights and card",
    "export": "make the bundled model ready to be served",
}


def main(arguments: list[str]) -> int:
    """Run one command; each is imported only when asked for: TensorFlow is slow."""
    if not arguments or arguments[0] not in COMMANDS:
        lines = [f"  {name:10}{what}" for name, what in COMMANDS.items()]
        print("\n".join(["usage: python -m training COMMAND ...", "", *lines]))
        return 0 if arguments in (["-h"], ["--help"]) else 2
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    command = importlib.import_module(f"training.commands.{arguments[0]}")
    return int(command.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
