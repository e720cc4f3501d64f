"""Ports, asked for and found."""

import socket

import pytest

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.ports import free_ports, read_port, require_free


@pytest.mark.parametrize("text", ["", "web", "0", "65536", "-1", "80 "])
def test_what_is_no_port_is_said(text: str) -> None:
    with pytest.raises(EmbeddedError, match="PORT must be a number from 1 to 65535"):
        read_port(text)


def test_a_port_in_use_is_said_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"Port {port} is in use: .*PORT="):
            require_free(port)
    require_free(port)


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5
