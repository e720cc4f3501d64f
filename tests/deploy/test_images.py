"""The Dockerfile, its locks, and the check that keeps a worker alive."""

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from tests.data import REPOSITORY
from tests.deploy.sources import is_pinned, pins, stages

TARGETS = ("web", "worker", "serving")
LOCKS = ("web.txt", "worker.txt", "serving.txt", "frontend.txt")
ALIVE = REPOSITORY / "worker" / "alive.sh"


def version() -> str:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return str(project["version"])


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_a_numbered_user_and_says_how_it_is(target: str) -> None:
    stage = stages()[target]
    assert stage.user.split(":")[0].isdecimal()
    assert int(stage.user.split(":")[0]) > 0
    assert stage.words("HEALTHCHECK")
    assert stage.words("CMD")[-1].startswith("[")  # Process 1 hears SIGTERM itself.


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_installed_where_an_image_runs(target: str) -> None:
    installing = ("pip", "npm", "apt-get", "${INSTALL}")
    for command in stages()[target].words("RUN"):
        assert not any(word in command for word in installing)


def test_every_package_is_installed_by_its_hash() -> None:
    all_stages = stages()
    assert "--require-hashes" in (REPOSITORY / "Dockerfile").read_text()
    for lock in LOCKS:
        users = [
            name
            for name, stage in all_stages.items()
            if f"${{INSTALL}} requirements/{lock}" in stage.words("RUN")
        ]
        assert users, lock
    frontend = all_stages["frontend"].words("RUN")
    assert any("npm ci" in command for command in frontend)


def test_what_an_image_is_built_on_is_pinned() -> None:
    all_stages = stages()
    for stage in all_stages.values():
        assert stage.base in all_stages or is_pinned(stage.base), stage.base


def test_the_images_say_the_version_of_the_project() -> None:
    for target in TARGETS:
        label = " ".join(stages()[target].words("LABEL"))
        assert f"org.opencontainers.image.version={version()}" in label


@pytest.mark.parametrize("lock", LOCKS)
def test_an_image_holds_the_versions_that_make_run_holds(lock: str) -> None:
    folder = REPOSITORY / "requirements"
    everything = pins(folder / "run.txt")
    inside = pins(folder / lock)
    assert inside
    for name, pinned in inside.items():
        assert everything[name].split()[0] == pinned.split()[0]
    assert "://" not in (folder / lock).read_text()


def test_the_web_and_the_worker_install_no_tensorflow() -> None:
    for lock in ("web.txt", "worker.txt"):
        inside = pins(REPOSITORY / "requirements" / lock)
        assert "tensorflow-cpu" not in inside
        assert "never" in inside.get("tensorflow", "never")


def test_only_named_folders_reach_the_build() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert allowed.isdisjoint({".env", ".git", "var", "k8s", "tests", ".venv"})
    for rule in allowed:
        assert (REPOSITORY / rule).exists(), rule


@pytest.fixture
def loop() -> Iterator[subprocess.Popen[bytes]]:
    """A process that wakes up twice a second."""
    script = "import time\nwhile True: time.sleep(0.5)"
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        yield process
        process.kill()


def test_a_loop_that_turns_is_alive_and_a_frozen_one_is_not(
    loop: subprocess.Popen[bytes],
) -> None:
    check = ["sh", str(ALIVE), str(loop.pid)]
    assert subprocess.run(check, check=False, timeout=30).returncode == 0
    loop.send_signal(signal.SIGSTOP)
    os.waitpid(loop.pid, os.WUNTRACED)  # Until it has stopped.
    assert subprocess.run(check, check=False, timeout=30).returncode == 1
