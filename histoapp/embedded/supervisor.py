"""Keeps the stack's processes running, and ends them in order."""

import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.processes import Running, Service

LOOK_S = 0.1
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
NEWS_S = 10.0  # A person waits no longer without a word.
STEADY_S = 60.0  # Who ran this long starts again without a pause.
PATIENCE = 2  # At start-up, who dies this often cannot run.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervised:
    """One service: its process, and what became of it."""

    def __init__(self, service: Service, logs: Path, say: Callable[[str], None]):
        self.service = service
        self.running: Running | None = None
        self.ready = False
        self.was_ready = False
        self.deaths = 0
        self._logs = logs
        self._say = say
        self.last_words = ""
        self._not_before = 0.0

    @property
    def state(self) -> str:
        """One word for a person."""
        if self.running is None:
            return "waiting"
        return "ready" if self.ready else "starting"

    def start(self) -> None:
        """Start its process."""
        self.service.before_start()
        self.ready = False
        self.running = Running(
            self.service.name,
            self.service.command,
            self.service.environment,
            self._logs,
        )

    def look(self) -> None:
        """Notice a death, start again when its pause is over, notice readiness."""
        if self.running is None:
            if time.monotonic() >= self._not_before:
                self.start()
        elif (ended := self.running.ended) is not None:
            self._bury(self.running, ended)
        elif not self.ready and self.service.is_ready():
            if self.was_ready:
                self._say(
                    f"{self.service.name} is ready again (pid {self.running.pid})."
                )
            self.ready = self.was_ready = True

    def stop(self) -> None:
        """End its process, if there is one."""
        if self.running is None:
            return
        service = self.service
        self.running.stop(service.stop_signal, grace_s=service.grace_s)
        self._say(f"  {service.name} stopped")
        self.running = None

    def _bury(self, dead: Running, ended: str) -> None:
        dead.sweep()
        self.deaths = 1 if dead.age_s > STEADY_S else self.deaths + 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self.deaths - 1))
        self._not_before = time.monotonic() + pause_s
        self.running = None
        self.ready = False
        self.last_words = dead.last_words()
        if not self.was_ready:  # At start-up, once is no news.
            return
        self._say(
            f"{self.service.name} died ({ended}): {self.last_words}\n"
            f"  It is started again in {pause_s:g} s; its log is {dead.log}."
        )


class Supervisor:
    """The stack's processes, in the order in which they were started."""

    def __init__(self, *, logs: Path, say: Callable[[str], None]) -> None:
        self.logs = logs
        self.say = say
        self.supervised: list[Supervised] = []
        self._steps: list[Running] = []

    def start(self, service: Service) -> None:
        """Start a service and watch it from now on."""
        entry = Supervised(service, self.logs, self.say)
        self.supervised.append(entry)
        entry.start()

    def begin(
        self, name: str, command: list[str], environment: Mapping[str, str]
    ) -> Running:
        """Start a step that ends by itself; its caller calls finish()."""
        step = Running(name, command, environment, self.logs)
        self._steps.append(step)
        return step

    def finish(self, step: Running, *, timeout_s: float) -> None:
        """Look after everything until a step is done. Raises EmbeddedError."""
        deadline = time.monotonic() + timeout_s
        while step.ended is None and time.monotonic() < deadline:
            self._look()
            time.sleep(LOOK_S)
        step.finish(timeout_s=LOOK_S)

    def wait_until_ready(self, *names: str, timeout_s: float) -> None:
        """Look after everything until those are ready; none named: all.

        Raises EmbeddedError if one cannot run, or takes too long.
        """
        began = time.monotonic()
        next_word_s = NEWS_S
        while waiting := [entry for entry in self._named(names) if not entry.ready]:
            self._look()
            self._require_life()
            late = ", ".join(entry.service.name for entry in waiting)
            waited_s = time.monotonic() - began
            if waited_s > timeout_s:
                raise EmbeddedError(
                    f"Not ready after {timeout_s:.0f} s: {late}. See {self.logs}."
                )
            if waited_s > next_word_s:
                self.say(f"Still waiting for {late} ...")
                next_word_s += NEWS_S
            time.sleep(LOOK_S)

    def watch(self) -> None:
        """Look after everything, until a signal raises KeyboardInterrupt."""
        while True:
            self._look()
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """End everything, last started first."""
        for step in self._steps:
            if step.ended is None:
                step.stop(signal.SIGTERM, grace_s=5)
        for entry in reversed(self.supervised):
            entry.stop()

    def states(self) -> list[str]:
        """A line per process."""
        lines = []
        for entry in self.supervised:
            pid = entry.running.pid if entry.running else 0
            service = entry.service
            lines.append(
                f"  {service.name:<11} {entry.state:<9} pid {pid:<8}{service.address}"
            )
        return [line.rstrip() for line in lines]

    def _require_life(self) -> None:
        for entry in self.supervised:
            if entry.deaths >= PATIENCE:
                raise EmbeddedError(
                    f"{entry.service.name} does not start: {entry.last_words} "
                    f"(its log is {self.logs / entry.service.name}.log)."
                    f"{entry.service.hint}"
                )

    def _named(self, names: tuple[str, ...]) -> list[Supervised]:
        chosen = [e for e in self.supervised if not names or e.service.name in names]
        if names and len(chosen) < len(names):
            raise KeyError(names)
        return chosen

    def _look(self) -> None:
        for entry in self.supervised:
            entry.look()


def stop_on_signals() -> None:
    """Let Ctrl-C, a closed terminal and SIGTERM raise KeyboardInterrupt."""
    for number in STOPPING:
        signal.signal(number, _interrupt)


def ignore_signals() -> None:
    """Let nothing disturb the stopping."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
