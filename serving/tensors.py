"""numpy arrays <-> tensor messages, checked against what the contract promises.

Only what its signatures use: uint8, int32 and float32 arrays, and a string.
"""

import math
from typing import Any

import numpy as np

from serving.contract import TensorSpec
from serving.errors import ServingRejectedError
from serving.messages import DataType, TensorProto, TensorShapeProto

Array = np.ndarray[Any, Any]

FLOAT32_BYTES = 4
TENSOR_MAX_BYTES = 256 * 1024**2  # Of one batch: a thousand tiles of 256 px.

NUMPY_DTYPES: dict[str, Any] = {
    "uint8": np.uint8,
    "int32": np.int32,
    "float32": np.float32,
}
MESSAGE_DTYPES = {
    "uint8": DataType.Value("DT_UINT8"),
    "int32": DataType.Value("DT_INT32"),
    "float32": DataType.Value("DT_FLOAT"),
    "string": DataType.Value("DT_STRING"),
}


def to_message(array: Array, spec: TensorSpec) -> TensorProto:
    """Pack the raw bytes. Raises ServingRejectedError if not of dtype and shape."""
    if array.dtype != NUMPY_DTYPES[spec.dtype] or not _fits(array.shape, spec):
        raise ServingRejectedError(
            f"not asked: {array.dtype} {array.shape}, "
            f"where the model takes {spec.dtype} {spec.shape}"
        )
    if array.nbytes > TENSOR_MAX_BYTES:
        raise ServingRejectedError(f"not asked: {array.nbytes} bytes in one call")
    shape = TensorShapeProto(
        dim=[TensorShapeProto.Dim(size=size) for size in array.shape]
    )
    return TensorProto(
        dtype=MESSAGE_DTYPES[spec.dtype],
        tensor_shape=shape,
        tensor_content=array.tobytes(),
    )


def from_message(message: TensorProto, spec: TensorSpec) -> Array:
    """Unpack finite float32 numbers. Raises ServingRejectedError for all else."""
    shape = _checked_shape(message, spec)
    count = math.prod(shape)
    if message.tensor_content:
        if len(message.tensor_content) != count * FLOAT32_BYTES:
            raise ServingRejectedError(
                f"{len(message.tensor_content)} bytes answered for {shape}"
            )
        numbers = np.frombuffer(message.tensor_content, "<f4")
    else:
        numbers = np.fromiter(message.float_val, np.float32)
    if numbers.size != count:
        raise ServingRejectedError(f"{numbers.size} numbers answered for {shape}")
    if not np.isfinite(numbers).all():
        raise ServingRejectedError("NaN or infinity in the answer")
    return numbers.reshape(shape)


def string_from_message(message: TensorProto, spec: TensorSpec) -> bytes:
    """Unpack the one string. Raises ServingRejectedError for all else."""
    _checked_shape(message, spec)
    if len(message.string_val) != 1:
        raise ServingRejectedError(f"{len(message.string_val)} strings in the answer")
    return bytes(message.string_val[0])


def _checked_shape(message: TensorProto, spec: TensorSpec) -> tuple[int, ...]:
    shape = tuple(dim.size for dim in message.tensor_shape.dim)
    if message.dtype != MESSAGE_DTYPES[spec.dtype] or not _fits(shape, spec):
        raise ServingRejectedError(
            f"answered with {DataType.Name(message.dtype)} {shape}, "
            f"where {spec.dtype} {spec.shape} was promised"
        )
    return shape


def _fits(shape: tuple[int, ...], spec: TensorSpec) -> bool:
    return len(shape) == len(spec.shape) and all(
        size == promised or (promised is None and size > 0)
        for size, promised in zip(shape, spec.shape, strict=True)
    )
