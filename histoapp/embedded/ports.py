"""Ports of 127.0.0.1."""

import socket
import time

from histoapp.embedded.errors import EmbeddedError

HIGHEST = 65535
LETTING_GO_S = 2.0


def read_port(text: str) -> int:
    """The port that a person asked for."""
    if not text.isdecimal() or not 1 <= int(text) <= HIGHEST:
        raise EmbeddedError(f"PORT must be a number from 1 to {HIGHEST}, not {text!r}.")
    return int(text)


def is_free(port: int) -> bool:
    """Whether a server of ours could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int) -> None:
    """Raise EmbeddedError if somebody listens there, or we may not.

    A web server whose stack was killed lets go of its port within a second.
    """
    deadline = time.monotonic() + LETTING_GO_S
    while not is_free(port):
        if time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        raise EmbeddedError(
            f"Port {port} is in use: choose another with `make run PORT={port + 1}`."
        )


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on just now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
