"""Look for a model's versions, and say what is odd there, once."""

import logging
from pathlib import Path

from serving.server.policy import VersionPolicy
from serving.server.versions import find_versions, ignored_names

logger = logging.getLogger(__name__)


class Watch:
    """The looks at one model's files.

    The words are those of sources/storage_path/file_system_storage_path_source.cc,
    which says them at every look.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._said: set[str] = set()

    def look(self, base_path: Path, policy: VersionPolicy) -> dict[int, Path] | None:
        """The folders to serve, newest first. None if the base path cannot be read."""
        try:
            found = find_versions(base_path) if base_path.exists() else None
            strangers = ignored_names(base_path)
        except OSError:
            found = None
        if found is None:
            self._say(f"Could not find base path {base_path} for servable {self._name}")
            return None
        for name in sorted(strangers):
            self._say(f"{self._name}: {name!r} is no version number: ignored")
        for number in policy.missing(found):
            self._say(
                f"Version {number} of servable {self._name}, which was requested to be "
                "served as a 'specific' version in the servable's version policy, "
                "was not found in the file system"
            )
        return {number: found[number] for number in policy.choose(found)}

    def _say(self, words: str) -> None:
        if words not in self._said:
            logger.warning("%s", words)
            self._said.add(words)
