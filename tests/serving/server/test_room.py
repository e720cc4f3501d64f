"""What does not fit waits; what would never fit goes alone."""

from contextlib import ExitStack
from threading import Event

from serving.server.room import Room
from tests.threads import beside


def test_what_fits_goes_in_together() -> None:
    room = Room(10)
    with room.hold(5), room.hold(5):
        pass


def test_what_does_not_fit_waits_for_its_turn() -> None:
    room, is_in = Room(10), Event()

    def enter() -> None:
        with room.hold(5):
            is_in.set()

    with ExitStack() as stack:
        with room.hold(6):
            stack.enter_context(beside(enter))
            assert not is_in.wait(0.1)
        assert is_in.wait(30)


def test_what_is_larger_than_the_room_goes_alone() -> None:
    room = Room(10)
    with room.hold(11):
        pass
    with room.hold(1), room.hold(9):
        pass
