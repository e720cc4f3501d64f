"""The whole system on real servers, to be broken on purpose.

Its own PostgreSQL, Redis, model server (with the tiny model), dispatcher (which
publishes every message twice), worker and web server, each supervised as on a laptop.
"""

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import environ
import psutil
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db.models import Count
from django.test import override_settings

from histoapp.embedded.identity import give, server_identity
from histoapp.embedded.leash import leashed
from histoapp.embedded.postgres import OWNER, Postgres
from histoapp.embedded.processes import Service, always
from histoapp.embedded.redis import Redis
from histoapp.embedded.supervisor import Supervised, Supervisor
from predictions.models import (
    Analysis,
    AuditEvent,
    Image,
    JobStatus,
    Prediction,
)
from predictions.models.job import UNFINISHED
from predictions.services.audit import verify_chains
from predictions.services.storage import store
from tests.model_server import MODEL, export_tiny_model, free_port
from tests.servers import make_folder

SLOTS = 2
CELERY = ("-m", "celery", "-A")
WORKER_OPTIONS = (
    *("worker", "--concurrency", str(SLOTS), "--prefetch-multiplier", "1"),
    *("-Q", "analyses", "--without-gossip", "--without-mingle", "--loglevel", "INFO"),
)


@dataclass(frozen=True)
class Held:
    """An analysis that somebody was at, when something was broken."""

    pk: UUID
    attempt: int


class Rig:
    """The running system. `tend` must be called often: it restarts what died."""

    def __init__(self) -> None:
        self.folder = make_folder()
        self.secret = secrets.token_urlsafe(48)
        identity = server_identity()
        self.postgres = Postgres(
            data=self.folder / "postgres",
            sockets=self.folder / "sockets",
            superuser_password=self.secret,
            owner_password=self.secret,
            app_password=self.secret,
            identity=identity,
        )
        self.redis = Redis(self.folder / "redis", free_port(), self.secret, identity)
        (self.folder / "sockets").mkdir(mode=0o700)
        give(self.folder / "sockets", identity)
        self.serving_port, self.rest_port, self.web_port = (
            free_port(),
            free_port(),
            free_port(),
        )
        logs = self.folder / "log"
        logs.mkdir()
        self.supervisor = Supervisor(logs=logs, say=lambda words: None)
        self.environment: Mapping[str, str] = os.environ | {
            "SECRET_KEY": self.secret,
            "HTTPS": "0",
            "DATABASE_URL": self.postgres.url(),
            "REDIS_URL": self.redis.url(),
            "SERVING_ADDRESS": f"127.0.0.1:{self.serving_port}",
            "SERVING_MODEL": MODEL,
            "STORAGE_ROOT": str(self.folder / "files"),
            "WORKER_SLOTS": str(SLOTS),
            "PORT": str(self.web_port),
        }

    def start(self) -> None:
        self.postgres.initialise(durable=False)
        self.redis.initialise()
        self._supervise("postgres", self.postgres.command(), self.postgres.is_ready)
        self._supervise("redis", self.redis.command(), self.redis.is_ready)
        self.supervisor.wait_until_ready(timeout_s=60)
        self.postgres.prepare()
        migrating = self.supervisor.begin(
            "migrate",
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            {**self.environment, "DATABASE_URL": self.postgres.url(OWNER)},
        )
        self.model_folder = export_tiny_model(self.folder / "models" / MODEL)
        migrating.finish(timeout_s=120)
        self._supervise("serving", self._python(*self._serving()), self._is_serving)
        self._supervise("dispatcher", self._python("-m", "tests.faults.doubling"))
        self.start_worker()
        self._supervise(
            "web", self._python("-m", "gunicorn", "-c", "python:histoapp.gunicorn")
        )
        self.supervisor.wait_until_ready(timeout_s=60)

    def start_worker(self, name: str = "worker", app: str = "worker.app:app") -> None:
        node = f"{name}@rig"
        self._supervise(name, self._python(*CELERY, app, *WORKER_OPTIONS, "-n", node))

    def stop(self) -> None:
        self.supervisor.stop()

    def retire(self, name: str) -> None:
        """Stop one process for good."""
        entry = self._entry(name)
        self.supervisor.supervised.remove(entry)
        entry.stop()

    def wake(self) -> None:
        """Let go on whatever a failed test left frozen."""
        for entry in self.supervisor.supervised:
            if entry.running is not None and entry.running.ended is None:
                thaw(self.tree(entry.service.name))

    def tend(self) -> None:
        self.supervisor._look()

    def wait_for(self, what: Callable[[], bool], *, within_s: float, why: str) -> None:
        """Tend until it is so."""
        deadline = time.monotonic() + within_s
        while True:
            self.tend()
            try:
                if what():
                    return
            except (OperationalError, InterfaceError):  # PostgreSQL is being broken.
                connections.close_all()
            assert time.monotonic() < deadline, f"not within {within_s} s: {why}"
            time.sleep(0.02)

    def log(self, name: str) -> str:
        return (self.supervisor.logs / f"{name}.log").read_text(errors="replace")

    def process(self, name: str) -> psutil.Process:
        """The program itself (the leash became it)."""
        running = self._entry(name).running
        assert running is not None, f"{name} does not run"
        return psutil.Process(running.pid)

    def is_up(self, name: str) -> bool:
        running = self._entry(name).running
        return running is not None and running.ended is None

    def tree(self, name: str) -> list[psutil.Process]:
        process = self.process(name)
        return [process, *process.children(recursive=True)]

    def pool(self, name: str = "worker") -> list[psutil.Process]:
        """The worker's children, which do the tasks."""
        return self.process(name).children()

    @contextmanager
    def frozen(self, processes: Iterable[psutil.Process]) -> Iterator[None]:
        """Stop them where they are; those that are left go on afterwards."""
        frozen = list(processes)
        for process in frozen:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            thaw(frozen)

    def freeze_at_work(
        self, processes: Callable[[], list[psutil.Process]]
    ) -> list[Held]:
        """Freeze them while they hold analyses: which. They stay frozen."""
        for _ in range(200):
            self.tend()
            frozen = processes()
            for process in frozen:
                process.send_signal(signal.SIGSTOP)
            time.sleep(0.3)  # A COMMIT that was on its way has arrived by then.
            if held := running():
                return held
            thaw(frozen)
            time.sleep(0.05)
        raise AssertionError("nothing was running at any of 200 looks")

    def freeze_in_calls(self) -> list[Held]:
        """Freeze the worker while every slot waits for the model server's answer."""
        with self.frozen([self.process("serving")]):
            self.wait_for(
                lambda: len(running()) == SLOTS, within_s=30, why="no slot is busy"
            )
            time.sleep(1)  # Nothing that runs is anywhere else by then.
            for process in self.tree("worker"):
                process.send_signal(signal.SIGSTOP)
            return running()

    def catch_at_work(self, also: Callable[[], bool] = always) -> list[Held]:
        """What is being analysed at a moment when that holds too."""
        caught: list[Held] = []

        def look() -> bool:
            caught[:] = running()
            return bool(caught) and also()

        self.wait_for(look, within_s=30, why="nothing is running")
        return caught

    def settle(self, asked: list[UUID], *, within_s: float = 150) -> None:
        """Wait until every one has ended."""
        mine = Analysis.objects.filter(pk__in=asked)
        self.wait_for(
            lambda: not mine.filter(status__in=UNFINISHED).exists(),
            within_s=within_s,
            why="unfinished analyses are left",
        )

    def _entry(self, name: str) -> Supervised:
        return next(e for e in self.supervisor.supervised if e.service.name == name)

    def _supervise(
        self, name: str, command: list[str], is_ready: Callable[[], bool] = always
    ) -> None:
        self.supervisor.start(
            Service(name, command, self.environment, is_ready=is_ready)
        )

    def _python(self, *arguments: str) -> list[str]:
        return leashed([sys.executable, *arguments])

    def _serving(self) -> list[str]:
        return [
            *("-m", "serving.server", f"--port={self.serving_port}"),
            f"--rest_api_port={self.rest_port}",
            f"--model_name={MODEL}",
            f"--model_base_path={self.folder / 'models' / MODEL}",
        ]

    def _is_serving(self) -> bool:
        return any(
            connection.laddr.port == self.serving_port
            for process in self.tree("serving")
            for connection in process.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
        )


