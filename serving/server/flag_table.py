"""Every flag of the command line: add new ones here, and a field to flags.Flags."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

MAX_PORT = 65535


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


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError(text)
    return seconds


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "1", "false", "0"):
        raise ValueError(text)
    return text.lower() in ("true", "1")


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _precision(text: str) -> str:
    if text not in ("", "bfloat16"):
        raise ValueError(text)
    return text


def _channel_arguments(text: str) -> tuple[tuple[str, int | str], ...]:
    pairs = [each.partition("=") for each in text.split(",") if each]
    if any(not name or not value for name, _, value in pairs):
        raise ValueError(text)
    return tuple(
        (name, int(value) if value.isdigit() else value) for name, _, value in pairs
    )


TYPE_NAMES: dict[Callable[[str], Any], str] = {
    str: "string",
    _path: "string",
    _precision: "string",
    _channel_arguments: "string",
    _switch: "bool",
    float: "float",
    _seconds: "float",
    int: "int64",
}


class Flag(NamedTuple):
    """One flag. kind: reads the text, raises ValueError if it is none."""

    name: str
    kind: Callable[[str], Any]
    default: Any
    words: str

    @property
    def is_switch(self) -> bool:
        """Whether the name alone means true."""
        return self.kind is _switch

    @property
    def type_name(self) -> str:
        """The type as TensorFlow's own help names it."""
        return TYPE_NAMES.get(self.kind, "int32")

    @property
    def written_default(self) -> str:
        """The default as TensorFlow's own help writes it."""
        if self.type_name == "string":
            return f'"{self.default or ""}"'
        return str(self.default).lower()


FLAGS = (
    Flag("port", _port, 8500, "TCP port of the gRPC API. None if zero."),
    Flag("grpc_socket_path", str, "", "UNIX socket of the gRPC API."),
    Flag("rest_api_port", _port, 0, "TCP port of the REST API. None if zero."),
    Flag(
        "listen_address",
        str,
        "127.0.0.1",
        "Address to listen on. TensorFlow Serving has no such flag: 0.0.0.0.",
    ),
    Flag(
        "model_config_file",
        _path,
        None,
        "A ModelServerConfig in protobuf's text format: the models to serve. "
        "(If used, --model_name, --model_base_path are ignored.)",
    ),
    Flag(
        "model_config_file_poll_wait_seconds",
        _seconds,
        0.0,
        "Seconds between two looks at --model_config_file. If zero, look once.",
    ),
    Flag("model_name", str, "default", "Name of the model."),
    Flag(
        "model_base_path",
        _path,
        None,
        "Folder with one folder per version, absolute "
        "(ignored if --model_config_file is set, otherwise required).",
    ),
    Flag(
        "allow_version_labels_for_unavailable_models",
        _switch,
        default=False,
        words="If true, a new label may name a version that is not available yet.",
    ),
    Flag(
        "max_num_load_retries",
        _count,
        5,
        "How often loading is tried again after the first failure.",
    ),
    Flag(
        "load_retry_interval_micros",
        int,
        60_000_000,
        "Microseconds from a failed load to the next try. If negative, none.",
    ),
    Flag(
        "file_system_poll_wait_seconds",
        _seconds,
        1.0,
        "Seconds between two looks for versions. If zero, look once.",
    ),
    Flag(
        "tensorflow_session_parallelism",
        _count,
        0,
        "Sets the two below. Zero: TensorFlow decides.",
    ),
    Flag("tensorflow_intra_op_parallelism", _count, 0, "Threads of one operation."),
    Flag("tensorflow_inter_op_parallelism", _count, 0, "Operations at once."),
    Flag(
        "grpc_max_threads",
        _count,
        16,
        "Calls at once: a number of Python threads here.",
    ),
    Flag(
        "enable_batching",
        _switch,
        default=False,
        words="If true, compute the requests of several callers in one run.",
    ),
    Flag(
        "batching_parameters_file",
        _path,
        None,
        "BatchingParameters in protobuf's text format.",
    ),
    Flag(
        "mixed_precision",
        _precision,
        "",
        "bfloat16: compute with half as many bits where that is faster.",
    ),
    Flag(
        "monitoring_config_file",
        str,
        "",
        "A MonitoringConfig in protobuf's text format: show metrics on the REST port.",
    ),
    Flag(
        "enable_serialization_as_tensor_content",
        _switch,
        default=False,
        words="If true, Predict answers numbers in raw bytes, not in typed fields.",
    ),
    Flag(
        "enable_grpc_healthcheck_service",
        _switch,
        default=False,
        words="Answer grpc.health.v1.Health too.",
    ),
    Flag(
        "ssl_config_file",
        _path,
        None,
        "An SSLConfig in protobuf's text format: encrypt the TCP port of the gRPC API.",
    ),
    Flag(
        "grpc_channel_arguments",
        _channel_arguments,
        (),
        "Of gRPC, by commas: grpc.max_connection_age_ms=2000,...",
    ),
    Flag("version", _switch, default=False, words="Display version."),
)

HERE = "Accepted, and without effect here."

IGNORED = (
    Flag("num_load_threads", _count, 0, HERE),
    Flag("num_unload_threads", _count, 0, HERE),
    Flag("flush_filesystem_caches", _switch, default=True, words=HERE),
    Flag(
        "remove_unused_fields_from_bundle_metagraph", _switch, default=True, words=HERE
    ),
    Flag("per_process_gpu_memory_fraction", float, 0.0, HERE),
    Flag("rest_api_num_threads", _count, 0, HERE),
    Flag("rest_api_timeout_in_ms", _count, 30_000, HERE),
)
