"""Give memory that was freed back to the system."""

import ctypes
from typing import Any

LIBC: Any = ctypes.CDLL(None)


def give_back() -> None:
    """Return freed memory that the C library keeps; nothing where it is not glibc.

    Loading a model, and optimising its graph, copies its weights several times in
    passing: of DenseNet201 about 700 MB stay behind.
    """
    trim = getattr(LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)
