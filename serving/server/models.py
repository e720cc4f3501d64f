"""The models that are served: which versions, in which state, and who holds them.

A new version is loaded before the old one is unloaded, and the old one is unloaded
only when nobody is inside it any more: requests in between are all answered.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from threading import Condition

from grpc import StatusCode

from serving.server.execution import Execution
from serving.server.heap import give_back
from serving.server.loader import LoadError, Servable, Threads
from serving.server.status import StatusError, not_found
from serving.server.versions import (
    Fingerprint,
    find_versions,
    fingerprint,
    ignored_names,
)
from serving.server.warmup import warm_up

logger = logging.getLogger(__name__)


class State(IntEnum):
    """The life of a version, with the numbers of ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass
class Version:
    """One version and what became of it. `tried`: the files of a failed load."""

    number: int
    state: State = State.START
    error: StatusError | None = None
    servable: Servable | None = None
    holders: int = 0
    tried: Fingerprint | None = None


@dataclass(frozen=True)
class Held:
    """A version that stays loaded while it is held."""

    name: str
    version: int
    servable: Servable


@dataclass
class ServedModel:
    """One model: the newest version under its base path, by policy `latest`."""

    name: str
    base_path: Path
    threads: Threads
    execution: Execution = field(default_factory=Execution)
    _versions: dict[int, Version] = field(default_factory=dict)
    _changed: Condition = field(default_factory=Condition)
    _warned: set[str] = field(default_factory=set)

    def statuses(self) -> list[Version]:
        """Every version seen so far, newest first."""
        with self._changed:
            return sorted(self._versions.values(), key=lambda version: -version.number)

    def is_available(self) -> bool:
        """Whether at least one version can be asked."""
        return any(version.state is State.AVAILABLE for version in self.statuses())

    @contextmanager
    def hold(self, number: int | None) -> Iterator[Held]:
        """Keep a version loaded; the newest unless one is named. Raises StatusError."""
        with self._changed:
            version = self._find(number)
            version.holders += 1
        try:
            assert version.servable is not None  # noqa: S101 (AVAILABLE means loaded)
            yield Held(self.name, version.number, version.servable)
        finally:
            with self._changed:
                version.holders -= 1
                self._changed.notify_all()

    def _find(self, number: int | None) -> Version:
        available = [
            version
            for version in self._versions.values()
            if version.state is State.AVAILABLE and number in (None, version.number)
        ]
        if available:
            return max(available, key=lambda version: version.number)
        asked = (
            f"Latest({self.name})"
            if number is None
            else f"Specific({self.name}, {number})"
        )
        raise not_found(f"Servable not found for request: {asked}")

    def refresh(self) -> None:
        """Look at the files, load what is new, unload what is replaced.

        Only one thread may call this. A version that fails to load replaces nothing.
        """
        self._warn_of_strangers()
        found = find_versions(self.base_path)
        wanted = max(found, default=None)
        if wanted is not None and not self._make_available(wanted, found[wanted]):
            return
        for version in self.statuses():
            if version.state is State.AVAILABLE and version.number != wanted:
                self._unload(version)

    def unload_all(self, *, timeout_s: float | None = None) -> bool:
        """Give every version back. False if somebody stayed inside one too long."""
        return all(
            self._unload(version, timeout_s=timeout_s)
            for version in self.statuses()
            if version.state is State.AVAILABLE
        )

    def _make_available(self, number: int, folder: Path) -> bool:
        with self._changed:
            version = self._versions.setdefault(number, Version(number))
        if version.state is State.AVAILABLE:
            return True
        files = fingerprint(folder)
        if version.tried == files:
            return False
        self._move(version, State.LOADING)
        logger.info("Loading %s version %d", self.name, number)
        try:
            servable = self._load(folder)
        except LoadError as error:
            version.error = StatusError(StatusCode.UNKNOWN, str(error))
            version.tried = files
            self._move(version, State.END)
            logger.error("Cannot load %s version %d: %s", self.name, number, error)  # noqa: TRY400 (the trace would say where TensorFlow was, not what is wrong)
            return False
        version.servable, version.error, version.tried = servable, None, None
        self._move(version, State.AVAILABLE)
        logger.info("Serving %s version %d", self.name, number)
        return True

    def _load(self, folder: Path) -> Servable:
        servable = self.execution.load(folder, threads=self.threads)
        try:
            warm_up(servable, folder)
        except LoadError:
            servable.close()
            raise
        give_back()
        return servable

    def _unload(self, version: Version, *, timeout_s: float | None = None) -> bool:
        self._move(version, State.UNLOADING)
        with self._changed:
            if not self._changed.wait_for(lambda: version.holders == 0, timeout_s):
                return False
            servable, version.servable = version.servable, None
        if servable is not None:
            servable.close()
        self._move(version, State.END)
        logger.info("Unloaded %s version %d", self.name, version.number)
        return True

    def _move(self, version: Version, state: State) -> None:
        with self._changed:
            version.state = state
            self._changed.notify_all()

    def _warn_of_strangers(self) -> None:
        for name in sorted(ignored_names(self.base_path) - self._warned):
            logger.warning("%s: %r is no version number: ignored", self.name, name)
            self._warned.add(name)


class Models:
    """Everything that is served, by name."""

    def __init__(self, models: list[ServedModel]) -> None:
        self._by_name = {model.name: model for model in models}

    @contextmanager
    def hold(self, name: str, version: int | None) -> Iterator[Held]:
        """Keep a version of a model loaded. Raises StatusError."""
        model = self._by_name.get(name)
        if model is None:
            asked = (
                f"Latest({name})" if version is None else f"Specific({name}, {version})"
            )
            raise not_found(f"Servable not found for request: {asked}")
        with model.hold(version) as held:
            yield held

    def statuses(self, name: str, version: int | None) -> list[Version]:
        """The states of a model's versions, or of one. Raises StatusError."""
        model = self._by_name.get(name)
        found = [
            status
            for status in (model.statuses() if model else [])
            if version in (None, status.number)
        ]
        if found:
            return found
        if version is None:
            raise not_found(f"Could not find any versions of model {name}")
        raise not_found(f"Could not find version {version} of model {name}")

    def refresh(self) -> None:
        """Look at every model's files."""
        for model in self._by_name.values():
            model.refresh()

    def are_available(self) -> bool:
        """Whether every model can be asked."""
        return all(model.is_available() for model in self._by_name.values())

    def failed(self) -> StatusError | None:
        """Why a model cannot be served at all, if that is known."""
        for model in self._by_name.values():
            errors = [status.error for status in model.statuses() if status.error]
            if errors and not model.is_available():
                return errors[0]
        return None

    def unload_all(self, *, timeout_s: float | None = None) -> bool:
        """Give everything back. False if somebody stayed inside a version too long."""
        return all(
            model.unload_all(timeout_s=timeout_s) for model in self._by_name.values()
        )
