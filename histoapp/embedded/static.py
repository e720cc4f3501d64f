"""Whether the static files have to be collected again: it takes seconds."""

import hashlib
from pathlib import Path

from histoapp.embedded.identity import CLONE

# What decides which static files there are, beside the files of our own.
SOURCES = ("requirements/run.txt", "package-lock.json", "histoapp/settings.py")


def fingerprint() -> str:
    """Changes with any static file of ours, the packages, or the settings."""
    known = hashlib.sha256()
    for path in (*(CLONE / name for name in SOURCES), *_own_files()):
        status = path.stat()
        known.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return known.hexdigest()


def is_collected(folder: Path) -> bool:
    """Whether what lies there was collected from what there is now."""
    note = _note(folder)
    return folder.exists() and note.exists() and note.read_text() == fingerprint()


def note_collected(folder: Path) -> None:
    """Remember it for the next start."""
    _note(folder).write_text(fingerprint())


def _own_files() -> list[Path]:
    return sorted(path for path in CLONE.glob("*/static/**/*") if path.is_file())


def _note(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.collected")
