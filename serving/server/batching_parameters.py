"""How requests are joined into batches, as --batching_parameters_file says it.

A text protobuf of BatchingParameters (tensorflow_serving/servables/tensorflow/
session_bundle_config.proto), which tensorflow-serving-api does not ship. The checks are
those of bundle_factory_util.h and shared_batch_scheduler.h.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf import text_format, wrappers_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE, MESSAGE = "tensorflow.serving", "BatchingParameters"
INT64, STRING, BOOL = (
    f".google.protobuf.{kind}Value" for kind in ("Int64", "String", "Bool")
)
WRAPPED = {
    "max_batch_size": (1, INT64),
    "batch_timeout_micros": (2, INT64),
    "max_enqueued_batches": (3, INT64),
    "num_batch_threads": (4, INT64),
    "thread_pool_name": (5, STRING),
    "enable_large_batch_splitting": (8, BOOL),
    "max_execution_batch_size": (9, INT64),
}


class BatchingParametersError(Exception):
    """No batches can be made by these; another file is needed."""


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """Sizes are rows of a request's tensors, along their first dimension.

    num_batch_threads: TensorFlow Serving takes as many as there are cores. Here one
    call is computed at a time, and a second thread would only close batches too early.
    max_execution_batch_size: of what large requests are split into.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = 1
    thread_pool_name: str = "model_server_batch_threads"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 1000

    def __post_init__(self) -> None:
        """Raise BatchingParametersError for what TensorFlow Serving refuses."""
        for name in ("num_batch_threads", "max_batch_size", "max_enqueued_batches"):
            if getattr(self, name) < 1:
                raise BatchingParametersError(
                    f"{name} must be positive; was {getattr(self, name)}"
                )
        if self.batch_timeout_micros < 0:
            raise BatchingParametersError(
                "batch_timeout_micros must be non-negative; "
                f"was {self.batch_timeout_micros}"
            )
        if not 1 <= self.max_execution_batch_size <= self.max_batch_size:
            raise BatchingParametersError(
                "When enable_large_batch_splitting is true, input_batch_size_limit "
                "must be greater than or equal to max_execution_batch_size."
            )
        _check_allowed(self.allowed_batch_sizes, self.max_execution_batch_size)


def read_parameters(path: Path) -> BatchingParameters:
    """Read the file. Raises BatchingParametersError."""
    try:
        parsed: Any = text_format.Parse(path.read_text(encoding="utf-8"), _message()())
    except OSError as error:
        raise BatchingParametersError(f"{path}; {error.strerror}") from error
    except (text_format.ParseError, ValueError) as error:
        raise BatchingParametersError(
            f"Invalid protobuf file: '{path}': {error}"
        ) from error
    said = {
        name: getattr(parsed, name).value for name in WRAPPED if parsed.HasField(name)
    }
    splits = said.get("enable_large_batch_splitting", False)
    largest = said.get("max_batch_size", BatchingParameters.max_batch_size)
    if not splits or "max_execution_batch_size" not in said:
        said["max_execution_batch_size"] = largest
    if not splits and said.get("max_enqueued_batches") == 0:
        said["max_enqueued_batches"] = 1  # As shared_batch_scheduler.h does.
    return BatchingParameters(
        **said,
        allowed_batch_sizes=tuple(parsed.allowed_batch_sizes),
        pad_variable_length_inputs=parsed.pad_variable_length_inputs,
    )


def _check_allowed(sizes: tuple[int, ...], largest: int) -> None:
    if any(size >= later for size, later in pairwise(sizes)):
        raise BatchingParametersError(
            "allowed_batch_sizes entries must be monotonically increasing"
        )
    if sizes and sizes[-1] != largest:
        raise BatchingParametersError(
            "Last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {sizes[-1]}; expected {largest}"
        )


def _message() -> type[Any]:
    """The message's class, from its description."""
    file = FileDescriptorProto(
        name="batching_parameters.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    fields = file.message_type.add(name=MESSAGE).field
    one, many = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
    for name, (number, kind) in WRAPPED.items():
        fields.add(name=name, number=number, label=one, type=11, type_name=kind)
    fields.add(name="allowed_batch_sizes", number=6, label=many, type=3)
    fields.add(name="pad_variable_length_inputs", number=7, label=one, type=8)
    pool = DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{MESSAGE}"))
