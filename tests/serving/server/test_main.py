"""The server as a process: how it starts, changes versions and ends."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil
import pytest

from serving.client import ServingClient
from serving.errors import ServingBrokenError, ServingError, ServingVersionGoneError
from tests.data import REPOSITORY
from tests.model_server import MODEL, ModelServer


def asker(server: ModelServer) -> ServingClient:
    return ServingClient(server.address, MODEL, timeout_s=30, connect_timeout_s=1)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_log(server: ModelServer, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in (server.log.read_text() if server.log.exists() else ""):
        assert time.monotonic() < deadline, server.log.read_text()
        assert server.returncode() is None, server.log.read_text()
        time.sleep(0.02)


def wait_until_computing(server: ModelServer) -> None:
    """Return when the server has begun to use the processor."""
    process = psutil.Process(server.pid)
    before_s = process.cpu_times().user
    while process.cpu_times().user - before_s < 0.05:
        time.sleep(0.001)


def ended(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serving.server", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def base_path(tmp_path: Path, exported: Path) -> Path:
    """A folder of its own with version 1 of the tiny model."""
    base_path = tmp_path / MODEL
    shutil.copytree(exported / "1", base_path / "1")
    return base_path


def put(exported: Path, base_path: Path, version: int) -> None:
    """Add a version as an exporter does: whole, by renaming."""
    shutil.copytree(exported / str(version), base_path / ".writing")
    (base_path / ".writing").rename(base_path / str(version))


def test_versions_change_while_every_request_is_answered(
    base_path: Path, exported: Path
) -> None:
    answered: list[int] = []
    failed: list[ServingError] = []
    ending = threading.Event()

    def ask() -> None:
        with asker(server) as client:
            while not ending.is_set():
                try:
                    answered.append(client.describe().version)
                except ServingError as error:
                    failed.append(error)

    with ModelServer(
        base_path, MODEL, "--file_system_poll_wait_seconds=0.05"
    ) as server:
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        put(exported, base_path, 2)
        wait_for_log(server, "Unloaded tiny-mil version 1")
        ending.set()
        for thread in threads:
            thread.join()
        with asker(server) as client, pytest.raises(ServingVersionGoneError):
            client.describe(version=1)
    assert failed == []
    assert set(answered) == {1, 2}


def test_a_half_written_version_is_not_served(base_path: Path, exported: Path) -> None:
    with ModelServer(
        base_path,
        MODEL,
        "--file_system_poll_wait_seconds=0.05",
        "--max_num_load_retries=0",
    ) as server:
        (base_path / "2").mkdir()
        whole = (exported / "2" / "saved_model.pb").read_bytes()
        (base_path / "2" / "saved_model.pb").write_bytes(whole)  # No variables yet.
        wait_for_log(server, "Cannot load tiny-mil version 2")
        with asker(server) as client:
            assert client.describe().version == 1
        url = f"http://127.0.0.1:{server.rest_port}/v1/models/{MODEL}"
        with urlopen(url) as answer:
            newest, served = json.load(answer)["model_version_status"]
        assert (newest["version"], newest["state"]) == ("2", "END")
        assert newest["status"]["error_code"] == "UNKNOWN"
        assert (served["version"], served["state"]) == ("1", "AVAILABLE")


def test_an_empty_base_path_is_waited_for_with_closed_ports(
    tmp_path: Path, exported: Path
) -> None:
    base_path = tmp_path / MODEL
    base_path.mkdir()
    server = ModelServer(base_path, MODEL, "--file_system_poll_wait_seconds=0.05")
    server.start(wait_s=0)
    try:
        wait_for_log(server, "No versions yet")
        assert not listens(server.port)
        assert not listens(server.rest_port)
        put(exported, base_path, 1)
        server.wait_until_available()
    finally:
        server.stop(signal.SIGKILL)


def test_a_server_that_waits_for_its_model_can_be_ended(tmp_path: Path) -> None:
    server = ModelServer(tmp_path / MODEL)
    server.start(wait_s=0)
    try:
        wait_for_log(server, "No versions yet")
    finally:
        server.stop(signal.SIGTERM)

    assert server.returncode() == 0


def test_sigterm_answers_what_was_asked(base_path: Path) -> None:
    with ModelServer(base_path) as server, asker(server) as client:
        side = client.describe().contract.tile_side_px
        tiles = np.zeros((2000, side, side, 3), np.uint8)
        answers: list[np.ndarray] = []
        asking = threading.Thread(
            target=lambda: answers.append(client.embed(tiles, version=1))
        )
        asking.start()
        wait_until_computing(server)
        assert asking.is_alive()
        server.send(signal.SIGTERM)
        asking.join()
        assert server.wait() == 0
    assert [len(answer) for answer in answers] == [2000]


def test_a_second_sigterm_ends_at_once(base_path: Path) -> None:
    with ModelServer(base_path) as server, asker(server) as client:
        side = client.describe().contract.tile_side_px
        tiles = np.zeros((8000, side, side, 3), np.uint8)
        failed: list[ServingError] = []

        def ask() -> None:
            try:
                client.embed(tiles, version=1)
            except ServingError as error:
                failed.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until_computing(server)
        server.send(signal.SIGTERM)
        wait_for_log(server, "Ending")
        server.send(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
        asking.join()
    assert [type(error) for error in failed] == [ServingBrokenError]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_running(base_path: Path, number: signal.Signals) -> None:
    with ModelServer(base_path) as server:
        family = [psutil.Process(server.pid)]
        family += family[0].children(recursive=True)
        server.stop(number)
        _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert not listens(server.port)
    assert not listens(server.rest_port)


def test_a_taken_port_is_one_clear_sentence(base_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = ended([f"--port={port}", f"--model_base_path={base_path}"])

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_cannot_be_loaded_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"half")
    done = ended(
        ["--port=0", "--max_num_load_retries=0", f"--model_base_path={tmp_path}"]
    )

    assert done.returncode == 1
    assert (
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become "
        "available: {{{name: default version: 1} due to error: UNKNOWN: 1: "
    ) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_log_is_quiet(base_path: Path) -> None:
    with ModelServer(base_path) as server:
        with asker(server) as client:
            client.describe()
        server.stop()
    ours = [line for line in server.log.read_text().splitlines() if " INFO " in line]
    others = len(server.log.read_text().splitlines()) - len(ours)
    assert len(ours) == 5
    assert others <= 2  # What TensorFlow says before anybody can silence it.
