"""JSON <-> tensors, in TensorFlow Serving's row and column formats.

The words are those of its util/json_tensor.cc.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from serving.server.json_elements import READERS, Elements, cpp_name, read_elements
from serving.server.json_values import (
    bad_format,
    bytes_text,
    float_texts,
    is_base64,
    quoted,
    signature_name,
    string_text,
)
from serving.server.loader import Array, Servable, Signature, TensorInfo
from serving.server.predict import DEFAULT_SIGNATURE, check_names, find_signature
from serving.server.status import StatusError, invalid
from serving.server.tensor_messages import dtype_name

BYTES_SUFFIX = "_bytes"


class Asked(NamedTuple):
    """A predict request: the tensors to feed, and the format to answer in."""

    signature: Signature
    feeds: dict[str, Array]
    by_row: bool


def read_request(asked: dict[str, Any], servable: Servable) -> Asked:
    """Read a predict request. Raises StatusError."""
    name = signature_name(asked)
    if (name or DEFAULT_SIGNATURE) not in servable.signatures:
        raise invalid(
            f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in '
            "signature def"
        )
    signature = find_signature(servable, name)
    if not signature.inputs:
        raise invalid(f"Failed to get input map for signature: {name or 'DEFAULT'}")
    if "instances" in asked and "inputs" in asked:
        raise bad_format(
            asked,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' "
            "keys to exist ",
        )
    if "instances" in asked:
        feeds = _from_rows(_rows_of(asked), signature)
    elif "inputs" in asked:
        feeds = _from_columns(asked["inputs"], signature)
    else:
        raise invalid("Missing 'inputs' or 'instances' key")
    return Asked(signature, feeds, "instances" in asked)


def _rows_of(asked: dict[str, Any]) -> list[Any]:
    rows = asked["instances"]
    if not isinstance(rows, list):
        raise bad_format(asked, "Excepting 'instances' to be an list/array")
    if not rows:
        raise bad_format(asked, "No values in 'instances' array")
    return rows


def _from_rows(rows: list[Any], signature: Signature) -> dict[str, Array]:
    """Turn a list of examples into one tensor per input."""
    if _is_object(rows[0]):
        return _from_named_rows(rows, signature)
    if len(signature.inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    for item, row in enumerate(rows):
        if _is_object(row):
            raise invalid(
                f"Expecting value/list but got object at item {item} of input list"
            )
    alias = next(iter(signature.inputs))
    return {alias: _stacked(rows, signature.inputs[alias], "")}


def _from_named_rows(rows: list[Any], signature: Signature) -> dict[str, Array]:
    needed = sorted(signature.inputs)
    for item, row in enumerate(rows):
        if not _is_object(row):
            raise invalid(f"Expecting object but got list at item {item} of input list")
        failed = f"Failed to process element: {item}"
        for alias in sorted(set(row) - set(needed)):
            raise invalid(
                f"{failed} key: {alias} of 'instances' list. Error: INVALID_ARGUMENT: "
                f"JSON object: does not have named input: {alias}"
            )
        if len(row) != len(needed):
            raise invalid(
                f"{failed} of 'instances' list. JSON object: {quoted(row)} must only "
                f"have keys: {','.join(needed)}"
            )
    return {
        alias: _stacked(
            [row[alias] for row in rows], signature.inputs[alias], f" key: {alias}"
        )
        for alias in needed
    }


def _stacked(values: list[Any], info: TensorInfo, key: str) -> Array:
    """Make one tensor of one value per row; all are of the shape of the first."""
    flat: list[Any] = []
    first: Elements | None = None
    for item, value in enumerate(values):
        try:
            elements = read_elements(value, info)
            first = first or elements
            _check_alike(first, elements)
        except StatusError as error:
            raise invalid(
                f"Failed to process element: {item}{key} of 'instances' list. Error: "
                f"{error.code.name}: {error.message}"
            ) from error
        flat += elements.flat
    shape = first.shape if first else ()
    return np.array(flat, info.numpy_dtype).reshape(len(values), *shape)


def _check_alike(first: Elements, other: Elements) -> None:
    if len(first.flat) != len(other.flat):
        raise invalid(
            f"Expecting tensor size: {len(first.flat)} but got: {len(other.flat)}"
        )
    if first.shape != other.shape:
        raise invalid(
            f"Expecting shape {_shape_text(first)} but got: {_shape_text(other)}"
        )


def _shape_text(elements: Elements) -> str:
    return f"[{','.join(map(str, elements.shape))}]"


def _from_columns(columns: Any, signature: Signature) -> dict[str, Array]:
    if not _is_object(columns):
        if len(signature.inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        columns = {next(iter(signature.inputs)): columns}
    for alias in signature.inputs:
        if alias not in columns:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")
    check_names(signature, columns)  # TensorFlow Serving ignores what is too much.
    return {
        alias: _packed(read_elements(columns[alias], info), info)
        for alias, info in signature.inputs.items()
    }


def _packed(elements: Elements, info: TensorInfo) -> Array:
    return np.array(elements.flat, info.numpy_dtype).reshape(elements.shape)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def write_answer(outputs: Mapping[str, Array], *, by_row: bool) -> str:
    """Write the answer to a predict request. Raises StatusError."""
    texts = {name: _texts(name, np.asarray(array)) for name, array in outputs.items()}
    if by_row:
        return wrapped("predictions", _rows(texts))
    if len(texts) == 1:
        return wrapped("outputs", joined(next(iter(texts.values())).tolist()))
    return wrapped("outputs", _object(texts))


def _rows(texts: Mapping[str, Array]) -> str:
    """One value or object per example. Raises StatusError if they do not line up."""
    count = _batch_size(texts)
    if len(texts) == 1:
        return joined(next(iter(texts.values())).tolist())
    return joined(
        [
            _object({name: array[row] for name, array in texts.items()})
            for row in range(count)
        ]
    )


def _batch_size(texts: Mapping[str, Array]) -> int:
    expected = 0
    for name, array in texts.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if not len(array):
            raise invalid(f"Tensor name: {name} has invalid batch size: 0")
        if expected not in (0, len(array)):
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {expected}"
            )
        expected = len(array)
    return expected


def _texts(name: str, array: Array) -> Array:
    """Write every element. Raises StatusError for a dtype that has no JSON."""
    dtype = dtype_name(array)
    if dtype not in READERS:
        raise invalid(f"Failed to write JSON value for tensor type: {cpp_name(dtype)}")
    kind = array.dtype.kind
    if kind == "b":
        return np.where(array, "true", "false")
    if kind in "iu":
        return array.astype(str)
    if kind == "f":
        return float_texts(array)
    write = bytes_text if name.endswith(BYTES_SUFFIX) else string_text
    flat = [write(value) for value in array.ravel().tolist()]
    return np.array(flat, object).reshape(array.shape)


def joined(nested: Any) -> str:
    """Write texts in lists, or lists of lists, as JSON."""
    if isinstance(nested, str):
        return nested
    return f"[{', '.join(joined(part) for part in nested)}]"


def _object(texts: Mapping[str, Array]) -> str:
    members = ",\n".join(
        f"        {json.dumps(name)}: {joined(np.asarray(array).tolist())}"
        for name, array in texts.items()
    )
    return f"{{\n{members}\n    }}"


def wrapped(key: str, text: str) -> str:
    """Write an object with one member."""
    return f'{{\n    "{key}": {text}\n}}'
