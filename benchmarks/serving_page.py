"""docs/benchmarks/serving.md, which two commands write parts of."""

from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "serving.md"
HEADING = "\n## "


def write_first(text: str) -> None:
    """Write what is before the first section, and keep the sections."""
    _, found, sections = _read().partition(HEADING)
    _write(text.rstrip("\n") + "\n" + found + sections)


def write_section(title: str, text: str) -> None:
    """Write the section of this title anew, at the end."""
    first, *sections = _read().split(HEADING)
    kept = [each for each in sections if not each.startswith(f"{title}\n")]
    parts = [
        *(each.rstrip("\n") + "\n" for each in (first, *kept)),
        f"{title}\n\n{text}\n",
    ]
    _write(HEADING.join(parts))


def _read() -> str:
    return PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""


def _write(text: str) -> None:
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")
