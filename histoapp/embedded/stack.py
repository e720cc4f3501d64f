"""What the stack consists of: which program runs how, with which environment."""

import http.client
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import redis as redis_client

from histoapp.embedded import environment
from histoapp.embedded.identity import CLONE, Identity
from histoapp.embedded.leash import leashed
from histoapp.embedded.ports import free_ports
from histoapp.embedded.postgres import OWNER, Postgres
from histoapp.embedded.processes import Service
from histoapp.embedded.redis import Redis
from histoapp.embedded.runtime import runtime_folder

MODEL = "breast-mil"

# The servers of one's own that stand in for embedded ones.
OWN = ("DATABASE_URL", "REDIS_URL", "SERVING_ADDRESS")


@dataclass(frozen=True)
class Stack:
    """One clone's stack: its folder, its secrets and its addresses."""

    var: Path
    port: int
    rest_port: int
    values: Mapping[str, str]
    own: frozenset[str]
    postgres: Postgres
    redis: Redis

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def _hint(self) -> str:
        return (
            f" If {self.var} is damaged, bring back a backup of it, or move it away "
            "to start afresh."
        )

    def environment(self) -> dict[str, str]:
        """What the serving processes get: no secret that they do not need."""
        kept = {k: v for k, v in os.environ.items() if k not in environment.KEPT_BACK}
        kept |= {k: v for k, v in self.values.items() if k not in environment.KEPT_BACK}
        return kept | {"PYTHONUNBUFFERED": "1", "PORT": str(self.port)}

    def migrating_environment(self) -> dict[str, str]:
        """What a migration gets: the role that owns the database."""
        return self.environment() | {"DATABASE_URL": self.values["DATABASE_OWNER_URL"]}

    def services(self) -> dict[str, Service]:
        """Every process of the stack that is not a server of one's own."""
        services = {
            "postgres": self._postgres(),
            "redis": self._redis(),
            "serving": self._serving(),
            "worker": self._worker(),
            "dispatcher": self._dispatcher(),
            "web": self._web(),
        }
        replaced = dict(zip(OWN, ("postgres", "redis", "serving"), strict=True))
        for name in self.own:
            del services[replaced[name]]
        return services

    def _postgres(self) -> Service:
        return Service(
            "postgres",
            self.postgres.command(),
            is_ready=self.postgres.is_ready,
            before_start=self.postgres.end_stale,
            stop_signal=signal.SIGINT,  # Ends sessions, keeps everything committed.
            grace_s=20,
            hint=self._hint,
            address=f"socket in {self.postgres.sockets}",
        )

    def _redis(self) -> Service:
        return Service(
            "redis",
            self.redis.command(),
            is_ready=self.redis.is_ready,
            hint=self._hint,
            address=f"127.0.0.1:{self.redis.port}",
        )

    def _serving(self) -> Service:
        address = self.values["SERVING_ADDRESS"]
        return Service(
            "serving",
            python(
                *("-m", "serving.server", "--port=0"),
                f"--grpc_socket_path={address.removeprefix('unix:')}",
                f"--rest_api_port={self.rest_port}",
                f"--model_name={MODEL}",
                f"--model_base_path={self.var / 'models' / MODEL}",
                "--max_num_load_retries=0",  # It would try for five minutes.
            ),
            self.environment(),
            is_ready=self._is_model_available,
            address=f"socket {address.removeprefix('unix:')}",
        )

    def _worker(self) -> Service:
        slots = os.environ.get("WORKER_SLOTS", "2")
        return Service(
            "worker",
            python(
                *("-m", "celery", "-A", "worker.app:app", "worker"),
                *("--concurrency", slots, "--prefetch-multiplier", "1"),
                *("--max-tasks-per-child", "200", "-Q", "analyses"),
                *("--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
            ),
            self.environment(),
            is_ready=self._is_worker_listening,
        )

    def _dispatcher(self) -> Service:
        return Service("dispatcher", manage("dispatch"), self.environment())

    def _web(self) -> Service:
        return Service(
            "web",
            python("-m", "gunicorn", "-c", "python:histoapp.gunicorn"),
            self.environment(),
            is_ready=self._is_web_answering,
            address=self.url,
        )

    def _is_model_available(self) -> bool:
        address = f"http://127.0.0.1:{self.rest_port}/v1/models/{MODEL}"
        try:
            with urlopen(address, timeout=2) as answer:
                versions = json.load(answer)["model_version_status"]
        except (URLError, OSError, ValueError, KeyError):
            return False
        return any(version["state"] == "AVAILABLE" for version in versions)

    def _is_worker_listening(self) -> bool:
        """Whether somebody waits at the queue: only a worker does that."""
        try:
            with redis_client.Redis.from_url(
                self.values["REDIS_URL"], socket_timeout=2
            ) as client:
                return any(c["cmd"] == "brpop" for c in client.client_list())
        except redis_client.RedisError:
            return False

    def _is_web_answering(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def python(*arguments: str) -> list[str]:
    """A Python program of the clone, on a leash."""
    return leashed([sys.executable, *arguments])


def manage(*arguments: str) -> list[str]:
    """A command of manage.py, on a leash."""
    return python(str(CLONE / "manage.py"), *arguments)


def lay_out(var: Path, *, port: int, identity: Identity | None) -> Stack:
    """Decide every address, and write them for `manage.py` beside this stack.

    What this process was given, rather than read from the file, goes before all
    of it, and is not written.
    """
    kept = environment.read(var)
    redis_port, rest_port = free_ports(2)
    sockets = runtime_folder(var, identity)
    postgres = Postgres(
        data=var / "postgres",
        sockets=sockets,
        superuser_password=kept["POSTGRES_PASSWORD"],
        owner_password=kept["POSTGRES_OWNER_PASSWORD"],
        app_password=kept["POSTGRES_APP_PASSWORD"],
        identity=identity,
    )
    redis = Redis(var / "redis", redis_port, kept["REDIS_PASSWORD"], identity)
    values = kept | environment.addresses(var, port=port)
    values |= {
        "DATABASE_URL": postgres.url(),
        "DATABASE_OWNER_URL": postgres.url(OWNER),
        "REDIS_URL": redis.url(),
        "SERVING_ADDRESS": f"unix:{sockets}/serving",
    }
    environment.write(var, values)
    given = {k: v for k, v in os.environ.items() if k in values and v != kept.get(k)}
    if "DATABASE_URL" in given:
        given.setdefault("DATABASE_OWNER_URL", given["DATABASE_URL"])
    own = frozenset(OWN) & frozenset(given)
    return Stack(var, port, rest_port, values | given, own, postgres, redis)
