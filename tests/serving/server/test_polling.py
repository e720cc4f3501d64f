from threading import Event

from serving.server.polling import poll


def test_each_is_called_until_the_end() -> None:
    ending = Event()
    called: list[str] = []

    def often() -> None:
        called.append("often")

    def thrice() -> None:
        called.append("thrice")
        if called.count("thrice") == 3:
            ending.set()

    poll({often: 1e-6, thrice: 2e-6}, ending)

    assert called.count("thrice") == 3
    assert "often" in called


def test_what_is_never_to_be_called_is_not() -> None:
    ending = Event()

    def never() -> None:
        raise AssertionError

    poll({never: 0, ending.set: 1e-6}, ending)


def test_nothing_to_call_is_the_wait_for_the_end() -> None:
    ending = Event()
    ending.set()

    poll({}, ending)
