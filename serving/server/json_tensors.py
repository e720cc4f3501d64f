"""JSON <-> tensors, in TensorFlow Serving's row and column formats."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from serving.server.loader import Array, Servable, Signature, TensorInfo
from serving.server.predict import check_names, find_signature
from serving.server.status import invalid

B64 = "b64"
BYTES_SUFFIX = "_bytes"


class Asked(NamedTuple):
    """A predict request: the tensors to feed, and the format to answer in."""

    signature: Signature
    feeds: dict[str, Array]
    by_row: bool


def read_request(body: bytes, servable: Servable) -> Asked:
    """Read the body of a predict request. Raises StatusError."""
    asked = _parse(body)
    name = asked.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid("'signature_name' key must be a string value.")
    if "instances" in asked and "inputs" in asked:
        raise invalid("Request has both 'inputs' and 'instances' keys: give one")
    if "instances" not in asked and "inputs" not in asked:
        raise invalid("Missing 'inputs' or 'instances' key")
    signature = find_signature(servable, name)
    by_row = "instances" in asked
    columns = (
        _from_rows(asked["instances"], signature)
        if by_row
        else _from_columns(asked["inputs"], signature)
    )
    feeds = {
        alias: _array(alias, value, signature.inputs[alias])
        for alias, value in columns.items()
    }
    return Asked(signature, feeds, by_row)


def _parse(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise invalid("JSON Parse error: The document is empty")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(asked, dict):
        raise invalid("Request JSON object must be an object")
    return asked


def _from_rows(rows: Any, signature: Signature) -> dict[str, Any]:
    """Turn a list of examples into one list per input."""
    if not isinstance(rows, list):
        raise invalid("'instances' key must be a list")
    if not rows:
        raise invalid("'instances' key is an empty list: no examples")
    named = [_is_object(row) for row in rows]
    if not any(named):
        return {_only_input(signature): rows}
    if not all(named):
        raise invalid("'instances' must be all values, or all objects")
    for row in rows:
        check_names(signature, row)
    return {alias: [row[alias] for row in rows] for alias in signature.inputs}


def _from_columns(columns: Any, signature: Signature) -> dict[str, Any]:
    if not _is_object(columns):
        return {_only_input(signature): columns}
    check_names(signature, columns)
    return {alias: columns[alias] for alias in signature.inputs}


def _only_input(signature: Signature) -> str:
    if len(signature.inputs) != 1:
        raise invalid(
            "A plain value or list takes a signature with one input; this one has "
            f"{len(signature.inputs)}: name them"
        )
    return next(iter(signature.inputs))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and set(value) != {B64}


def _array(alias: str, value: Any, info: TensorInfo) -> Array:
    """Make the tensor of an input. Raises StatusError if ragged or of wrong type."""
    dtype = info.numpy_dtype
    try:
        shape = _shape(value)
        flat: list[Any] = []
        _flatten(value, shape, np.dtype(dtype).kind, flat)
        return np.array(flat, dtype).reshape(shape)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise invalid(
            f"JSON Value for {alias} is no {info.dtype_name} tensor: {error}"
        ) from error


def _shape(value: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _flatten(value: Any, shape: tuple[int, ...], kind: str, flat: list[Any]) -> None:
    """Collect the elements in order. Raises TypeError, ValueError."""
    if not shape:
        flat.append(_element(value, kind))
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise ValueError("lists of different lengths, or values beside lists")
    for part in value:
        _flatten(part, shape[1:], kind, flat)


def _element(value: Any, kind: str) -> Any:
    """One number or string, if it is of the tensor's kind."""
    if kind == "O":
        return _string(value)
    wanted = {"b": (bool,), "i": (int,), "u": (int,)}.get(kind, (int, float))
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "b"):
        raise TypeError(f"unexpected {json.dumps(value)[:40]}")
    return value


def _string(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {B64} and isinstance(value[B64], str):
        try:
            return base64.b64decode(value[B64], validate=True)
        except binascii.Error as error:
            raise ValueError(f"b64: {error}") from error
    raise TypeError(f"unexpected {json.dumps(value)[:40]}")


def write_answer(outputs: Mapping[str, Array], *, by_row: bool) -> str:
    """Write the answer to a predict request. Raises StatusError."""
    texts = {name: _texts(name, array) for name, array in outputs.items()}
    if by_row:
        return _wrapped("predictions", _rows(texts))
    if len(texts) == 1:
        return _wrapped("outputs", _joined(next(iter(texts.values())).tolist()))
    return _wrapped("outputs", _object(texts))


def _rows(texts: Mapping[str, Array]) -> str:
    """One value or object per example. Raises StatusError if they do not line up."""
    counts = {array.shape[0] if array.ndim else None for array in texts.values()}
    if len(counts) != 1 or counts == {None}:
        shapes = ", ".join(f"{name}: {array.shape}" for name, array in texts.items())
        raise invalid(f"Outputs have inconsistent batch size: {shapes}")
    if len(texts) == 1:
        return _joined(next(iter(texts.values())).tolist())
    return _joined(
        [
            _object({name: array[row] for name, array in texts.items()})
            for row in range(counts.pop() or 0)
        ]
    )


def _texts(name: str, answer: Array) -> Array:
    """Write every element; floats as short as they can be read back."""
    array = np.asarray(answer)
    kind = array.dtype.kind
    if kind == "b":
        return np.where(array, "true", "false")
    if kind in "iu":
        return array.astype(str)
    if kind in "OS":
        write = _b64_text if name.endswith(BYTES_SUFFIX) else _string_text
        flat = [write(value) for value in array.ravel().tolist()]
        return np.array(flat, object).reshape(array.shape)
    # float16 and bfloat16 have no short form of their own.
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32)
    texts = array.astype(str)
    texts = np.where(np.isnan(array), "NaN", texts)
    texts = np.where(np.isposinf(array), "Infinity", texts)
    return np.where(np.isneginf(array), "-Infinity", texts)


def _b64_text(value: bytes) -> str:
    return json.dumps({B64: base64.b64encode(value).decode()})


def _string_text(value: bytes) -> str:
    return json.dumps(value.decode(errors="replace"), ensure_ascii=False)


def _joined(nested: Any) -> str:
    if isinstance(nested, str):
        return nested
    return f"[{', '.join(_joined(part) for part in nested)}]"


def _object(texts: Mapping[str, Array]) -> str:
    members = ",\n".join(
        f"        {json.dumps(name)}: {_joined(np.asarray(array).tolist())}"
        for name, array in texts.items()
    )
    return f"{{\n{members}\n    }}"


def _wrapped(key: str, text: str) -> str:
    return f'{{\n    "{key}": {text}\n}}'
