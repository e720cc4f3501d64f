"""The supervisor, with small programs in the place of servers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.leash import leashed
from histoapp.embedded.processes import Running, Service
from histoapp.embedded.supervisor import Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"

# A stack of three, one of which has a child and does not listen to SIGTERM.
DRIVER = """
import pathlib, sys
from histoapp.embedded.leash import leashed
from histoapp.embedded.processes import Service
from histoapp.embedded.supervisor import Supervisor, ignore_signals, stop_on_signals

supervisor = Supervisor(
    logs=pathlib.Path(sys.argv[1]), say=lambda line: print(line, flush=True)
)
stop_on_signals()
try:
    for name, code in zip(("first", "second", "third"), sys.argv[2:], strict=True):
        command = leashed([sys.executable, "-c", code])
        supervisor.start(Service(name, command, grace_s=0.5))
    supervisor.wait_until_ready(timeout_s=30)
    print(*(entry.running.pid for entry in supervisor.supervised), flush=True)
    supervisor.watch()
except KeyboardInterrupt:
    ignore_signals()
    supervisor.stop()
"""


def wait_for(condition: Callable[[], bool], *, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether it has ended; who reaps it is not our concern."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Said(list[str]):
    """What was said to the person; a chosen word ends the watch."""

    def __init__(self, last_word: str) -> None:
        self.last_word = last_word

    def __call__(self, line: str) -> None:
        self.append(line)
        if self.last_word in line:
            raise KeyboardInterrupt


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A supervisor in a process of its own, and its three processes' ids."""
    sleep = "import time; time.sleep(60)"
    with_child = f"import subprocess, sys; subprocess.run({SLEEP!r})"
    codes = [sleep, with_child, STUBBORN]
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), *codes],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        wait_for(lambda: len(psutil.Process(process.pid).children(recursive=True)) == 4)
        yield process, pids
        process.kill()


def test_a_process_that_dies_is_started_again_and_said_so(tmp_path: Path) -> None:
    said = Said("slow is ready again")
    supervisor = Supervisor(logs=tmp_path, say=said)
    supervisor.start(Service("slow", leashed(SLEEP)))
    supervisor.wait_until_ready(timeout_s=30)
    running = supervisor.supervised[0].running
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    with pytest.raises(KeyboardInterrupt):
        supervisor.watch()
    again = supervisor.supervised[0].running
    assert again is not None
    assert again.pid != running.pid
    assert "slow died (killed by SIGKILL)" in said[0]
    assert "in 0.5 s" in said[0]
    supervisor.stop()
    assert is_gone(again.pid)


def test_pauses_grow_from_death_to_death(tmp_path: Path) -> None:
    said = Said("in 2 s")
    command = ["/bin/sh", "-c", "echo no disk; exit 3"]
    supervisor = Supervisor(logs=tmp_path, say=said)
    supervisor.start(Service("brief", command, is_ready=lambda: False))
    supervisor.supervised[0].was_ready = True
    with pytest.raises(KeyboardInterrupt):
        supervisor.watch()
    assert ["exit code 3): no disk" in line for line in said] == [True] * 3
    assert [line.split(" again in ")[1].split(" s")[0] for line in said] == [
        "0.5",
        "1",
        "2",
    ]


def test_who_cannot_start_is_one_sentence_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(logs=tmp_path, say=pytest.fail)
    command = ["/bin/sh", "-c", "echo FATAL: no room; echo bye; exit 1"]
    supervisor.start(Service("brief", command, is_ready=lambda: False, hint=" Hint."))
    with pytest.raises(EmbeddedError, match=r"brief does not start: FATAL: no room"):
        supervisor.wait_until_ready(timeout_s=30)


def test_who_is_never_ready_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("histoapp.embedded.supervisor.NEWS_S", 0.05)
    said: list[str] = []
    supervisor = Supervisor(logs=tmp_path, say=said.append)
    supervisor.start(Service("slow", leashed(SLEEP), is_ready=lambda: False))
    with pytest.raises(EmbeddedError, match=r"Not ready after 0 s: slow"):
        supervisor.wait_until_ready(timeout_s=0.2)
    assert "Still waiting for slow ..." in said
    supervisor.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_last_started_first(
    driver: tuple[subprocess.Popen[str], list[int]], number: signal.Signals
) -> None:
    process, pids = driver
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    stopped = [line.split()[0] for line in output.splitlines()]
    assert stopped == ["third", "second", "first"]
    assert process.returncode == 0
    assert {child.pid for child in family} > set(pids)
    assert [child for child in family if not is_gone(child.pid)] == []


def test_nobody_outlives_a_killed_supervisor(
    driver: tuple[subprocess.Popen[str], list[int]],
) -> None:
    process, pids = driver
    process.kill()
    wait_for(lambda: all(is_gone(pid) for pid in pids))


def test_a_step_that_fails_says_its_last_words(tmp_path: Path) -> None:
    step = Running("count", ["/bin/sh", "-c", "echo one two; exit 1"], {}, tmp_path)
    with pytest.raises(EmbeddedError, match="count failed: one two"):
        step.finish(timeout_s=30)


def test_who_dies_during_a_step_is_started_again_meanwhile(tmp_path: Path) -> None:
    said = tmp_path / "began"
    begins = f"open({str(said)!r}, 'a').write('x'); import time; time.sleep(60)"
    supervisor = Supervisor(logs=tmp_path, say=lambda line: None)
    supervisor.start(Service("server", [sys.executable, "-c", begins]))
    try:
        supervisor.wait_until_ready(timeout_s=20)
        wait_for(said.exists)
        waits = (
            f"import time\nwhile open({str(said)!r}).read() != 'xx': time.sleep(0.05)"
        )
        step = supervisor.begin("step", [sys.executable, "-c", waits], os.environ)
        running = supervisor.supervised[0].running
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        supervisor.finish(step, timeout_s=20)
    finally:
        supervisor.stop()


def test_a_step_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    step = Running("count", leashed(SLEEP), {}, tmp_path)
    with pytest.raises(EmbeddedError, match="count was not done in time"):
        step.finish(timeout_s=0.2)
    assert is_gone(step.pid)


def test_a_log_grows_no_further_than_its_limit(tmp_path: Path) -> None:
    (tmp_path / "count.log").write_bytes(b"x" * 5_000_001)
    Running("count", ["/bin/true"], {}, tmp_path).finish(timeout_s=30)
    assert (tmp_path / "count.log").stat().st_size == 0
    assert (tmp_path / "count.log.1").stat().st_size == 5_000_001
