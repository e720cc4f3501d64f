"""One model: which of its versions are loaded, and who holds them.

New versions are loaded before old ones are unloaded, and an old one is unloaded only
when nobody is inside it any more: requests in between are all answered.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from time import monotonic

from grpc import StatusCode

from serving.server.attempts import Attempts, Retries
from serving.server.execution import Execution
from serving.server.heap import give_back
from serving.server.loader import LoadError, Servable, Threads
from serving.server.metrics import timed_load
from serving.server.policy import VersionPolicy
from serving.server.states import Held, State, Version
from serving.server.status import StatusError, no_servable
from serving.server.versions import Fingerprint, fingerprint
from serving.server.warmup import warm_up
from serving.server.watch import Watch

logger = logging.getLogger(__name__)


@dataclass
class ServedModel:
    """One model: the versions under its base path that its policy chooses."""

    name: str
    base_path: Path
    threads: Threads
    policy: VersionPolicy = field(default_factory=VersionPolicy)
    retries: Retries = field(default_factory=Retries)
    execution: Execution = field(default_factory=Execution)
    _versions: dict[int, Version] = field(default_factory=dict)
    _wanted: list[int] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        self._watch = Watch(self.name)

    def statuses(self) -> list[Version]:
        """Every version seen so far, newest first."""
        with self._changed:
            return sorted(self._versions.values(), key=lambda version: -version.number)

    def is_available(self, number: int | None = None) -> bool:
        """Whether at least one version, or this one, can be asked."""
        return any(
            version.state is State.AVAILABLE and number in (None, version.number)
            for version in self.statuses()
        )

    def await_outcome(self, timeout_s: float) -> bool:
        """Wait until a version can be asked or has failed. False if it takes longer."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self.is_available() or self.failed_version() is not None,
                timeout_s,
            )

    def failed_version(self) -> Version | None:
        """The newest wanted version that failed to load, if none can be asked."""
        failed = [
            version
            for version in self.statuses()
            if version.error and version.number in self._wanted
        ]
        return failed[0] if failed and not self.is_available() else None

    @contextmanager
    def hold(self, number: int | None) -> Iterator[Held]:
        """Keep a version loaded; the newest unless one is named. Raises StatusError."""
        with self._changed:
            version, servable = self._find(number)
            version.holders += 1
        try:
            yield Held(self.name, version.number, servable)
        finally:
            with self._changed:
                version.holders -= 1
                is_last = not version.holders and version.state is State.UNLOADING
            if is_last:
                self._close(version)

    def _find(self, number: int | None) -> tuple[Version, Servable]:
        available = [
            (version, version.servable)
            for version in self._versions.values()
            if version.state is State.AVAILABLE
            and version.servable is not None
            and number in (None, version.number)
        ]
        if available:
            return max(available, key=lambda found: found[0].number)
        raise no_servable(self.name, number)

    def refresh(self) -> None:
        """Look at the files, load what is new, unload what is replaced.

        Only one thread may call this. A version that fails to load replaces nothing.
        """
        self.load_wanted()
        self.unload_unwanted()

    def load_wanted(self) -> None:
        """Load the versions that the policy chooses of those found, newest first.

        A base path that cannot be read changes nothing: it may be back soon.
        """
        folders = self._watch.look(self.base_path, self.policy)
        if folders is None:
            return
        self._wanted = list(folders)
        for number, folder in folders.items():
            self._make_available(number, folder)

    def follow(self, base_path: Path, policy: VersionPolicy) -> None:
        """Look there, and choose so, from the next refresh on."""
        self.base_path, self.policy = base_path, policy

    def retire(self) -> None:
        """Want no version any more."""
        self._wanted = []

    def unload_unwanted(self) -> None:
        """Unload the other versions, once one that is wanted can be asked."""
        if self._wanted and not any(map(self.is_available, self._wanted)):
            return
        for version in self.statuses():
            if version.number not in self._wanted:
                self._unload(version)

    def unload_all(self, *, timeout_s: float | None = None) -> bool:
        """Give every version back. False if somebody stayed inside one too long."""
        self.retire()
        self.unload_unwanted()
        with self._changed:
            return self._changed.wait_for(
                lambda: all(v.servable is None for v in self._versions.values()),
                timeout_s,
            )

    def _make_available(self, number: int, folder: Path) -> None:
        with self._changed:
            version = self._versions.setdefault(
                number, Version(number, Attempts(self.retries))
            )
        if version.state in (State.AVAILABLE, State.UNLOADING):
            return
        files = fingerprint(folder)
        while version.attempts.is_due(files, monotonic()):
            if self._try_to_load(version, folder, files):
                return

    def _try_to_load(self, version: Version, folder: Path, files: Fingerprint) -> bool:
        version.error = None
        self._move(version, State.LOADING)
        logger.info("Loading %s version %d", self.name, version.number)
        try:
            servable = self._load(folder)
        except LoadError as error:
            self._note_failure(version, files, error)
            return False
        version.servable = servable
        self._move(version, State.AVAILABLE)
        logger.info("Serving %s version %d", *self._id(version))
        return True

    def _note_failure(
        self, version: Version, files: Fingerprint, error: LoadError
    ) -> None:
        logger.error("Cannot load %s version %d: %s", *self._id(version), error)
        if not version.attempts.note_failure(files, monotonic()):
            version.error = StatusError(StatusCode.UNKNOWN, str(error))
            self._move(version, State.END)

    def _load(self, folder: Path) -> Servable:
        with timed_load(folder):
            servable = self.execution.load(folder, threads=self.threads)
        try:
            warm_up(servable, folder)
        except LoadError:
            servable.close()
            raise
        give_back()
        return servable

    def _unload(self, version: Version) -> None:
        """Unload now, or when whoever is inside leaves; a failure is forgotten."""
        with self._changed:
            version.attempts = Attempts(self.retries)
            if version.state not in (State.LOADING, State.AVAILABLE):
                return
            self._move(version, State.UNLOADING)
            is_free = not version.holders
        if is_free:
            self._close(version)

    def _close(self, version: Version) -> None:
        servable = version.servable
        if servable is not None:
            servable.close()
        version.servable = None
        self._move(version, State.END)
        logger.info("Unloaded %s version %d", *self._id(version))

    def _move(self, version: Version, state: State) -> None:
        with self._changed:
            version.state = state
            self._changed.notify_all()

    def _id(self, version: Version) -> tuple[str, int]:
        return self.name, version.number
