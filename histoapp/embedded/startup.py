"""Bringing the stack up, each part as soon as what it needs is there."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.processes import Running
from histoapp.embedded.stack import MODEL, Stack, manage, python
from histoapp.embedded.static import is_collected, note_collected
from histoapp.embedded.supervisor import Supervisor

STEP_S = 300  # Migrations and the demo take seconds; a disk may be slow.
DEMO_SPACING_UM = "0.25"
READY_S = 120  # The model server loads TensorFlow: 5 s here.


@contextmanager
def locked(var: Path) -> Iterator[None]:
    """Hold var/ for this stack alone. Raises EmbeddedError if another has it."""
    with (var / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise EmbeddedError(
                f"This stack is already running (process {holder}): stop it with "
                "Ctrl-C there, or use it."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


class Startup:
    """One start of a stack."""

    def __init__(
        self, stack: Stack, supervisor: Supervisor, say: Callable[[str], None]
    ) -> None:
        self.stack = stack
        self.supervisor = supervisor
        self.say = say
        self.began = time.monotonic()
        self._services = stack.services()

    def run(self, *, demo: bool) -> list[str]:
        """Start everything and wait until it is ready; returns the demo's lines."""
        export = self._begin_export()
        drawing = self._begin_images() if demo else None
        self._start_servers()
        migrating, collecting = self._begin_database(), self._begin_static()
        self._finish(export)
        self._start("serving")
        self._finish(migrating)
        self._finish(self._begin_registration())
        self.say("Starting the worker, the dispatcher, the web server ...")
        self._start("worker", "dispatcher")
        self._finish(drawing)
        seeding = self._begin_demo() if demo else None
        self._finish(collecting)
        note_collected(self._static)
        self._start("web")
        self.supervisor.wait_until_ready(timeout_s=READY_S)
        self._finish(seeding)
        return seeding.said() if seeding else []

    @property
    def took_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def _finish(self, step: Running | None) -> None:
        """Wait for a step, if there is one. Raises EmbeddedError if it failed."""
        if step is not None:
            self.supervisor.finish(step, timeout_s=STEP_S)

    def _start(self, *names: str) -> None:
        for name in names:
            if name in self._services:
                self.supervisor.start(self._services[name])

    def _start_servers(self) -> None:
        stack = self.stack
        if "postgres" in self._services:
            first = not stack.postgres.data.exists()
            self.say(f"{'Making' if first else 'Starting'} the database ...")
            stack.postgres.initialise()
            self._start("postgres")
        if "redis" in self._services:
            stack.redis.initialise()
            self._start("redis")
        if "postgres" in self._services:
            self.supervisor.wait_until_ready("postgres", timeout_s=READY_S)
            stack.postgres.prepare()

    def _begin_database(self) -> Running:
        self.say("Migrating the database ...")
        return self.supervisor.begin(
            "migrate",
            manage("migrate", "--no-input", "--verbosity", "1"),
            self.stack.migrating_environment(),
        )

    @property
    def _static(self) -> Path:
        return Path(self.stack.values["STATIC_ROOT"])

    def _begin_static(self) -> Running | None:
        if is_collected(self._static):
            return None
        self.say("Collecting static files ...")
        return self.supervisor.begin(
            "collectstatic",
            manage("collectstatic", "--no-input", "--verbosity", "0"),
            self.stack.environment(),
        )

    def _begin_export(self) -> Running | None:
        """Export the bundled model, unless that version is there already."""
        if "serving" not in self._services:
            return None
        models = self.stack.var / "models"
        if not any((models / MODEL).glob("[0-9]*")):
            self.say("Exporting the bundled model: TensorFlow takes its time ...")
        return self.supervisor.begin(
            "export",
            python("-m", "training", "export", str(models)),
            self.stack.environment(),
        )

    def _begin_registration(self) -> Running | None:
        """Pin the exported versions by hash: no other may answer."""
        versions = sorted((self.stack.var / "models" / MODEL).glob("[0-9]*"))
        if "serving" not in self._services or not versions:
            return None
        return self.supervisor.begin(
            "register",
            manage("register_model", *map(str, versions)),
            self.stack.environment(),
        )

    @property
    def _images(self) -> Path:
        return self.stack.var / "demo"

    @property
    def _fresh_images(self) -> Path:
        return self.stack.var / "demo.new"

    def _begin_images(self) -> Running | None:
        """Draw fields by the project's own generator, once: no patient's."""
        if self._images.exists():
            return None
        shutil.rmtree(self._fresh_images, ignore_errors=True)
        command = ["-m", "training", "generate", str(self._fresh_images)]
        command += ["--fields", "4"]
        command += ["--spacing", DEMO_SPACING_UM]
        return self.supervisor.begin(
            "generate", python(*command), self.stack.environment()
        )

    def _begin_demo(self) -> Running:
        """Make the demo, and wait for its answers; it says who may sign in."""
        self.say("Making the demo laboratory; its images are analysed ...")
        if not self._images.exists():  # Drawn whole by now.
            self._fresh_images.rename(self._images)
        images = sorted(self._images.glob("*.png"))
        shown = [str(path) for path in images if not path.stem.endswith("-mask")]
        environment = self.stack.environment()
        environment["DEMO_PASSWORD"] = self.stack.values["DEMO_PASSWORD"]
        return self.supervisor.begin(
            "seed_demo",
            manage("seed_demo", *shown, "--spacing-um", DEMO_SPACING_UM),
            environment,
        )
