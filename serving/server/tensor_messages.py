"""Tensor messages of every dtype <-> numpy arrays.

Answers go into the typed fields, also for many elements: clients that others wrote
crash on tensor_content, or read nothing from it.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from serving.messages import TensorProto, TensorShapeProto, not_running
from serving.server.loader import Array
from serving.server.status import invalid

with not_running("tensorflow"):
    from tensorflow.python.framework.dtypes import as_dtype
    from tensorflow.python.framework.tensor_util import MakeNdarray

MAX_ELEMENTS = 2**31  # A message of a few bytes may claim any shape.

# A packed field of fixed-width numbers is the raw bytes behind a tag and a length.
PACKED_TAGS = {"float32": 0x2A, "float64": 0x32}  # float_val = 5, double_val = 6.

VARINT_BASE = 128  # Seven bits a byte; the eighth says that more follow.

FIELDS: dict[str, tuple[str, Callable[[Array], Any]]] = {
    "bool": ("bool_val", np.ndarray.tolist),
    "int8": ("int_val", np.ndarray.tolist),
    "int16": ("int_val", np.ndarray.tolist),
    "int32": ("int_val", np.ndarray.tolist),
    "uint8": ("int_val", np.ndarray.tolist),
    "uint16": ("int_val", np.ndarray.tolist),
    "uint32": ("uint32_val", np.ndarray.tolist),
    "int64": ("int64_val", np.ndarray.tolist),
    "uint64": ("uint64_val", np.ndarray.tolist),
    "string": ("string_val", np.ndarray.tolist),
    "float16": ("half_val", lambda array: array.view(np.uint16).tolist()),
    "bfloat16": ("half_val", lambda array: array.view(np.uint16).tolist()),
    "complex64": ("scomplex_val", lambda array: array.view(np.float32).tolist()),
    "complex128": ("dcomplex_val", lambda array: array.view(np.float64).tolist()),
}


def to_array(alias: str, message: TensorProto) -> Array:
    """Unpack a tensor. Raises StatusError if it is none."""
    shape = [dim.size for dim in message.tensor_shape.dim]
    if message.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise invalid(f"tensor parsing error: {alias}")
    if math.prod(shape) > MAX_ELEMENTS:
        raise invalid(f"tensor parsing error: {alias}")
    try:
        array: Array = MakeNdarray(message)
    except (TypeError, ValueError, KeyError) as error:
        raise invalid(f"tensor parsing error: {alias}") from error
    return array


def to_message(answer: Array) -> TensorProto:
    """Pack an answer into the typed field of its dtype."""
    array = np.asarray(answer)  # A scalar comes as numpy's scalar, a string as bytes.
    dtype = _dtype(array)
    flat = np.ascontiguousarray(array).ravel()
    message = TensorProto()
    tag = PACKED_TAGS.get(dtype.name)
    if tag is not None:
        raw = flat.tobytes()
        message.MergeFromString(bytes([tag]) + _varint(len(raw)) + raw)
    else:
        name, listed = FIELDS[dtype.name]
        getattr(message, name).extend(listed(flat))
    return _described(message, array)


def to_content_message(answer: Array) -> TensorProto:
    """Pack an answer as raw bytes: smaller and quicker than typed fields.

    Strings stay in their typed field, which every client reads. TensorFlow Serving
    packs them in an encoding that its own Python client cannot read.
    """
    array = np.asarray(answer)
    if _dtype(array).name == "string":
        return to_message(array)
    return _described(TensorProto(tensor_content=array.tobytes()), array)


def dtype_number(answer: Array) -> int:
    """The dtype's number in TensorFlow's DataType."""
    return int(_dtype(np.asarray(answer)).as_datatype_enum)


def dtype_name(answer: Array) -> str:
    """The dtype as TensorFlow names it: float32, string, ..."""
    return str(_dtype(np.asarray(answer)).name)


def _dtype(array: Array) -> Any:
    return as_dtype(np.object_ if array.dtype.kind == "S" else array.dtype)


def _described(message: TensorProto, array: Array) -> TensorProto:
    message.dtype = dtype_number(array)
    message.tensor_shape.CopyFrom(
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in array.shape])
    )
    return message


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= VARINT_BASE:
        written.append(number % VARINT_BASE + VARINT_BASE)
        number //= VARINT_BASE
    written.append(number)
    return bytes(written)
