"""TensorFlow Serving's command line, as far as it is supported.

`--name=value`, `--name value`; switches also as `--name=true`. The two flags that
TensorFlow Serving does not have say so.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from serving.server.batching_parameters import (
    BatchingParameters,
    BatchingParametersError,
    read_parameters,
)

MAX_PORT = 65535
BFLOAT16 = "bfloat16"


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the server was started with. A port of 0 leaves that API away.

    batching: None unless requests are to be joined.
    """

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
    batching: BatchingParameters | None
    bfloat16: bool


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
    ):
        parser.add_argument(
            f"--{name}",
            type=kind,
            default=default,
            help=words,
            required=default is None,
        )
    _add_batching(parser)
    parser.add_argument(
        "--mixed_precision",
        default="",
        choices=["", BFLOAT16],
        help="bfloat16: compute with half as many bits where that is faster",
    )
    chosen = vars(parser.parse_args(arguments))
    try:
        chosen["batching"] = _batching(
            is_enabled=chosen.pop("enable_batching"),
            file=chosen.pop("batching_parameters_file"),
        )
    except BatchingParametersError as error:
        parser.error(str(error))
    both = chosen.pop("tensorflow_session_parallelism")
    for name in ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism"):
        chosen[name] = chosen[name] or both
    chosen["bfloat16"] = chosen.pop("mixed_precision") == BFLOAT16
    return Flags(**chosen)


def _add_batching(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--enable_batching",
        nargs="?",
        const=True,
        default=False,
        type=_switch,
        help="compute the requests of several callers in one run",
    )
    parser.add_argument(
        "--batching_parameters_file",
        default="",
        help="text protobuf of BatchingParameters",
    )


def _batching(*, is_enabled: bool, file: str) -> BatchingParameters | None:
    if file and not is_enabled:
        raise BatchingParametersError(
            "server_options.batching_parameters_file is set without setting "
            "server_options.enable_batching to true."
        )
    if not is_enabled:
        return None
    return read_parameters(Path(file)) if file else BatchingParameters()


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


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
