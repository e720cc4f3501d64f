"""Which addresses an image may be fetched from. Nothing is resolved or sent here.

What is not plainly allowed is refused, always in the same words: they tell nothing of
what lies inside the network.
"""

import re
from collections.abc import Sequence
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import NamedTuple
from urllib.parse import urljoin

MAX_URL_CHARACTERS = 2000
PORTS = {"http": 80, "https": 443}
REFUSED = (
    "This address cannot be fetched from. Give the http or https address of an image "
    "on a public server that your laboratory allows, without a user name, on port 80 "
    "or 443. Or download the image yourself and upload it."
)

# Beside Python's own table, which differs between its versions.
_DENIED_4 = [
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8"),
        "168.63.129.16/32",  # Azure's own services, from within.
        *("169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
# Everything else, IPv4 in IPv6's clothes included, lies outside of this one.
_GLOBAL_6 = IPv6Network("2000::/3")
_DENIED_6 = [
    IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]

# An authority of a host and perhaps a port: no user, no backslash, no scope id, and
# nothing that another reader of URLs could take for one of them.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[0-9a-z._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?#][!-\[\]-~]*)?",
    re.IGNORECASE | re.ASCII,
)
_NAME = re.compile(r"(?=.{1,253}$)([0-9a-z_-]{1,63}\.)+[0-9a-z_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class AddressRefusedError(Exception):
    """Asking again gives the same answer, in the same words."""

    def __init__(self) -> None:
        super().__init__(REFUSED)


class Target(NamedTuple):
    """What a URL names, taken apart once: who uses this needs no reader of URLs.

    host: in lower case, without a dot at the end or brackets.
    resource: what the server is asked for; what stands behind a # is not sent.
    """

    scheme: str
    host: str
    port: int
    resource: str

    @property
    def authority(self) -> str:
        """As the Host header says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, *, allowed_hosts: Sequence[str] = ()) -> Target:
    """What the URL names, if it may be fetched. Raises AddressRefusedError.

    allowed_hosts: of the laboratory: a name (ports 80 and 443) or name:port. None
    allows every public host on 80 and 443. No list allows an address that is not
    public; what a name resolves to is looked at when it is fetched.
    """
    match = _URL.fullmatch(url)
    if match is None or len(url) > MAX_URL_CHARACTERS:
        raise AddressRefusedError
    scheme = match["scheme"].lower()
    target = Target(
        scheme,
        _checked_host(match["host"].lower().removesuffix(".")),
        int(match["port"] or PORTS[scheme]),
        _resource(match["rest"] or ""),
    )
    if not _is_listed(target, allowed_hosts):
        raise AddressRefusedError
    return target


def follow_redirect(url: str, location: str) -> str:
    """Where a redirect leads; unchecked. Raises AddressRefusedError for nonsense."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise AddressRefusedError from error


def is_public(address: str) -> bool:
    """Whether everybody in the world reaches the same machine at this IP address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return ip.is_global and not any(ip in denied for denied in _DENIED_4)
    return (
        ip.scope_id is None
        and ip in _GLOBAL_6
        and ip.is_global
        and not any(ip in denied for denied in _DENIED_6)
    )


def _checked_host(host: str) -> str:
    """A name with a dot in it, or a public IP address in its plain form."""
    is_bracketed = host.startswith("[")
    # However a number is written, some reader takes it for IPv4.
    if is_bracketed or _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _checked_literal(host, IPv6Address if is_bracketed else IPv4Address)
    if not _NAME.fullmatch(host):
        raise AddressRefusedError
    return host


def _checked_literal(host: str, kind: type[IPv4Address] | type[IPv6Address]) -> str:
    try:
        plain = str(kind(host.strip("[]")))
    except AddressValueError as error:
        raise AddressRefusedError from error
    if not is_public(plain):
        raise AddressRefusedError
    return plain


def _resource(rest: str) -> str:
    asked = rest.partition("#")[0]
    return asked if asked.startswith("/") else f"/{asked}"


def _is_listed(target: Target, allowed_hosts: Sequence[str]) -> bool:
    plain = target.port in PORTS.values()
    if not allowed_hosts:
        return plain
    listed = {allowed.strip().lower() for allowed in allowed_hosts}
    named = {f"{target.host}:{target.port}"} | ({target.host} if plain else set())
    return bool(named & listed)
