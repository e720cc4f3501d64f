"""Which of the versions found are served."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class VersionPolicy:
    """The newest few, the named ones, or all; by default the newest one.

    newest: how many; None for all. named: these and no others.
    """

    newest: int | None = 1
    named: frozenset[int] | None = None

    def choose(self, found: Iterable[int]) -> list[int]:
        """The versions to serve, newest first."""
        if self.named is not None:
            found = self.named.intersection(found)
            return sorted(found, reverse=True)
        return sorted(found, reverse=True)[: self.newest]

    def missing(self, found: Iterable[int]) -> list[int]:
        """The versions that were named and are not there."""
        return sorted((self.named or frozenset()).difference(found))
