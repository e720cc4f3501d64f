"""A real PostgreSQL and a real Redis for one run of the tests.

A pytest plugin (`-p tests.servers`): the settings need addresses before the first
conftest is read. The run's first process starts the servers and stops them; with
xdist, its workers find them in their environment.
"""

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from histoapp.embedded.identity import give, server_identity
from histoapp.embedded.postgres import OWNER, Postgres
from histoapp.embedded.redis import Redis

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = "HISTOAPP_TEST_FOLDER"
SECRET = "HISTOAPP_TEST_SECRET"
PORT = "HISTOAPP_TEST_REDIS_PORT"
TEMPLATE = "template_histoapp"

# Fast instead of durable: these databases live as long as the run.
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_folder() -> Path:
    """A new folder that the servers' user can enter, its path short."""
    folder = Path(tempfile.mkdtemp(prefix="histoapp-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def postgres() -> Postgres:
    """This run's PostgreSQL."""
    folder, secret = Path(os.environ[FOLDER]), os.environ[SECRET]
    return Postgres(
        data=folder / "postgres",
        sockets=folder / "sockets",
        superuser_password=secret,
        owner_password=secret,
        app_password=secret,
        identity=server_identity(),
    )


def redis() -> Redis:
    """This run's Redis."""
    folder, secret = Path(os.environ[FOLDER]), os.environ[SECRET]
    return Redis(folder / "redis", int(os.environ[PORT]), secret, server_identity())


def clone(name: str) -> str:
    """Make a database as the migrations leave it; returns its URL."""
    _make_template()
    with postgres().connect() as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {OWNER}")
    return postgres().url(database=name)


def drop(name: str) -> None:
    """Remove a database, whoever is still connected."""
    with postgres().connect() as server, server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def cloned() -> Iterator[str]:
    """A database of one's own, as the migrations leave it: its name."""
    name = f"committed_{uuid.uuid4().hex}"
    clone(name)
    try:
        yield name
    finally:
        drop(name)


def _make_template() -> None:
    folder = Path(os.environ[FOLDER])
    with (folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "template.made").exists():
            return
        with postgres().connect() as server, server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
            cursor.execute(f"CREATE DATABASE {TEMPLATE}")
        postgres().grant(TEMPLATE)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=REPOSITORY,
            env={**os.environ, "DATABASE_URL": postgres().url(OWNER, TEMPLATE)},
            check=True,
        )
        (folder / "template.made").touch()


def _set_environment() -> None:
    """Before Django's settings load, in every process of the run."""
    if FOLDER not in os.environ:
        name = f"histoapp-{secrets.token_hex(5)}"  # Made when the servers start.
        os.environ[FOLDER] = str(Path(tempfile.gettempdir()) / name)
        os.environ[SECRET] = secrets.token_urlsafe(48)
        os.environ[PORT] = str(free_port())
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    os.environ |= {
        "SECRET_KEY": os.environ[SECRET],
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        "DATABASE_URL": postgres().url(),
        "REDIS_URL": redis().url(int(worker) % 16),
        "SERVING_ADDRESS": "127.0.0.1:1",  # Nobody: a test that asks starts one.
        "STORAGE_ROOT": f"{os.environ[FOLDER]}/files-{worker}",
        "STATIC_ROOT": f"{os.environ[FOLDER]}/static",
        # TensorFlow's own choice depends on the processor, and with it whether the
        # poison of tests/poison.py kills.
        "TF_ENABLE_ONEDNN_OPTS": "1",
    }
    os.environ.pop("DATABASE_OWNER_URL", None)


_set_environment()


class Servers:
    """The run's servers, held by its first process."""

    def __init__(self) -> None:
        self.folder = Path(os.environ[FOLDER])
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both; on a fresh folder this takes less than a second."""
        self.folder.mkdir(mode=0o711)
        sockets = self.folder / "sockets"
        sockets.mkdir(mode=0o700)
        give(sockets, server_identity())
        postgres().initialise(durable=False)
        redis().initialise()
        self._run("postgres", postgres().command(**HASTY, max_connections="200"))
        self._run("redis", redis().command())
        postgres().wait_until_ready()
        redis().wait_until_ready()
        postgres().prepare()

    def stop(self) -> None:
        """End both, by the ids that they were started with."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, cwd="/", start_new_session=True
                )
            )


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, in the run's first process only."""
    if not hasattr(config, "workerinput"):
        servers = Servers()
        config.add_cleanup(servers.stop)
        servers.start()
