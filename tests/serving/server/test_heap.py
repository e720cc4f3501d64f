import ctypes

import psutil
import pytest

from serving.server.heap import LIBC, give_back

BLOCK = 64 * 1024  # Smaller than what the C library returns at once.
BLOCKS = 2000


@pytest.mark.skipif(not hasattr(LIBC, "malloc_trim"), reason="glibc only")
def test_what_was_freed_goes_back_to_the_system() -> None:
    LIBC.malloc.restype = ctypes.c_void_p
    LIBC.malloc.argtypes, LIBC.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    taken = [LIBC.malloc(BLOCK) for _ in range(BLOCKS)]
    for block in taken:
        ctypes.memset(block, 1, BLOCK)
    for block in taken[:-1]:  # The last one holds the end of the heap.
        LIBC.free(block)
    process = psutil.Process()
    before = process.memory_info().rss
    give_back()

    assert before - process.memory_info().rss > BLOCK * BLOCKS / 2
    LIBC.free(taken[-1])
