import pytest
from django.test import RequestFactory
from pytest_django import Settings

from predictions.views.addresses import address_of


@pytest.mark.parametrize(
    ("trusts", "peer", "forwarded", "expected"),
    [
        ("", "192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("a proxy", "192.0.2.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        ("a proxy", "192.0.2.1", "", "192.0.2.1"),
        ("a proxy", "192.0.2.1", "nonsense", "192.0.2.1"),
        ("", "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("", "::ffff:192.0.2.1", "", "192.0.2.1"),
        ("", "fe80::1%eth0", "", "fe80::/64"),
        ("", "", "", ""),
    ],
)
def test_the_sender_is_who_the_last_trusted_hop_saw(
    settings: Settings, trusts: str, peer: str, forwarded: str, expected: str
) -> None:
    settings.TRUST_PROXY = bool(trusts)
    request = RequestFactory().get(
        "/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded
    )
    assert address_of(request) == expected
