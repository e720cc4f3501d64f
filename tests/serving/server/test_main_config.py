"""The server as a process, with a config file."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import grpc
from google.protobuf import text_format

from serving.messages import (
    HANDLE_RELOAD_CONFIG,
    ModelServerConfig,
    ReloadConfigRequest,
    ReloadConfigResponse,
)
from tests.data import REPOSITORY
from tests.model_server import free_port
from tests.serving.server.placing import add


def start(*flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "serving.server", *flags],
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


def test_a_bad_config_file_is_one_clear_sentence_and_the_end(tmp_path: Path) -> None:
    path = tmp_path / "bad.config"
    path.write_text("improper")
    with start("--port=0", f"--model_config_file={path}") as process:
        _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert (
        "Failed to start server. Error: INVALID_ARGUMENT: "
        f"Invalid protobuf file: '{path}'"
    ) in said
    assert "Traceback" not in said


def test_a_config_file_is_read_again(tmp_path: Path, echo_path: Path) -> None:
    path, port = tmp_path / "models.config", free_port()
    base_path = tmp_path / "echo"
    add(echo_path, base_path, 1)
    path.write_text(listing(base_path, "one"))
    with start(
        "--port=0",
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


def test_a_server_without_models_takes_a_config(
    tmp_path: Path, echo_path: Path
) -> None:
    path, port, rest_port = tmp_path / "models.config", free_port(), free_port()
    add(echo_path, tmp_path / "echo", 1)
    path.touch()
    config = text_format.Parse(listing(tmp_path / "echo", "one"), ModelServerConfig())
    with (
        start(
            f"--port={port}",
            f"--rest_api_port={rest_port}",
            f"--model_config_file={path}",
        ) as process,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        try:
            channel.unary_unary(
                HANDLE_RELOAD_CONFIG,
                request_serializer=ReloadConfigRequest.SerializeToString,
                response_deserializer=ReloadConfigResponse.FromString,
            )(ReloadConfigRequest(config=config), timeout=60, wait_for_ready=True)
            assert is_available(rest_port, "one")
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
