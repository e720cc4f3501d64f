"""How much of what was sent may be unpacked at once: the rest waits as it came."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

# A request becomes about eight times its size on the way to its answer.
ROOM_BYTES = 64 * 1024**2


class Room:
    """For so many bytes of messages; or for one that is larger, alone."""

    def __init__(self, size_bytes: int = ROOM_BYTES) -> None:
        self._size = size_bytes
        self._taken = 0
        self._changed = Condition()

    @contextmanager
    def hold(self, size_bytes: int) -> Iterator[None]:
        """Wait until there is room for a message, and take it."""
        with self._changed:
            self._changed.wait_for(lambda: self._fits(size_bytes))
            self._taken += size_bytes
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size_bytes
                self._changed.notify_all()

    def _fits(self, size_bytes: int) -> bool:
        return not self._taken or self._taken + size_bytes <= self._size
