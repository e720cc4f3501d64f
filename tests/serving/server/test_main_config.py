"""The server as a process, with a config file."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.data import REPOSITORY
from tests.model_server import free_port
from tests.serving.server.asking import add


def start(*flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "serving.server", "--port=0", *flags],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )


def listing(base_path: Path, *names: str) -> str:
    models = "".join(
        f'config {{ name: "{name}" base_path: "{base_path}" '
        'model_platform: "tensorflow" }'
        for name in names
    )
    return f"model_config_list {{ {models} }}"


def is_available(port: int, name: str) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/v1/models/{name}") as answer:
            return b"AVAILABLE" in answer.read()
    except URLError:
        return False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("improper", "INVALID_ARGUMENT: Invalid protobuf file: '{path}'"),
        (
            listing(Path("models"), "m"),
            "INVALID_ARGUMENT: Expected model m to have an absolute path or URI",
        ),
    ],
    ids=["broken", "relative"],
)
def test_a_bad_config_file_is_one_clear_sentence_and_the_end(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "bad.config"
    path.write_text(text)
    with start(f"--model_config_file={path}") as process:
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert f"Failed to start server. Error: {words.format(path=path)}" in said
    assert "Traceback" not in said


def test_a_config_file_is_read_again(tmp_path: Path, echo_path: Path) -> None:
    path, port = tmp_path / "models.config", free_port()
    base_path = tmp_path / "echo"
    add(echo_path, base_path, 1)
    path.write_text(listing(base_path, "one"))
    with start(
        f"--model_config_file={path}",
        "--model_config_file_poll_wait_seconds=0.05",
        f"--rest_api_port={port}",
    ) as process:
        try:
            _await_model(process, port, "one")
            assert not is_available(port, "two")
            path.write_text(listing(base_path, "one", "two"))
            _await_model(process, port, "two")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

    assert process.returncode == 0


def _await_model(process: subprocess.Popen[str], port: int, name: str) -> None:
    deadline = time.monotonic() + 60
    while not is_available(port, name):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