@contextmanager
def django_at(rig: Rig) -> Iterator[None]:
    """Let this process's Django look at the rig's database and files."""
    database = connections["default"].settings_dict
    before = dict(database)
    database.update(environ.Env.db_url_config(rig.postgres.url()))
    connections.close_all()
    try:
        with override_settings(
            STORAGE_ROOT=Path(rig.environment["STORAGE_ROOT"]),
            SERVING_MODEL=MODEL,
            REDIS_URL=rig.redis.url(),
        ):
            yield
    finally:
        connections.close_all()
        database.clear()
        database.update(before)


def thaw(processes: Iterable[psutil.Process]) -> None:
    """Let them go on; one that has ended meanwhile (a decode child) stays so."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def running() -> list[Held]:
    rows = Analysis.objects.filter(status=JobStatus.RUNNING)
    return [Held(*row) for row in rows.values_list("pk", "attempt")]


def in_flight() -> int:
    return Analysis.objects.filter(status__in=UNFINISHED).count()


@dataclass(frozen=True)
class Verdict:
    """What became of a round: promised is zero for each."""

    lost: int
    doubled: int
    unfinished: int
    failed: int
    repeated: int


def judge(asked: list[UUID]) -> Verdict:
    """Count what a round lost, doubled, left; and the attempts beyond the first."""
    mine = Analysis.objects.filter(pk__in=asked)
    answers = (
        AuditEvent.objects.filter(
            action="analysis.answer",
            subject__in=[f"analysis:{pk}" for pk in asked],
        )
        .values("subject")
        .annotate(times=Count("pk"))
    )
    succeeded = mine.filter(status=JobStatus.SUCCEEDED)
    return Verdict(
        lost=len(asked) - mine.count(),
        doubled=sum(answer["times"] > 1 for answer in answers)
        + abs(succeeded.count() - Prediction.objects.filter(analysis__in=mine).count()),
        unfinished=mine.filter(status__in=UNFINISHED).count(),
        failed=mine.filter(status=JobStatus.FAILED).count(),
        repeated=sum(mine.filter(attempt__gt=1).values_list("attempt", flat=True))
        - mine.filter(attempt__gt=1).count(),
    )


def orphans() -> int:
    """Files that no row knows; every file that a row knows is there.

    A worker killed between keeping its heatmap and COMMIT leaves that one file.
    """
    on_disk = {path.name for path in (_root() / "files").glob("*/*")}
    names = [
        *Prediction.objects.exclude(heatmap_file=None).values_list("heatmap_file"),
        *Image.objects.values_list("stored_file", "display_file", "thumbnail_file"),
    ]
    known = {str(name) for row in names for name in row}
    assert known <= on_disk
    return len(on_disk - known)


def assert_record_is_whole() -> None:
    """No broken chain; no part that a sweep would leave."""
    assert list(verify_chains()) == []
    store().sweep_parts(older_than_s=0)
    assert list((_root() / "incoming").iterdir()) == []


def _root() -> Path:
    return Path(settings.STORAGE_ROOT)
