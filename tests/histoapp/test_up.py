"""The whole stack with one command: everything real, in a folder of its own."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from histoapp.embedded.environment import SECRETS, addresses, read
from histoapp.embedded.ports import free_ports
from tests.servers import REPOSITORY, make_folder

NAMES = ("postgres", "redis", "serving", "worker", "dispatcher", "web")
START_S = 180  # Generous: beside other tests, on a small machine.


class Up:
    """`manage.py up` as a person runs it, in its own folder."""

    def __init__(self, var: Path, *arguments: str, **environment: str) -> None:
        self.screen = var.with_name(f"screen-{time.monotonic_ns()}")
        names = {*SECRETS, *addresses(var), "DATABASE_OWNER_URL"}
        bare = {k: v for k, v in os.environ.items() if k not in names}
        with self.screen.open("w") as screen:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *arguments],
                cwd=REPOSITORY,
                env=bare | {"HISTOAPP_VAR": str(var)} | environment,
                stdout=screen,
                stderr=screen,
                start_new_session=True,
            )

    def wait_for(self, words: str) -> str:
        """Until it says that; returns everything said so far."""
        self.wait_until(lambda: words in self.said() or self.process.poll() is not None)
        assert words in self.said(), self.said()
        return self.said()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_S
        while not condition():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self.screen.read_text()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def pids(self) -> dict[str, int]:
        """The latest process id of each name."""
        line = r"^ *(\w+) +(?:is )?ready +(?:again )?\(?pid (\d+)"
        lines = re.findall(line, self.said(), re.MULTILINE)
        return {name: int(pid) for name, pid in lines}

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != "zombie"]


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


class FirstStart:
    """What there was while it ran, and after it had been told to stop."""

    def __init__(self, var: Path, port: int) -> None:
        up = Up(var, PORT=str(port))
        try:
            self.said = up.wait_for("Ctrl-C stops everything.")
            self.pids = up.pids()
            self.status = get(port, "/health/ready")
            family = up.family()
            self.code = up.end()
            self.left = alive(family)
            self.farewell = up.said().removeprefix(self.said)
        finally:
            up.process.kill()


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def var() -> Iterator[Path]:
    folder = make_folder()
    yield folder / "var"
    shutil.rmtree(folder)


@pytest.fixture
def bare() -> Iterator[Path]:
    """A folder for one test's stack."""
    folder = make_folder()
    yield folder / "var"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def first(var: Path, port: int) -> FirstStart:
    """A start from nothing, with everything; then stopped."""
    return FirstStart(var, port)


@pytest.fixture(scope="module")
def up(var: Path, port: int, first: FirstStart) -> Iterator[Up]:
    """A later start, with a model server of one's own: it is quick."""
    up = Up(var, "--no-demo", PORT=str(port), SERVING_ADDRESS="127.0.0.1:9")
    try:
        up.wait_for("Ctrl-C stops everything.")
        yield up
        if up.process.poll() is None:
            up.end()
    finally:
        up.process.kill()


def test_the_first_start_says_where_to_go_and_who_may_sign_in(
    first: FirstStart, port: int, var: Path
) -> None:
    assert f"http://127.0.0.1:{port}/" in first.said
    assert first.said.count(read(var)["DEMO_PASSWORD"]) == 3
    assert tuple(first.pids) == NAMES
    assert first.status == http.client.OK


def test_sigterm_stops_everything_in_order(first: FirstStart) -> None:
    stopped = re.findall(r"(\w+) stopped", first.farewell)
    assert stopped == ["web", "dispatcher", "worker", "serving", "redis", "postgres"]
    assert first.code == 0
    assert first.left == []


def test_a_server_of_ones_own_is_not_started(up: Up) -> None:
    assert tuple(up.pids()) == tuple(name for name in NAMES if name != "serving")


def test_a_later_start_keeps_the_data_and_manage_py_reads_it(up: Up, var: Path) -> None:
    code = "from django.contrib.auth.models import User; print(User.objects.count())"
    names = {*SECRETS, *addresses(var), "DATABASE_OWNER_URL"}
    ran = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=REPOSITORY,
        env={k: v for k, v in os.environ.items() if k not in names}
        | {"HISTOAPP_VAR": str(var)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == "3", ran.stderr + up.said()


def test_the_serving_processes_do_not_know_the_owners_password(
    up: Up, var: Path
) -> None:
    secret = read(var)["POSTGRES_OWNER_PASSWORD"]
    for name in ("web", "worker", "dispatcher"):
        environment = psutil.Process(up.pids()[name]).environ()
        assert environment["DATABASE_URL"].startswith("postgresql://histoapp_app:")
        assert secret not in " ".join(environment.values())


@pytest.mark.parametrize("name", ["postgres", "redis", "worker", "dispatcher", "web"])
def test_a_killed_process_comes_back_and_is_said(up: Up, name: str, port: int) -> None:
    os.kill(up.pids()[name], signal.SIGKILL)
    up.wait_for(f"{name} is ready again")
    assert f"{name} died (killed by SIGKILL)" in up.said()
    up.wait_until(lambda: get(port, "/health/ready") == http.client.OK)


def test_a_second_stack_in_the_same_folder_is_refused(up: Up, var: Path) -> None:
    second = Up(var, "--no-demo", PORT=str(free_ports(1)[0]))
    assert second.process.wait(60) == 1
    assert f"already running (process {up.process.pid})" in second.said()
    assert second.said().count("\n") == 1


def test_nobody_outlives_a_killed_stack_and_it_starts_again(
    bare: Path,
) -> None:
    own = {"SERVING_ADDRESS": "127.0.0.1:9", "PORT": str(free_ports(1)[0])}
    up = Up(bare, "--no-demo", **own)
    up.wait_for("Ctrl-C stops everything.")
    family = up.family()
    up.end(signal.SIGKILL)
    up.wait_until(lambda: alive(family) == [])
    again = Up(bare, "--no-demo", **own)
    again.wait_for("Ctrl-C stops everything.")
    assert again.end(signal.SIGINT) == 0


def test_a_port_in_use_is_one_sentence(bare: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = Up(bare, PORT=str(port))
        assert up.process.wait(60) == 1
    assert up.said().startswith(f"histoapp: Port {port} is in use")
    assert up.said().count("\n") == 1


def test_a_damaged_database_is_a_sentence_at_the_end(bare: Path) -> None:
    own = {"SERVING_ADDRESS": "127.0.0.1:9", "PORT": str(free_ports(1)[0])}
    up = Up(bare, "--no-demo", **own)
    up.wait_for("Migrating")
    up.end()
    (bare / "postgres" / "global" / "pg_control").unlink()
    up = Up(bare, "--no-demo", **own)
    assert up.process.wait(60) == 1
    sentence = up.said().splitlines()[-1]
    assert sentence.startswith("histoapp: postgres does not start: ")
    assert "bring back a backup" in sentence
