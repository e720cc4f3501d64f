"""What every JSON request has in common.

The words are those of TensorFlow Serving's util/json_tensor.cc.
"""

import base64
import binascii
import json
from typing import Any

import numpy as np

from serving.server.loader import Array
from serving.server.status import StatusError, invalid

B64 = "b64"
MAX_QUOTED = 200  # Characters of a value in an error: it may be a whole picture.


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse the body of a request. Raises StatusError if it is no JSON object."""
    if not body.strip():
        raise invalid("JSON Parse error: The document is empty")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(asked, dict):
        raise bad_format(asked, "Is not object")
    return asked


def signature_name(asked: dict[str, Any]) -> str:
    """The signature that was named, or nothing. Raises StatusError."""
    name = asked.get("signature_name", "")
    if not isinstance(name, str):
        raise bad_format(
            asked,
            "not formatted correctly. 'signature_name' key must be a string value.",
        )
    return name


def bad_format(value: Any, words: str) -> StatusError:
    """Blame a value of the request."""
    return invalid(f"JSON Value: {quoted(value)} {words}")


def quoted(value: Any) -> str:
    """The beginning of a value, as JSON; no more of it is written."""
    text = ""
    for part in json.JSONEncoder(indent=4).iterencode(value):
        text += part
        if len(text) > MAX_QUOTED:
            break
    return text[:MAX_QUOTED]


def type_name(value: Any) -> str:
    """The type of a value, as RapidJSON calls it."""
    if isinstance(value, bool):
        return str(value)
    names = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    return names.get(type(value), "Number")


def is_base64(value: Any) -> bool:
    """Whether a value stands for bytes: {"b64": "..."}."""
    return (
        isinstance(value, dict) and set(value) == {B64} and isinstance(value[B64], str)
    )


def decode_base64(value: dict[str, str]) -> bytes:
    """The bytes that a value stands for; padding may be left out.

    Raises StatusError.
    """
    text = "".join(value[B64].split())
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("Unable to base64 decode") from error


def float_texts(array: Array) -> Array:
    """Write floats as short as they can be read back."""
    texts = array.astype(str)
    texts = np.where(np.isnan(array), "NaN", texts)
    texts = np.where(np.isposinf(array), "Infinity", texts)
    return np.where(np.isneginf(array), "-Infinity", texts)


def string_text(value: bytes) -> str:
    """Write a string."""
    return json.dumps(value.decode(errors="replace"), ensure_ascii=False)


def bytes_text(value: bytes) -> str:
    """Write bytes."""
    return json.dumps({B64: base64.b64encode(value).decode()})
