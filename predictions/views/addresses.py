"""Where a request comes from."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The sender's IPv4 address, or IPv6 network: one sender has a whole /64.

    Behind a trusted proxy it is what that one added, the last of X-Forwarded-For;
    the rest, and all of it where no proxy is, is anybody's to write.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUST_PROXY:
        said = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
        return _network(said.rsplit(",", 1)[-1].strip()) or _network(peer) or peer
    return _network(peer) or peer


def _network(said: str) -> str:
    """Empty for what is no address."""
    try:
        address = ip_address(said)
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), 64), strict=False))
