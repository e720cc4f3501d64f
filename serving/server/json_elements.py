"""JSON -> one tensor: its shape, and its elements in order.

As TensorFlow Serving's util/json_tensor.cc, and in its words: the shape is that of
the first elements, and everything else has to fit it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from grpc import StatusCode

from serving.server.json_values import (
    bad_format,
    decode_base64,
    is_base64,
    quoted,
    type_name,
)
from serving.server.loader import TensorInfo
from serving.server.status import StatusError, invalid

# What TensorFlow's C++ calls a dtype, where Python calls it otherwise.
CPP_NAMES = {"float32": "float", "float64": "double", "float16": "half"}

MAX_RANK = 63  # numpy's, less the dimension that makes a batch of rows.
EXACT = {"float32": 2**24 - 1, "float64": 2**53 - 1}  # Whole numbers up to here.
FINITE = {name: float(np.finfo(name).max) for name in EXACT}
INTEGERS = {
    name: range(int(np.iinfo(name).min), int(np.iinfo(name).max) + 1)
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")
}


class Elements(NamedTuple):
    """A tensor that is not packed yet."""

    shape: tuple[int, ...]
    flat: list[Any]


def read_elements(value: Any, info: TensorInfo) -> Elements:
    """Read a value, list or list of lists. Raises StatusError."""
    shape = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    if len(shape) > MAX_RANK:
        raise invalid(f"Encountered {len(shape)} lists in each other: too many")
    elements = Elements(tuple(shape), [])
    _fill(elements, value, 0, info.dtype_name)
    return elements


def cpp_name(dtype_name: str) -> str:
    """A dtype as TensorFlow's C++ calls it."""
    return CPP_NAMES.get(dtype_name, dtype_name)


def _fill(elements: Elements, value: Any, level: int, dtype: str) -> None:
    rank = len(elements.shape)
    if not isinstance(value, list):
        if level != rank:
            raise bad_format(
                value,
                f"found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {rank}",
            )
        elements.flat.append(_element(value, dtype))
        return
    if level >= rank:
        raise invalid(
            f"Encountered list at unexpected level: {level} expected < {rank}"
        )
    if len(value) != elements.shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {elements.shape[level]}"
        )
    for part in value:
        _fill(elements, part, level + 1, dtype)


def _element(value: Any, dtype: str) -> Any:
    read = READERS.get(dtype)
    if read is None:
        raise StatusError(
            StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {quoted(value)} to type: {cpp_name(dtype)}",
        )
    return read(value, dtype)


def _wrong_type(value: Any, dtype: str) -> StatusError:
    return bad_format(
        value,
        f"Type: {type_name(value)} is not of expected type: {cpp_name(dtype)}",
    )


def _float(value: Any, dtype: str) -> Any:
    if type(value) not in (int, float):
        raise _wrong_type(value, dtype)
    largest = EXACT[dtype] if type(value) is int else FINITE[dtype]
    if abs(value) > largest and abs(value) != np.inf:
        raise invalid(
            f"Cannot convert JSON value: {quoted(value)} to {cpp_name(dtype)} without "
            "loss of precision."
        )
    return value


def _integer(value: Any, dtype: str) -> Any:
    if type(value) is not int or value not in INTEGERS[dtype]:
        raise _wrong_type(value, dtype)
    return value


def _bool(value: Any, dtype: str) -> Any:
    if not isinstance(value, bool):
        raise _wrong_type(value, dtype)
    return value


def _string(value: Any, dtype: str) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace")
    if is_base64(value):
        return decode_base64(value)
    if isinstance(value, dict):
        raise bad_format(value, "not formatted correctly for base64 data")
    raise _wrong_type(value, dtype)


READERS: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(FINITE, _float),
    **dict.fromkeys(INTEGERS, _integer),
    "bool": _bool,
    "string": _string,
}
