"""Do things again and again, each in its own time."""

from collections.abc import Callable, Mapping
from threading import Event
from time import monotonic


def poll(every_s: Mapping[Callable[[], None], float], ending: Event) -> None:
    """Call each as often as it says, until the event is set; 0: never."""
    due_s = {call: monotonic() + period for call, period in every_s.items() if period}
    while not ending.wait(_until(min(due_s.values(), default=None))):
        for call, due in due_s.items():
            if due <= monotonic():
                call()
                due_s[call] = monotonic() + every_s[call]


def _until(due_s: float | None) -> float | None:
    return None if due_s is None else max(0.0, due_s - monotonic())
