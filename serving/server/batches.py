"""Join the tensors of several requests along their first dimension, and part answers.

The rules and the words are those of TensorFlow Serving's batching_session.cc and
batching_util.h.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from grpc import StatusCode

from serving.server.status import StatusError, invalid

Array = np.ndarray[Any, Any]
Feeds = Mapping[str, Array]


def count_rows(feeds: Feeds) -> int:
    """The size that all tensors of a request share. Raises StatusError."""
    if not feeds:
        raise invalid("Batching Run() must have at least one input tensor")
    if any(array.ndim == 0 for array in feeds.values()):
        raise invalid("Batching Run() input tensors must have at least one dimension")
    sizes = {len(array) for array in feeds.values()}
    if len(sizes) > 1:
        raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
    return sizes.pop()


def cut(feeds: Feeds, sizes: Sequence[int]) -> list[Feeds]:
    """Part a request that is too large for one batch."""
    ends = np.cumsum(sizes)
    return [
        {name: array[end - size : end] for name, array in feeds.items()}
        for size, end in zip(sizes, ends, strict=True)
    ]


def merge(requests: Sequence[Feeds], *, rows: int, is_padded: bool) -> Feeds:
    """Put requests behind each other, and repeat a row until there are `rows`.

    is_padded: whether other dimensions are filled up to the largest request's.
    Raises ValueError if they do not fit together.
    """
    merged = {}
    for name in requests[0]:
        arrays = [feeds[name] for feeds in requests]
        if is_padded:
            arrays = _filled_up(arrays)
        missing = rows - sum(map(len, arrays))
        if missing > 0:
            # A row that came with a request: surely one that the model can take.
            arrays.append(np.repeat(arrays[-1][:1], missing, axis=0))
        merged[name] = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return merged


def part(
    answers: Sequence[Array], sizes: Sequence[int], *, rows: int
) -> list[list[Array]]:
    """Give each request its rows of every answer. Raises StatusError."""
    for answer in answers:
        if np.ndim(answer) == 0:
            raise _failed("Batched output tensor has 0 dimensions")
        if len(answer) != rows:
            raise _failed(
                "Batched output tensor's 0th dimension does not equal the sum of the "
                "0th dimension sizes of the input tensors"
            )
    ends = np.cumsum(sizes)
    return [
        [answer[end - size : end] for answer in answers]
        for size, end in zip(sizes, ends, strict=True)
    ]


def allowed_size(rows: int, allowed: Sequence[int]) -> int:
    """The smallest allowed size that holds `rows`; itself if there is none."""
    return next((size for size in allowed if size >= rows), rows)


def _filled_up(arrays: list[Array]) -> list[Array]:
    """Fill every dimension but the first with the request's own first element."""
    shapes = [array.shape[1:] for array in arrays]
    if len(set(shapes)) == 1:
        return arrays
    largest = [max(sizes) for sizes in zip(*shapes, strict=True)]
    return [_fill_up(array, largest) for array in arrays]


def _fill_up(array: Array, sizes: Sequence[int]) -> Array:
    if array.size == 0:
        raise ValueError("Got empty tensor in batch of non-empty tensors.")
    filled = np.full((len(array), *sizes), array.flat[0], array.dtype)
    filled[tuple(map(slice, array.shape))] = array
    return filled


def _failed(words: str) -> StatusError:
    return StatusError(StatusCode.FAILED_PRECONDITION, words)
