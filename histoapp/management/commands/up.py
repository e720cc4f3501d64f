"""The embedded stack, for a laptop: everything with one command."""

import os
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand

from histoapp.embedded.environment import var_folder
from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.identity import server_identity
from histoapp.embedded.ports import read_port, require_free
from histoapp.embedded.stack import Stack, lay_out
from histoapp.embedded.startup import Startup, locked
from histoapp.embedded.supervisor import Supervisor, ignore_signals, stop_on_signals


class Command(BaseCommand):
    """Start and supervise every process, until Ctrl-C."""

    help = "Start PostgreSQL, Redis, the model server, a worker, and the web server."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`make run DEMO=0` asks for no demo laboratory."""
        parser.add_argument("--no-demo", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Start, watch, stop; what keeps it from starting is one sentence."""
        var = var_folder()
        stop_on_signals()
        try:
            port = read_port(os.environ.get("PORT", "8000"))
            with locked(var):
                require_free(port)
                logs = var / "log"
                logs.mkdir(mode=0o700, exist_ok=True)
                stack = lay_out(var, port=port, identity=server_identity())
                self._run(stack, Supervisor(logs=logs, say=self._say), **options)
        except (EmbeddedError, OSError) as error:
            raise SystemExit(f"histoapp: {error}") from error
        except KeyboardInterrupt:
            return

    def _run(self, stack: Stack, supervisor: Supervisor, **options: Any) -> None:
        startup = Startup(stack, supervisor, self._say)
        try:
            accounts = startup.run(demo=not options["no_demo"])
            self._welcome(startup, accounts)
            supervisor.watch()
        finally:
            ignore_signals()
            self._say("Stopping ...")
            supervisor.stop()

    def _welcome(self, startup: Startup, accounts: list[str]) -> None:
        stack = startup.stack
        self._say(f"\nhistoapp is ready after {startup.took_s:.0f} s: {stack.url}\n")
        for line in accounts:
            self._say(f"  {line}")
        self._say("\n".join(["", *startup.supervisor.states()]))
        self._say(f"\nLogs are in {startup.supervisor.logs}. Ctrl-C stops everything.")

    def _say(self, line: str) -> None:
        with suppress(OSError):  # The terminal is gone: stopping goes on.
            self.stdout.write(line)
            self.stdout.flush()
