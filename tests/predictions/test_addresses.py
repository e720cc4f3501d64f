"""Which addresses may be fetched from: every line of the deny list, every disguise."""

import pytest

from predictions.addresses import (
    MAX_URL_CHARACTERS,
    REFUSED,
    AddressRefusedError,
    Target,
    check_url,
    follow_redirect,
    is_public,
)

INSIDE_4 = [
    *("0.0.0.1", "0.255.255.255", "10.0.0.0", "10.255.255.255"),
    *("100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255"),
    *("168.63.129.16", "169.254.0.0", "169.254.169.254", "169.254.255.255"),
    *("172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.255"),
    *("192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255"),
    *("192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255"),
    *("198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255"),
    *("224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"),
]
BESIDE_4 = [
    *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17"),
    *("169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
    *("192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255"),
    *("192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255"),
    *("198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255"),
]
INSIDE_6 = [
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1"),
    *("1fff:ffff::1", "2001::", "2001:0:7f00:1::", "2001:1ff:ffff::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "3fff:fff::1"),
    *("4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
    *("ff02::1", "fe80::1%eth0", "2606:4700::1111%eth0", "2606:4700::1111%1"),
]
BESIDE_6 = ["2001:200::1", "2001:db7::1", "2003::1", "2606:4700::1111", "3ffe::1"]
NO_ADDRESS = [
    "",
    "localhost",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "1.2.3.4/8",
    "1.2.3.4%e",
]


@pytest.mark.parametrize("address", [*INSIDE_4, *INSIDE_6, *NO_ADDRESS])
def test_what_is_not_the_whole_worlds_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [*BESIDE_4, *BESIDE_6])
def test_the_next_address_beside_each_range_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://example.com", ("example.com", 80)),
        ("https://example.com/a/b.png?key=1&x=%20#part", ("example.com", 443)),
        ("HTTPS://Images.Example.COM:443/", ("images.example.com", 443)),
        ("http://example.com:443/", ("example.com", 443)),
        ("http://example.com./", ("example.com", 80)),
        ("http://example.com?x=http://a@b/", ("example.com", 80)),
        ("https://xn--bcher-kva.example/", ("xn--bcher-kva.example", 443)),
        ("http://1.1.1.1/", ("1.1.1.1", 80)),
        ("https://[2606:4700::1111]:443/", ("2606:4700::1111", 443)),
    ],
)
def test_an_address_of_the_public_web_is_allowed(
    url: str, target: tuple[str, int]
) -> None:
    checked = check_url(url)
    assert (checked.host, checked.port) == target


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("HTTP://Example.com", ("http", "example.com", 80, "/"), "example.com"),
        (
            "https://example.com.:80/a/../B%2f?c=//d#e?f",
            ("https", "example.com", 80, "/a/../B%2f?c=//d"),
            "example.com:80",
        ),
        ("http://example.com?a", ("http", "example.com", 80, "/?a"), "example.com"),
        ("http://example.com#/a", ("http", "example.com", 80, "/"), "example.com"),
        (
            "https://[2606:4700:0::1111]/a",
            ("https", "2606:4700::1111", 443, "/a"),
            "[2606:4700::1111]",
        ),
    ],
)
def test_an_address_is_taken_apart_once(
    url: str, target: tuple[str, str, int, str], authority: str
) -> None:
    assert check_url(url) == Target(*target)
    assert check_url(url).authority == authority


