"""Replace what is served by what a config says: at start, by file and by call.

As model_servers/server_core.cc does (ReloadConfig, UpdateModelVersionLabelMap), with
one difference: what is no longer named stays until what is new can be asked.
"""

import logging
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from threading import Event, Lock

from grpc import StatusCode

from serving.messages import ModelServerConfig
from serving.server.model_config import ModelEntry, read_entries, read_file
from serving.server.models import Models, ServedModel
from serving.server.status import StatusError

logger = logging.getLogger(__name__)

MODEL_LIST = "model_config_list"
LOOK_S = 0.2  # Between two looks at the files, and whether anybody still waits.


class Reloader:
    """Gives `models` one config after the other. Threads may share it.

    make: a model as configured. any_label: whether a new label may name a version
    that cannot be asked yet.
    """

    def __init__(
        self,
        models: Models,
        make: Callable[[ModelEntry], ServedModel],
        *,
        any_label: bool = False,
    ) -> None:
        """Serve nothing yet."""
        self._models = models
        self._make = make
        self._any_label = any_label
        self._names: Set[str] | None = None
        self._applying = Lock()
        self._ending = Event()

    def apply(self, config: ModelServerConfig) -> Set[str]:
        """Serve what `config` says; the names of the models that are new.

        Loads what is there, and does not wait for what is not. Raises StatusError,
        and has changed nothing then.
        """
        with self._applying:
            if config.WhichOneof("config") != MODEL_LIST:
                self._take_no_list(config)
                return set()
            entries = read_entries(config, served=self._names or ())
            self._check_labels(entries)
            self._names = {entry.name for entry in entries}
            return self._models.configure(entries, self._make)

    def reload(
        self, config: ModelServerConfig, *, is_awaited: Callable[[], bool]
    ) -> None:
        """Serve what `config` says, and wait for the models that are new.

        is_awaited: whether somebody still waits. Raises StatusError.
        """
        new = self.apply(config)
        while not self._models.await_outcome(new, LOOK_S):
            if self._ending.is_set() or not is_awaited():
                raise StatusError(StatusCode.CANCELLED, "Not waited for any more")
            self._models.refresh()
        failed = self._models.failed(new, kind="model")
        if failed is not None:
            raise failed

    def end(self) -> None:
        """Wait for no model any more: the server ends."""
        self._ending.set()

    def _take_no_list(self, config: ModelServerConfig) -> None:
        if self._names is not None:
            raise StatusError(
                StatusCode.FAILED_PRECONDITION,
                "Cannot transition to requested config. It is only legal to transition "
                "from one ModelConfigList to another.",
            )
        if config.WhichOneof("config") is not None:
            raise StatusError(
                StatusCode.UNIMPLEMENTED,
                "ModelServer does not yet support custom model config.",
            )
        logger.info("Taking no action for empty config.")

    def _check_labels(self, entries: Sequence[ModelEntry]) -> None:
        """Refuse a label for a version that cannot be asked. Raises StatusError."""
        for entry in entries:
            for label, number in entry.labels.items():
                if not self._may_label(entry.name, label, number):
                    raise StatusError(
                        StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label to version {number} of model "
                        f"{entry.name}, which is not currently available for inference",
                    )

    def _may_label(self, name: str, label: str, number: int) -> bool:
        if self._any_label and self._models.labelled(name, label) in (None, number):
            return True
        return self._models.is_available(name, number)


class ConfigFile:
    """A config file that is read again and again."""

    def __init__(self, path: Path, reloader: Reloader) -> None:
        """Read nothing yet."""
        self._path = path
        self._reloader = reloader
        self._said = ""

    def poll(self) -> None:
        """Serve what the file says now; a wrong one is logged and changes nothing."""
        try:
            self._reloader.apply(read_file(self._path))
        except StatusError as error:
            if error.message != self._said:
                logger.warning("Failed to reload the model config: %s", error)
            self._said = error.message
        else:
            self._said = ""
