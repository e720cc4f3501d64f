"""When a version that failed to load is tried again."""

import math
from typing import NamedTuple

from serving.server.versions import Fingerprint


class Retries(NamedTuple):
    """How often a failed load is tried again, and how long after the last try."""

    most: int = 0
    interval_s: float = 0.0


class Attempts:
    """The failed loads of one version.

    Other files begin the count anew: the version may have been half-written.
    """

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._files: Fingerprint | None = None
        self._failures = 0
        self._due_s = 0.0

    def is_due(self, files: Fingerprint, now_s: float) -> bool:
        """Whether a load of these files should be tried now."""
        return files != self._files or now_s >= self._due_s

    def note_failure(self, files: Fingerprint, now_s: float) -> bool:
        """Count a failed load. False if these files are given up."""
        if files != self._files:
            self._files, self._failures = files, 0
        self._failures += 1
        goes_on = self._failures <= self._retries.most
        self._due_s = now_s + self._retries.interval_s if goes_on else math.inf
        return goes_on