SCHEMES = [
    *("file:///etc/passwd", "gopher://example.com/_GET", "data:image/png;base64,AA"),
    *("ftp://example.com/a.png", "javascript:alert(1)", "//example.com/a.png"),
    *("example.com/a.png", "http:example.com", "http:/example.com", "http://", ""),
    *(
        "jar:http://example.com/!/a",
        "unix:///var/run/docker.sock",
        "HTTP\u017f://a.de/",
    ),
]
NUMBERS = [
    *("http://127.1/", "http://0/", "http://2130706433/", "http://0x7f000001/"),
    *(
        "http://0177.0.0.1/",
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1./",
    ),
    *("http://0x7f.0.0.1/", "http://127.0.0.0x1/", "http://0300.0250.1.1/"),
    *("http://10.0.0.1:80/", "http://1.1.1/", "http://001.1.1.1/", "http://1.1.1.1.1/"),
    *("http://example.1/", "http://example.0x7f/", "http://256.1.1.1/"),
    *("http://１２７.0.0.1/", "http://①②⑦.0.0.1/", "http://127。0。0。1/"),
]
BRACKETS = [
    *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
    *("http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[::]/"),
    *("http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[127.0.0.1]/"),
    *("http://[2606:4700::1111%25eth0]/", "http://[1.1.1.1]/", "http://[]/"),
    *("http://[::1/", "http://2606:4700::1111/", "http://[2606:4700::1111]a/"),
]
NAMES = [
    *(
        "http://localhost/",
        "http://localhost./",
        "http://intranet/",
        "http://redis:80/",
    ),
    *("http://.example.com/", "http://example..com/", "http://ex ample.com/"),
    *("http://bücher.example/", "http://exa%6dple.com/", "http://\u212aelvin.example/"),
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 130 + "com/",
]
AUTHORITIES = [
    *("http://a@127.0.0.1/", "http://a:b@example.com/", "http://@example.com/"),
    *(
        "http://example.com\\@127.0.0.1/",
        "http://example.com\\/",
        "http:\\\\example.com",
    ),
    *("http://example.com%40127.0.0.1/", "http://example.com:80@127.0.0.1/"),
    *(
        "http://example.com\t/",
        "http://example.com\r\nHost: a/",
        "http://example.com\n",
    ),
    *(" http://example.com/", "http://example.com/ ", "http://example.com/a b"),
    *("http://example.com/\x00", "http://example.com/ä", "http://example.com/\\..\\"),
]
PORTS = [
    *("http://example.com:22/", "http://example.com:6379/", "http://example.com:0/"),
    *("http://example.com:8080/", "http://example.com:99999/", "http://example.com:/"),
    *("http://example.com:8 0/", "http://example.com:-80/", "http://example.com:80a/"),
]


@pytest.mark.parametrize(
    "url",
    [*SCHEMES, *NUMBERS, *BRACKETS, *NAMES, *AUTHORITIES, *PORTS],
    ids=ascii,
)
def test_every_other_is_refused_in_the_same_words(url: str) -> None:
    with pytest.raises(AddressRefusedError) as refused:
        check_url(url)
    assert str(refused.value) == REFUSED


def test_an_endless_url_is_refused() -> None:
    start = "http://example.com/"
    longest = start + "a" * (MAX_URL_CHARACTERS - len(start))
    assert check_url(longest)
    with pytest.raises(AddressRefusedError):
        check_url(longest + "a")


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://images.example.org/a.png", True),
        ("http://IMAGES.example.org./a.png", True),
        ("https://slides.example.org:8443/", True),
        ("https://slides.example.org/", False),
        ("https://slides.example.org:8444/", False),
        ("https://images.example.org:8443/", False),
        ("https://sub.images.example.org/", False),
        ("https://images.example.org.evil.example/", False),
        ("https://example.org/", False),
        ("https://10.0.0.5/", False),
    ],
)
def test_a_laboratorys_list_is_all_that_is_allowed(
    url: str, *, is_allowed: bool
) -> None:
    """An address that is not public is not allowed by any list."""
    listed = [" Images.Example.org ", "slides.example.org:8443", "10.0.0.5"]
    if is_allowed:
        assert check_url(url, allowed_hosts=listed)
        return
    with pytest.raises(AddressRefusedError) as refused:
        check_url(url, allowed_hosts=listed)
    assert str(refused.value) == REFUSED


def test_a_redirect_is_read_from_where_it_came() -> None:
    here = "https://example.com/a/b.png"
    assert follow_redirect(here, "../c.png") == "https://example.com/c.png"
    assert follow_redirect(here, "//127.0.0.1/") == "https://127.0.0.1/"
    assert follow_redirect(here, "file:///etc/passwd") == "file:///etc/passwd"
    with pytest.raises(AddressRefusedError):
        follow_redirect(here, "http://[")
