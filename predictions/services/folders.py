"""The files of a folder, as a list names them."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from django.conf import settings

from predictions.images.errors import ImageRefusedError
from predictions.images.filenames import check_filename

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})


class Folder:
    """Names of files, relative to the folder; nothing is opened."""

    def __init__(
        self, filenames: Iterable[str], sizes_bytes: Mapping[str, int] | None = None
    ) -> None:
        self._sizes_bytes = sizes_bytes or {}
        self._by_key: dict[str, list[str]] = defaultdict(list)
        for name in filenames:
            self._by_key[file_key(name)].append(name)

    def find(self, file: str) -> str:
        """The folder's own name of a file; empty unless exactly one answers to it."""
        names = self._by_key.get(file_key(file), [])
        return names[0] if len(names) == 1 else ""

    def problems_of(self, file: str) -> list[str]:
        """Why the file cannot be sent."""
        names = self._by_key.get(file_key(file), [])
        if not names:
            return ["The file is not in the folder."]
        if len(names) > 1:
            return [
                "The folder has two files that differ in upper and lower case only."
            ]
        size_bytes = self._sizes_bytes.get(names[0])
        if size_bytes == 0:
            return ["The file is empty."]
        if size_bytes is not None and size_bytes > settings.MAX_UPLOAD_BYTES:
            limit_mb = settings.MAX_UPLOAD_BYTES // 1_000_000
            return [f"The file is larger than {limit_mb} MB. Cut out a smaller field."]
        return []

    def unnamed(self, files: Iterable[str]) -> tuple[str, ...]:
        """Pictures in the folder that are none of these files."""
        named = {file_key(file) for file in files}
        return tuple(
            name
            for key, names in sorted(self._by_key.items())
            if key not in named
            for name in names
            if _is_picture(name)
        )


def file_key(name: str) -> str:
    """What two spellings of one file's name have in common.

    The way to it counts; slashes either way, and upper or lower case, do not.
    """
    path = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/"))
    return str(path).casefold()


def wrong_ending(file: str) -> list[str]:
    """Say so if it is no image's that can be read."""
    if PurePosixPath(file.casefold()).suffix in ENDINGS:
        return []
    return ["Only PNG, JPEG and TIFF images can be read."]


def _is_picture(name: str) -> bool:
    last = PurePosixPath(name).name
    if last.startswith(".") or "." not in last:  # What systems leave in folders.
        return False
    try:
        check_filename(last)
    except ImageRefusedError:
        return False
    return True
