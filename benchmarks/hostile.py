"""Send every hostile file through the reading layer and tabulate what it answers.

    HISTOAPP_TEST_DATA=<folder> python -m benchmarks.hostile [--write]

<folder>/hostile/MANIFEST.tsv names the files and what a safe server answers.
--write puts the table into docs/benchmarks/hostile.md.
"""

import argparse
import csv
import os
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from predictions.images.errors import ImageError, ImageRefusedError
from predictions.images.filenames import check_filename
from predictions.images.reading import inspect, sniff

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "hostile.md"
THREADS = 4
EXPECTATIONS = {
    "accept": {"accept"},
    "reject-413": {"413"},
    "reject-415": {"415"},
    "reject-422": {"422"},
    "reject-415-or-422": {"415", "422"},
    "reject-422-or-accept": {"422", "accept"},
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the manifest expects of a file, and what the reading layer answered."""

    file: str
    expected: str
    got: str
    code: str
    wall_s: float

    @property
    def is_as_expected(self) -> bool:
        return self.got in EXPECTATIONS[self.expected]

    @property
    def is_refused_earlier(self) -> bool:
        """Refused unopened: a format that we do not take, however well it is formed.

        The manifest's 413 and 422 for a BMP or GIF are what a reader of that format
        would say; there is none here to ask.
        """
        unopened = self.code in ("unknown_format", "wrong_extension")
        return unopened and self.expected.startswith("reject")


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, expected) of each line of the manifest."""
    with (folder / "MANIFEST.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield row["file"], row["expected"]


def judge(folder: Path, file: str, expected: str) -> Verdict:
    """Do with one file what an upload would: its name, its magic, its pixels."""
    began = time.perf_counter()
    got, code = "accept", ""
    try:
        check_filename(Path(file).name)
        with tempfile.TemporaryDirectory() as out:
            inspect(folder / file, display=Path(out, "d"), thumbnail=Path(out, "t"))
    except ImageError as error:
        got, code = str(error.status), error.code
        if not isinstance(error, ImageRefusedError):
            got = type(error).__name__
    wall_s = time.perf_counter() - began
    return Verdict(file=file, expected=expected, got=got, code=code, wall_s=wall_s)


def judge_all(folder: Path) -> tuple[list[Verdict], int]:
    """All verdicts, and the KiB that the largest of this process's children held."""
    with ThreadPoolExecutor(THREADS) as pool:
        verdicts = list(pool.map(lambda row: judge(folder, *row), rows(folder)))
    return verdicts, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def is_ours(folder: Path, file: str) -> bool:
    """Whether the bytes begin like a format that we take."""
    try:
        sniff((folder / file).read_bytes()[:16])
    except ImageRefusedError:
        return False
    return True


def report(verdicts: list[Verdict], *, child_rss_kib: int) -> str:
    """The summary, as Markdown."""
    walls = sorted(verdict.wall_s * 1000 for verdict in verdicts)
    cuts = statistics.quantiles(walls, n=20)
    exact = sum(verdict.is_as_expected for verdict in verdicts)
    earlier = [v for v in verdicts if not v.is_as_expected and v.is_refused_earlier]
    other = len(verdicts) - exact - len(earlier)
    counts = Counter((verdict.expected, verdict.got) for verdict in verdicts)
    answers = (
        f"{len(verdicts)} files: {exact} as the manifest says, {len(earlier)} of "
        "another format than PNG, JPEG and TIFF refused earlier than it says (415, "
        f"unopened, instead of 413 or 422), {other} otherwise."
    )
    costs = (
        f"Largest child: {child_rss_kib / 1024:.0f} MB resident. Per file: p50 "
        f"{cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms, longest {walls[-1]:.0f} ms, "
        f"{THREADS} at a time."
    )
    lines = [
        "# Hostile files",
        "",
        "Written by `python -m benchmarks.hostile --write`; not by hand.",
        "",
        answers,
        costs,
        "",
        *_table(("expected", "got", "files"), sorted(counts.items())),
        "",
        "Refused earlier:",
        "",
        *(f"- {v.file}: {v.expected} -> {v.got}" for v in earlier),
    ]
    return "\n".join(lines) + "\n"


def _table(
    head: tuple[str, ...], counted: Iterable[tuple[tuple[str, str], int]]
) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for (expected, got), count in counted:
        yield f"| {expected} | {got} | {count} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    folder = Path(os.environ["HISTOAPP_TEST_DATA"]) / "hostile"
    verdicts, child_rss_kib = judge_all(folder)
    text = report(verdicts, child_rss_kib=child_rss_kib)
    print(text)
    for verdict in verdicts:
        if not verdict.is_as_expected and not verdict.is_refused_earlier:
            print("UNEXPECTED", verdict)
    if arguments.write:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(text)


if __name__ == "__main__":
    main()
