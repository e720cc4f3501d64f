"""The hosts that a laboratory lets images be fetched from."""

import re
from collections.abc import Iterable

from predictions.services.errors import ServiceError

MOST = 100
MAX_PORT = 65_535
MAX_LENGTH = 253  # Of a name in the DNS, and of the column.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r"[0-9]{1,5}")


class HostRefusedError(ServiceError):
    """An entry that names no host of the internet."""

    status = 422
    code = "host_refused"
    title = "This host was not accepted"


def tidy_hosts(entries: Iterable[str]) -> list[str]:
    """As they are kept: lower case, each once, in order. Raises HostRefusedError."""
    hosts = sorted({entry.strip().lower() for entry in entries if entry.strip()})
    if len(hosts) > MOST:
        raise HostRefusedError(f"At most {MOST} hosts. Leave some out.")
    for host in hosts:
        if not _is_host(host):
            raise HostRefusedError(
                f"“{host}” is no host's name. Write a name such as "
                "images.example.org, or images.example.org:8443 for another port; no "
                "http://, no path, no number in place of the name."
            )
    return hosts


def _is_host(host: str) -> bool:
    name, colon, port = host.partition(":")
    if colon and not (_PORT.fullmatch(port) and 0 < int(port) <= MAX_PORT):
        return False
    labels = name.split(".")
    is_name = all(_LABEL.fullmatch(label) for label in labels)
    is_number = labels[-1].isdigit()  # 127.0.0.1 and the like.
    return is_name and not is_number and len(labels) > 1 and len(host) <= MAX_LENGTH
