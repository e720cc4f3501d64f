"""Where images lie: the only place that opens, names or removes a stored file.

root/incoming/<uuid>.part   being received; swept when abandoned
root/files/ab/<uuid>        kept: on disk, under a name that nobody outside chose
"""

import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from predictions.images.errors import StoredFileMissingError, StoreFullError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Some network folders have none, and a file has only so many.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_REREAD_BYTES = 1 << 20


class Part:
    """A file being received. Leaving its `with` block unkept removes it.

    path: where it lies until it is kept; another process may write it.
    size_bytes, sha256: of what was written here, or of what `reread` found.
    """

    def __init__(self, part_id: uuid.UUID, path: Path) -> None:
        self.id = part_id
        self.path = path
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        with _full_disk_named():
            self._file = path.open("xb", buffering=0)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append. Raises StoreFullError, and leaves nothing behind."""
        rest = memoryview(chunk)
        try:
            with _full_disk_named():
                while rest:
                    rest = rest[self._file.write(rest) :]
        except (OSError, StoreFullError):
            self.discard()
            raise
        self._hash.update(chunk)
        self.size_bytes += len(chunk)

    def reread(self) -> None:
        """Take size and hash from what another process wrote to the path."""
        self.size_bytes, self._hash = 0, hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(_REREAD_BYTES):
                self._hash.update(chunk)
                self.size_bytes += len(chunk)

    def close(self) -> None:
        self._file.close()

    def discard(self) -> None:
        """Remove it, unless it was kept. Safe to call twice."""
        self.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()


class Store:
    """A local folder of kept files, each under its UUID."""

    def __init__(self, root: Path) -> None:
        self._incoming = root / "incoming"
        self._files = root / "files"
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._files.mkdir(parents=True, exist_ok=True)

    def begin(self) -> Part:
        """Begin to receive a file. Raises StoreFullError."""
        part_id = uuid.uuid4()
        return Part(part_id, self._incoming / f"{part_id}.part")

    def keep(self, part: Part) -> uuid.UUID:
        """Keep a received file, on disk before this returns. Raises StoreFullError.

        File first, then the name, then the folders that hold the name: after a power
        cut there is the whole file or none.
        """
        part.close()
        kept = self._path(part.id)
        try:
            with _full_disk_named():
                _sync(part.path)
                kept.parent.mkdir(exist_ok=True)
                part.path.rename(kept)
                _sync(kept.parent)
                _sync(self._files)
        except (OSError, StoreFullError):
            part.discard()
            kept.unlink(missing_ok=True)
            raise
        return part.id

    def keep_bytes(self, content: bytes) -> uuid.UUID:
        """Keep what is already in memory. Raises StoreFullError."""
        with self.begin() as part:
            part.write(content)
            return self.keep(part)

    def local(self, file_id: uuid.UUID) -> Path:
        """A path to read a kept file from. Raises StoredFileMissingError."""
        path = self._path(file_id)
        if not path.is_file():
            raise StoredFileMissingError
        return path

    def copy(self, file_id: uuid.UUID) -> uuid.UUID:
        """Keep the same bytes under a second id, on disk before this returns.

        A hard link where the file system has them: dropping one leaves the other.
        Raises StoredFileMissingError, StoreFullError.
        """
        source = self.local(file_id)
        copied = uuid.uuid4()
        target = self._path(copied)
        with _full_disk_named():
            target.parent.mkdir(exist_ok=True)
            try:
                os.link(source, target)
            except FileNotFoundError as error:  # Dropped meanwhile.
                raise StoredFileMissingError from error
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                return self._copy_bytes(source)
            os.utime(target)  # As young as its name: see `kept`.
            _sync(target.parent)
            _sync(self._files)
        return copied

    def _copy_bytes(self, source: Path) -> uuid.UUID:
        with self.begin() as part, source.open("rb") as file:
            while chunk := file.read(_REREAD_BYTES):
                part.write(chunk)
            return self.keep(part)

    def kept(self, *, older_than_s: float) -> Iterator[uuid.UUID]:
        """Every kept file whose bytes are at least so old."""
        limit = time.time() - older_than_s
        for path in self._files.glob("??/*"):
            with suppress(FileNotFoundError):  # Dropped meanwhile.
                if path.stat().st_mtime <= limit:
                    yield uuid.UUID(path.name)

    def drop(self, file_id: uuid.UUID) -> None:
        """Remove a kept file. Safe to call twice."""
        self._path(file_id).unlink(missing_ok=True)

    def sweep_parts(self, *, older_than_s: float) -> int:
        """Remove what was begun and abandoned by a process that died. Says how many."""
        limit = time.time() - older_than_s
        swept = 0
        for path in self._incoming.glob("*.part"):
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
                    swept += 1
            except FileNotFoundError:  # Kept or discarded meanwhile.
                continue
        return swept

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._files).free

    def _path(self, file_id: uuid.UUID) -> Path:
        name = str(uuid.UUID(str(file_id)))  # Whatever was given: never another path.
        return self._files / name[:2] / name


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFullError from error
        raise
