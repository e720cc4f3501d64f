"""The models that are served, by name, and the labels of their versions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from threading import Lock

from grpc import StatusCode

from serving.server.model_config import ModelEntry
from serving.server.served_model import ServedModel
from serving.server.states import Held, State, Version
from serving.server.status import StatusError, invalid, no_servable, not_found

__all__ = ["Asked", "Held", "Models", "ServedModel", "State"]

Asked = int | str | None  # A version's number or label; None for the newest.


class Models:
    """Everything that is served, by name."""

    def __init__(self, models: Iterable[ServedModel] = ()) -> None:
        self._by_name = {model.name: model for model in models}
        self._configured: Set[str] = set(self._by_name)
        self._arriving: Set[str] = set()
        self._labels: Mapping[str, Mapping[str, int]] = {}
        self._refreshing = Lock()

    @contextmanager
    def hold(self, name: str, version: Asked) -> Iterator[Held]:
        """Keep a version of a model loaded. Raises StatusError."""
        number = self._number(name, version)
        model = self._by_name.get(name)
        if model is None:
            raise no_servable(name, number)
        with model.hold(number) as held:
            yield held

    def statuses(self, name: str, version: Asked) -> list[Version]:
        """The states of a model's versions, or of one. Raises StatusError."""
        number = self._number(name, version)
        model = self._by_name.get(name)
        found = [
            status
            for status in (model.statuses() if model else [])
            if number in (None, status.number)
        ]
        if found:
            return found
        if number is None:
            raise not_found(f"Could not find any versions of model {name}")
        raise not_found(f"Could not find version {number} of model {name}")

    def labelled(self, name: str, label: str) -> int | None:
        """The version that a label of a model stands for."""
        return self._labels.get(name, {}).get(label)

    def is_available(self, name: str, number: int) -> bool:
        """Whether this version can be asked."""
        model = self._by_name.get(name)
        return model is not None and model.is_available(number)

    def configure(
        self, entries: Sequence[ModelEntry], make: Callable[[ModelEntry], ServedModel]
    ) -> Set[str]:
        """Serve these from now on, and load what is there; the names of the new ones.

        What is no longer named is unloaded once all the new ones can be asked.
        """
        with self._refreshing:
            names = {entry.name for entry in entries}
            new = {e.name: make(e) for e in entries if e.name not in self._by_name}
            self._by_name = {**self._by_name, **new}
            for entry in entries:
                self._by_name[entry.name].follow(entry.base_path, entry.policy)
            arriving = names - self._configured
            self._arriving = arriving | (self._arriving & names)
            self._configured = names
            self._labels = {entry.name: entry.labels for entry in entries}
            self._refresh()
        return arriving

    def refresh(self) -> None:
        """Look at every model's files."""
        with self._refreshing:
            self._refresh()

    def _refresh(self) -> None:
        for name in sorted(self._configured):
            self._by_name[name].load_wanted()
        if all(self._by_name[name].is_available() for name in self._arriving):
            self._arriving = set()
            for name in self._by_name.keys() - self._configured:
                self._by_name[name].retire()
        for model in self._by_name.values():
            model.unload_unwanted()

    def are_available(self) -> bool:
        """Whether every model can be asked."""
        return not self.unavailable()

    def unavailable(self) -> list[str]:
        """The models of which no version can be asked."""
        return sorted(
            name for name in self._configured if not self._by_name[name].is_available()
        )

    def await_outcome(self, names: Set[str], timeout_s: float) -> bool:
        """Wait until these can be asked or have failed. False if it takes longer."""
        return all(
            self._by_name[name].await_outcome(timeout_s)
            for name in names & self._configured
        )

    def failed(
        self, names: Set[str] | None = None, *, kind: str = "servable"
    ) -> StatusError | None:
        """Why models cannot be served at all, if that is known."""
        asked = self._configured if names is None else names & self._configured
        failed = [
            f"{{{{name: {name} version: {version.number}}} due to error: "
            f"{version.error}}}, "
            for name in sorted(asked)
            if (version := self._by_name[name].failed_version()) is not None
        ]
        if not failed:
            return None
        return StatusError(
            StatusCode.UNKNOWN,
            f"{len(failed)} {kind}(s) did not become available: {{{''.join(failed)}}}",
        )

    def unload_all(self, *, timeout_s: float | None = None) -> bool:
        """Give everything back. False if somebody stayed inside a version too long."""
        return all(
            model.unload_all(timeout_s=timeout_s) for model in self._by_name.values()
        )

    def _number(self, name: str, version: Asked) -> int | None:
        """The version's number, also of a label. Raises StatusError."""
        if not isinstance(version, str):
            return version
        number = self.labelled(name, version)
        if number is None:
            raise invalid(f"Unrecognized servable version label: {version}")
        return number
