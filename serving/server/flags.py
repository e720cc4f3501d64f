"""TensorFlow Serving's command line, as far as it is supported.

`--name=value`, `--name value`; switches also as `--name` alone. The names, defaults
and, in short, the words are those of model_servers/main.cc; the one flag that
TensorFlow Serving does not have says so.
"""

import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from serving.server.batching_parameters import (
    BatchingParameters,
    BatchingParametersError,
    read_parameters,
)
from serving.server.flag_table import FLAGS, IGNORED

BFLOAT16 = "bfloat16"


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the server was started with. A port of 0 leaves that API away.

    The fields have the names of the flags in flag_table.
    batching: None unless requests are to be joined.
    """

    port: int
    grpc_socket_path: str
    rest_api_port: int
    listen_address: str
    model_config_file: Path | None
    model_config_file_poll_wait_seconds: float
    model_name: str
    model_base_path: Path | None
    allow_version_labels_for_unavailable_models: bool
    max_num_load_retries: int
    load_retry_interval_micros: int
    file_system_poll_wait_seconds: float
    tensorflow_intra_op_parallelism: int
    tensorflow_inter_op_parallelism: int
    grpc_max_threads: int
    monitoring_config_file: str
    enable_serialization_as_tensor_content: bool
    enable_grpc_healthcheck_service: bool
    ssl_config_file: Path | None
    grpc_channel_arguments: tuple[tuple[str, int | str], ...]
    batching: BatchingParameters | None
    bfloat16: bool


def parse(arguments: list[str]) -> Flags:
    """Read the command line; a mistake is said on stderr and ends the process."""
    parser = _parser()
    chosen = vars(parser.parse_args(arguments))
    if chosen.pop("version"):
        sys.stdout.write(_versions())
        sys.exit(0)
    for flag in IGNORED:
        del chosen[flag.name]
    if not chosen["model_config_file"] and not chosen["model_base_path"]:
        parser.error("Both --model_base_path and --model_config_file are empty!")
    _set_both(chosen)
    try:
        chosen["batching"] = _batching(
            is_enabled=chosen.pop("enable_batching"),
            file=chosen.pop("batching_parameters_file"),
        )
    except BatchingParametersError as error:
        parser.error(str(error))
    chosen["bfloat16"] = chosen.pop("mixed_precision") == BFLOAT16
    return Flags(**chosen)


def _batching(*, is_enabled: bool, file: Path | None) -> BatchingParameters | None:
    if file and not is_enabled:
        raise BatchingParametersError(
            "server_options.batching_parameters_file is set without setting "
            "server_options.enable_batching to true."
        )
    if not is_enabled:
        return None
    return read_parameters(file) if file else BatchingParameters()


def _set_both(chosen: dict[str, Any]) -> None:
    both = chosen.pop("tensorflow_session_parallelism")
    for name in ("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism"):
        chosen[name] = chosen[name] or both


def _versions() -> str:
    return (
        f"TensorFlow ModelServer: {version('tensorflow-serving-api')} (stand-in)\n"
        f"TensorFlow Library: {version('tensorflow-cpu')}\n"
    )


class _Parser(ArgumentParser):
    """Helps as the real server does."""

    def format_help(self) -> str:
        lines = [
            f"\t--{flag.name}={flag.written_default}".ljust(40)
            + f"\t{flag.type_name}\t{flag.words}"
            for flag in (*FLAGS, *IGNORED)
        ]
        return "\n".join([f"usage: {self.prog}", "Flags:", *lines]) + "\n"


def _parser() -> ArgumentParser:
    parser = _Parser(prog="serving.server", usage="%(prog)s", allow_abbrev=False)
    for flag in (*FLAGS, *IGNORED):
        switch: dict[str, Any] = {"nargs": "?", "const": True} if flag.is_switch else {}
        parser.add_argument(
            f"--{flag.name}", type=flag.kind, default=flag.default, **switch
        )
    return parser
