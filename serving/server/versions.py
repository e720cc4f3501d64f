"""Which versions of a model lie under its base path."""

import logging
from pathlib import Path

from serving.server.loader import SAVED_MODEL_FILE

logger = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int], ...]

MAX_DIGITS = 18  # A version is an int64.


def find_versions(base_path: Path) -> dict[int, Path]:
    """Folders with a whole number for a name that hold a model, by that number.

    Leading zeros are allowed. A folder still without its saved_model.pb is being
    written, and left for the next look.
    """
    try:
        entries = sorted(base_path.iterdir())
    except FileNotFoundError:
        return {}
    return {
        int(entry.name): entry
        for entry in entries
        if _is_version(entry.name) and (entry / SAVED_MODEL_FILE).is_file()
    }


def ignored_names(base_path: Path) -> set[str]:
    """Folders that somebody may take for versions, and that never will be one."""
    try:
        entries = list(base_path.iterdir())
    except FileNotFoundError:
        return set()
    return {
        entry.name
        for entry in entries
        if entry.is_dir() and not _is_version(entry.name) and entry.name[0] != "."
    }


def fingerprint(folder: Path) -> Fingerprint:
    """Changes when a file in the folder does: a failed load may then work."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        found.append((str(path), facts.st_size, facts.st_mtime_ns))
    return tuple(found)


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name.lstrip("0")) <= MAX_DIGITS
