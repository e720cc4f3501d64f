"""`histo`: upload images to a case, wait for the answers, read them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from histo.access import find_access
from histo.api import Api
from histo.commands import cases_command, show_command, upload_command, wait_command
from histo.errors import HistoError
from histo.showing import NOTICE

WIDE = 240
EXIT_CODES = """\
exit codes:
  0  done; every file accepted (or there already), every answer there
  1  a file was refused, an answer could not be made, or the server said no
  2  the command's words are wrong
  3  the server cannot be reached, or takes no such token
  130  interrupted: run it again, nothing is done twice

environment:
  HISTO_URL         the server; by default http://127.0.0.1:8000
  HISTO_TOKEN       an API token; or a file, mode 600, at HISTO_TOKEN_FILE,
                    by default ~/.config/histo/token
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    asked = _parser().parse_args(arguments)
    # A file or a pipe has no width of its own: nothing is folded there.
    said = Console(width=None if sys.stdout.isatty() else WIDE)
    told = Console(stderr=True, soft_wrap=True)
    try:
        with Api(find_access()) as api:
            code: int = asked.run(api, asked, said, told)
            return code
    except HistoError as error:
        told.print(f"histo: {error}", markup=False, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        told.print("histo: interrupted. Run it again: nothing is done twice.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="histo",
        description=f"Images to a case, answers from it. {NOTICE}",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    send = commands.add_parser("upload", help="upload files or folders to a case")
    _add_upload(send)
    for name, run, words in (
        ("wait", wait_command, "wait until every image of a case has its answer"),
        ("show", show_command, "print the answers of a case"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("case", help="accession number, or id")
        _add_json(command)
        command.set_defaults(run=run)
    listing = commands.add_parser("cases", help="list your cases, the newest first")
    listing.add_argument("--limit", type=int, default=50, help="rows (default 50)")
    _add_json(listing)
    listing.set_defaults(run=cases_command)
    return parser


def _add_upload(command: argparse.ArgumentParser) -> None:
    command.add_argument("paths", nargs="+", type=Path, metavar="FILE|FOLDER")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--case", help="an open case: accession number, or id")
    which.add_argument("--accession", help="open this case if it is not there")
    command.add_argument("--patient", help="pseudonymous code, with --accession")
    command.add_argument("--priority", choices=["routine", "urgent"], default="routine")
    command.add_argument("--spacing-um", type=float, help="µm per pixel, if known")
    command.add_argument("--magnification", type=float, help="of the objective")
    command.add_argument("--specimen", help="label (default A)")
    command.add_argument("--wait", action="store_true", help="then wait and show")
    _add_json(command)
    command.set_defaults(run=upload_command)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="JSON instead of a table")


if __name__ == "__main__":
    sys.exit(main())
