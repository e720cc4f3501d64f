"""Images on this machine: found, hashed, and read while somebody watches."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from histo.errors import HistoError

TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class LocalImage:
    """A file to upload, as it was when it was hashed."""

    path: Path
    size_bytes: int
    sha256: bytes

    @property
    def content_type(self) -> str:
        return TYPES[self.path.suffix.lower()]

    @property
    def content_digest(self) -> str:
        """RFC 9530: the server compares it with what arrives."""
        return f"sha-256=:{base64.b64encode(self.sha256).decode()}:"


class Watched:
    """A file that tells how far it has been read. httpx takes its size by fileno."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        self._file = path.open("rb")
        self._told = told

    def fileno(self) -> int:
        return self._file.fileno()

    def __iter__(self) -> Iterator[bytes]:
        with self._file:
            while chunk := self._file.read(CHUNK_BYTES):
                yield chunk
                self._told(len(chunk))


def find_images(paths: Iterable[Path]) -> list[Path]:
    """The images among files and folders, each once. Raises HistoError for none.

    A file that was named is wanted, whatever its ending; of a folder only images are.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if _is_image(one))
            found |= dict.fromkeys(inside)
        elif not path.is_file():
            raise HistoError(f"There is no file or folder {path}.")
        elif not _is_image(path):
            raise HistoError(f"{path} is no PNG, JPEG or TIFF image.")
        else:
            found[path] = None
    if not found:
        raise HistoError("There is no PNG, JPEG or TIFF image there.")
    return list(found)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in TYPES and path.is_file()


def read_local(path: Path) -> LocalImage:
    """Hash a file. Raises HistoError where it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        return LocalImage(path, path.stat().st_size, digest)
    except OSError as error:
        raise HistoError(f"{path} cannot be read: {error.strerror}.") from error
