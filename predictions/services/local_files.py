"""Files of this machine's own disk, taken in as an upload would be."""

from pathlib import Path

from predictions.services.images import ReceivedFile
from predictions.services.storage import store

_CHUNK_BYTES = 1 << 20


def list_folder(folder: Path) -> dict[str, int]:
    """Every file below the folder, relative to it, and its size in bytes.

    A link is no file of the folder: it may point anywhere.
    """
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def receive_local(path: Path) -> ReceivedFile:
    """Copy a file into the store's incoming files. Raises OSError, StoreFullError."""
    part = store().begin()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                part.write(chunk)
    except OSError:
        part.discard()
        raise
    return ReceivedFile(path.name, part)
