"""The running embedded stack: its settings and its processes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import django
import psutil

from histoapp.embedded import environment

MARKS = {
    "web": "histoapp.gunicorn",
    "worker": "worker.app:app",
    "dispatcher": "dispatch",
    "serving": "serving.server",
    "redis": "redis-server",
    "postgres": "postgres",
}


def set_up() -> None:
    """Let Django in this process use what `make run` uses."""
    environment.load()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "histoapp.settings")
    django.setup()


@dataclass
class Process:
    """One process of the stack, with everything it started."""

    name: str
    process: psutil.Process

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu_s(self) -> float:
        """CPU used so far, by children that have ended too."""
        total = 0.0
        for process in self._tree():
            times = process.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system
        return total

    def pss_mb(self) -> float:
        """Proportional set size: shared pages are counted once over all."""
        return sum(p.memory_full_info().pss for p in self._tree()) / 1e6


def processes() -> Iterator[Process]:
    """What `manage.py up` started, by name."""
    up = next(
        process
        for process in psutil.process_iter(["cmdline"])
        if "manage.py up" in " ".join(process.info["cmdline"] or [])
        and "python" in process.name()
    )
    for child in up.children():
        line = " ".join(child.cmdline())
        for name, mark in MARKS.items():
            if mark in line:
                yield Process(name, child)
                break
