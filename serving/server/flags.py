"""TensorFlow Serving's command line, as far as it is supported.

`--name=value`, `--name value`; switches also as `--name=true`. The two flags that
TensorFlow Serving does not have say so.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

MAX_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the server was started with. A port of 0 leaves that API away."""

    port: int
    grpc_socket_path: str
    rest_api_port: int
    listen_address: str
    model_name: str
    model_base_path: Path
    file_system_poll_wait_seconds: float
    tensorflow_intra_op_parallelism: int
    tensorflow_inter_op_parallelism: int
    grpc_max_threads: int
    monitoring_config_file: str
    enable_serialization_as_tensor_content: bool
    enable_grpc_healthcheck_service: bool


def parse(arguments: list[str]) -> Flags:
    """Read the command line; a mistake is said on stderr and ends the process."""
    parser = argparse.ArgumentParser(prog="serving.server", allow_abbrev=False)
    for name, kind, default, words in (
        ("port", _port, 8500, "TCP port of the gRPC API; 0: none"),
        ("grpc_socket_path", str, "", "UNIX socket of the gRPC API"),
        ("rest_api_port", _port, 0, "TCP port of the REST API; 0: none"),
        (
            "listen_address",
            str,
            "127.0.0.1",
            "address to listen on (TensorFlow Serving has no such flag: 0.0.0.0)",
        ),
        ("model_name", str, "default", "name of the model"),
        ("model_base_path", _base_path, None, "folder with one folder per version"),
        (
            "file_system_poll_wait_seconds",
            float,
            1.0,
            "seconds between looks for versions; 0: look once",
        ),
        ("tensorflow_session_parallelism", _count, 0, "sets the two below"),
        ("tensorflow_intra_op_parallelism", _count, 0, "threads of one operation"),
        ("tensorflow_inter_op_parallelism", _count, 0, "operations at once"),
        (
            "grpc_max_threads",
            _count,
            16,
            "calls at once (a number of Python threads here)",
        ),
        (
            "monitoring_config_file",
            str,
            "",
            "text proto: show metrics on the REST port",
        ),
    ):
        parser.add_argument(
            f"--{name}",
            type=kind,
            default=default,
            help=words,
            required=default is None,
        )
    for name, words in (
        (
            "enable_serialization_as_tensor_content",
            "answer Predict in raw bytes, not in typed fields",
        ),
        ("enable_grpc_healthcheck_service", "answer grpc.health.v1.Health"),
    ):
        parser.add_argument(
            f"--{name}", type=_switch, nargs="?", const=True, default=False, help=words
        )
    chosen = vars(parser.parse_args(arguments))
    both = chosen.pop("tensorflow_session_parallelism")
    for name in ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism"):
        chosen[name] = chosen[name] or both
    return Flags(**chosen)


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= MAX_PORT:
        raise ValueError(text)
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError(text)
    return count


def _base_path(text: str) -> Path:
    if not text:
        raise ValueError(text)
    return Path(text)
