"""The life of a version."""

from dataclasses import dataclass
from enum import IntEnum

from serving.server.attempts import Attempts
from serving.server.loader import Servable
from serving.server.status import StatusError


class State(IntEnum):
    """The life of a version, with the numbers of ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass
class Version:
    """One version and what became of it. LOADING also between two attempts."""

    number: int
    attempts: Attempts
    state: State = State.START
    error: StatusError | None = None
    servable: Servable | None = None
    holders: int = 0


@dataclass(frozen=True)
class Held:
    """A version that stays loaded while it is held."""

    name: str
    version: int
    servable: Servable
