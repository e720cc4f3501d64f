"""The guarded transport against real servers: nothing of the inside is ever reached."""

import gzip
import itertools
import logging
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from predictions.addresses import REFUSED, AddressRefusedError
from predictions.images.store import Part, Store
from tests.model_server import free_port
from tests.predictions.test_addresses import (
    AUTHORITIES,
    BRACKETS,
    INSIDE_4,
    INSIDE_6,
    NAMES,
    NUMBERS,
    PORTS,
    SCHEMES,
)
from tests.worker.web import (
    INSIDE,
    OUTSIDE,
    Names,
    Say,
    Site,
    answer,
    make_web,
    redirect,
)
from worker.fetching import (
    MAX_REDIRECTS,
    FetchBrokenError,
    FetchEndedError,
    Web,
    download,
    resolve,
)

HOST = "images.example"
PUBLIC = "93.184.215.14"
CONTENT = b"\x89PNG and so on" * 1000
MAX_BYTES = 100_000


@pytest.fixture
def outside() -> Iterator[Site]:
    with Site(OUTSIDE) as site:
        site.says["/a.png"] = answer(CONTENT)
        yield site


@pytest.fixture
def inside(outside: Site) -> Iterator[Site]:
    """What must not be reached."""
    with Site(INSIDE) as site:
        site.says["/secret"] = answer(b"the inside")
        yield site
        assert site.asked == []


@pytest.fixture
def names() -> Names:
    return Names({HOST: [[OUTSIDE]]})


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    with Store(tmp_path).begin() as part:
        yield part


def fetch(
    site: Site, part: Part, web: Web, *, path: str = "/a.png", scheme: str = "http"
) -> None:
    """Fetch from the site, under its name, from a laboratory that allows it."""
    download(
        f"{scheme}://{HOST}:{site.port}{path}",
        part,
        allowed_hosts=[f"{HOST}:{site.port}"],
        max_bytes=MAX_BYTES,
        web=web,
    )


def written(part: Part) -> bytes:
    return part.path.read_bytes()


# --- What is sent and what comes ----------------------------------------------


def test_what_the_server_sends_is_written_byte_for_byte(
    outside: Site, part: Part, names: Names
) -> None:
    fetch(outside, part, make_web(names))
    assert written(part) == CONTENT
    assert part.size_bytes == len(CONTENT)


def test_the_server_is_asked_by_name_for_plain_bytes_and_told_nothing_else(
    outside: Site, part: Part, names: Names
) -> None:
    fetch(outside, part, make_web(names))
    first, *headers = outside.asked[0].rstrip().split("\r\n")
    assert first == "GET /a.png HTTP/1.1"
    sent = dict(header.split(": ", 1) for header in headers)
    assert sent.pop("Host") == f"{HOST}:{outside.port}"
    assert sent.pop("Accept-Encoding") == "identity"
    assert sent.pop("User-Agent") == "histoapp"
    assert set(sent) == {"Accept", "Connection"}


def test_nothing_of_the_environment_is_read(
    outside: Site,
    inside: Site,
    part: Part,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A proxy would resolve the name anew; .netrc would send a password along."""
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login alice password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{INSIDE}:{inside.port}")
    fetch(outside, part, make_web(names))
    assert written(part) == CONTENT
    assert "Authorization" not in outside.asked[0]


def test_nothing_of_the_address_is_logged(
    outside: Site, part: Part, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)  # Of everything that does not say otherwise.
    outside.says["/r?who=doe"] = redirect("/a.png")
    fetch(outside, part, make_web(names), path="/r?who=doe")
    assert caplog.text == ""


def test_no_cookie_is_kept_from_one_answer_to_the_next(
    outside: Site, part: Part, names: Names
) -> None:
    outside.says["/r"] = answer(
        status="302 Found", headers=["Location: /a.png", "Set-Cookie: a=b; Path=/"]
    )
    fetch(outside, part, make_web(names), path="/r")
    assert len(outside.asked) == 2
    assert not any("Cookie" in asked for asked in outside.asked)


# --- Only to public addresses -------------------------------------------------


@pytest.mark.parametrize("address", [*INSIDE_4, *INSIDE_6])
@pytest.mark.parametrize("others", [[], [PUBLIC]], ids=["alone", "beside a public one"])
def test_a_name_with_an_address_inside_is_refused(
    part: Part, address: str, others: list[str]
) -> None:
    """As production has it: no address of this machine or network is allowed."""
    web = Web(resolve=Names({HOST: [[*others, address]]}), deadline_s=5)
    with pytest.raises(AddressRefusedError) as refused:
        download(f"http://{HOST}/", part, allowed_hosts=[], max_bytes=1, web=web)
    assert str(refused.value) == REFUSED


def test_production_refuses_this_machine_by_any_name(inside: Site, part: Part) -> None:
    for name in (HOST, "a.localhost"):
        web = Web(resolve=Names({name: [[INSIDE]]}))
        with pytest.raises(AddressRefusedError):
            download(
                f"http://{name}:{inside.port}/secret",
                part,
                allowed_hosts=[f"{name}:{inside.port}"],
                max_bytes=1,
                web=web,
            )


def test_production_looks_names_up_on_this_machine() -> None:
    assert set(resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
    assert resolve("1.1.1.1", 80) == ["1.1.1.1"]
    assert Web().resolve is resolve


def test_no_such_name_is_refused_as_an_address_inside_is(part: Part) -> None:
    """Or else names inside could be told from names that do not exist."""
    web = make_web(Names())
    with pytest.raises(AddressRefusedError) as refused:
        download(f"http://{HOST}/", part, allowed_hosts=[], max_bytes=1, web=web)
    assert str(refused.value) == REFUSED


def test_a_name_server_that_is_away_may_be_asked_again(part: Part) -> None:
    def away(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    with pytest.raises(FetchBrokenError):
        download(
            f"http://{HOST}/",
            part,
            allowed_hosts=[],
            max_bytes=1,
            web=Web(resolve=away),
        )


def test_a_name_is_looked_up_once_and_its_checked_address_is_used(
    outside: Site, inside: Site, part: Part
) -> None:
    """Rebinding: a second look-up would lead inside."""
    names = Names({HOST: [[OUTSIDE], [INSIDE]]})
    fetch(outside, part, make_web(names))
    assert written(part) == CONTENT
    assert names.looked_up == [HOST]


def test_a_name_that_leads_inside_at_the_redirect_is_refused(
    outside: Site, inside: Site, part: Part
) -> None:
    outside.says["/r"] = redirect("/a.png")
    names = Names({HOST: [[OUTSIDE], [INSIDE]]})
    with pytest.raises(AddressRefusedError):
        fetch(outside, part, make_web(names), path="/r")
    assert names.looked_up == [HOST, HOST]
    assert len(outside.asked) == 1


def test_the_next_address_of_a_name_is_tried(outside: Site, part: Part) -> None:
    names = Names({HOST: [["127.0.0.78", OUTSIDE]]})
    both = {"127.0.0.78", OUTSIDE}
    fetch(outside, part, make_web(names, is_allowed=lambda address: address in both))
    assert written(part) == CONTENT


# --- Redirects ----------------------------------------------------------------


@pytest.mark.parametrize(
    "status",
    [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ],
)
def test_a_redirect_is_followed(
    outside: Site, part: Part, names: Names, status: str
) -> None:
    outside.says["/r"] = redirect("/a.png", status)
    fetch(outside, part, make_web(names), path="/r")
    assert written(part) == CONTENT


def test_three_redirects_are_followed_and_no_fourth(
    outside: Site, part: Part, names: Names
) -> None:
    for number in range(MAX_REDIRECTS + 1):
        outside.says[f"/{number}"] = redirect(f"/{number + 1}")
    outside.says[f"/{MAX_REDIRECTS + 1}"] = answer(CONTENT)
    with pytest.raises(AddressRefusedError):
        fetch(outside, part, make_web(names), path="/0")
    assert len(outside.asked) == 1 + MAX_REDIRECTS == 4
    fetch(outside, part, make_web(names), path="/1")
    assert written(part) == CONTENT


FORBIDDEN = [
    *(url for url in SCHEMES if "://" in url and url != "http://"),
    "data:image/png;base64,AA",
    *NUMBERS,
    *BRACKETS,
    *NAMES,
    *AUTHORITIES,
    *PORTS,
]


@pytest.mark.parametrize(
    "location", [url for url in FORBIDDEN if url.isprintable()], ids=ascii
)
def test_a_redirect_to_what_is_forbidden_is_refused(
    outside: Site, part: Part, names: Names, location: str
) -> None:
    def say(visitor: socket.socket) -> None:
        head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
        visitor.sendall(f"{head}{location}\r\n\r\n".encode())

    outside.says["/r"] = say
    with pytest.raises(AddressRefusedError) as refused:
        fetch(outside, part, make_web(names), path="/r")
    assert str(refused.value) == REFUSED
    assert names.looked_up == [HOST]


def test_a_redirect_to_a_host_that_is_not_listed_is_refused(
    outside: Site, part: Part, names: Names
) -> None:
    names.known["other.example"] = [[OUTSIDE]]
    outside.says["/r"] = redirect(f"http://other.example:{outside.port}/a.png")
    with pytest.raises(AddressRefusedError):
        fetch(outside, part, make_web(names), path="/r")
    assert names.looked_up == [HOST]


def test_a_redirect_to_a_name_inside_is_refused(
    outside: Site, inside: Site, part: Part, names: Names
) -> None:
    names.known["other.example"] = [[INSIDE]]
    target = f"other.example:{inside.port}"
    outside.says["/r"] = redirect(f"http://{target}/secret")
    with pytest.raises(AddressRefusedError):
        download(
            f"http://{HOST}:{outside.port}/r",
            part,
            allowed_hosts=[f"{HOST}:{outside.port}", target],
            max_bytes=MAX_BYTES,
            web=make_web(names),
        )
    assert names.looked_up == [HOST, "other.example"]


# --- Too much -----------------------------------------------------------------


def endless(visitor: socket.socket) -> None:
    visitor.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        visitor.sendall(b"x" * 4096)


def endless_chunks(visitor: socket.socket) -> None:
    visitor.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        visitor.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


@pytest.mark.parametrize("say", [endless, endless_chunks])
def test_an_endless_body_is_stopped(
    outside: Site, part: Part, names: Names, say: Say
) -> None:
    outside.says["/e"] = say
    with pytest.raises(FetchEndedError, match="larger than"):
        fetch(outside, part, make_web(names), path="/e")
    assert part.size_bytes <= MAX_BYTES


def test_what_says_that_it_is_too_large_is_not_received(
    outside: Site, part: Part, names: Names
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {MAX_BYTES + 1}\r\n\r\n"
    outside.says["/l"] = head.encode() + CONTENT
    with pytest.raises(FetchEndedError, match="larger than"):
        fetch(outside, part, make_web(names), path="/l")
    assert part.size_bytes == 0


def test_exactly_the_limit_is_received(outside: Site, part: Part, names: Names) -> None:
    outside.says["/l"] = answer(b"x" * MAX_BYTES)
    fetch(outside, part, make_web(names), path="/l")
    assert part.size_bytes == MAX_BYTES


def test_a_body_shorter_than_its_length_broke_off(
    outside: Site, part: Part, names: Names
) -> None:
    outside.says["/l"] = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + CONTENT
    with pytest.raises(FetchBrokenError):
        fetch(outside, part, make_web(names), path="/l")


def test_a_body_longer_than_its_length_ends_there(
    outside: Site, part: Part, names: Names
) -> None:
    outside.says["/l"] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + CONTENT
    fetch(outside, part, make_web(names), path="/l")
    assert written(part) == CONTENT[:10]


@pytest.mark.parametrize("length", ["-1", "1e3", "5, 6", "0x10", ""])
def test_a_length_that_is_no_number_broke_off(
    outside: Site, part: Part, names: Names, length: str
) -> None:
    outside.says["/l"] = (
        f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nx".encode()
    )
    with pytest.raises(FetchBrokenError):
        fetch(outside, part, make_web(names), path="/l")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-gzip, identity"])
def test_a_packed_body_is_refused_unopened(
    outside: Site, part: Part, names: Names, encoding: str
) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    outside.says["/z"] = answer(bomb, headers=[f"Content-Encoding: {encoding}"])
    with pytest.raises(FetchEndedError, match="packed"):
        fetch(outside, part, make_web(names), path="/z")
    assert part.size_bytes == 0


def test_a_bomb_that_does_not_say_so_is_so_many_bytes(
    outside: Site, part: Part, names: Names
) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    outside.says["/z"] = answer(bomb)
    fetch(outside, part, make_web(names), path="/z")
    assert written(part) == bomb


# --- Too slow -----------------------------------------------------------------


def dribble(*first: bytes, pause_s: float) -> Say:
    """Say that, and then a byte at a time, for ever."""

    def say(visitor: socket.socket) -> None:
        visitor.sendall(b"".join(first))
        for _ in itertools.count():
            visitor.sendall(b"x")
            time.sleep(pause_s)

    return say


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "say",
    [
        dribble(HEAD, b"\r\n", pause_s=10),
        dribble(HEAD, b"\r\n", pause_s=0.05),
        dribble(HEAD, b"Content-Length: 5000\r\n\r\n", pause_s=0.05),
        dribble(HEAD, b"X-Slow: ", pause_s=0.05),
        dribble(pause_s=0.05),
        dribble(b"HTTP/1.1 302 Found\r\nLocation: ", pause_s=0.05),
    ],
    ids=["a byte per 10 s", "body", "with a length", "header", "status", "redirect"],
)
def test_one_deadline_ends_what_dribbles(
    outside: Site, part: Part, names: Names, say: Say
) -> None:
    outside.says["/s"] = say
    began = time.monotonic()
    with pytest.raises(FetchEndedError, match="within 1 seconds"):
        fetch(outside, part, make_web(names, deadline_s=1), path="/s")
    assert time.monotonic() - began < 5


def test_the_deadline_is_one_for_all_redirects(
    outside: Site, part: Part, names: Names
) -> None:
    def later(visitor: socket.socket) -> None:
        time.sleep(0.4)
        visitor.sendall(redirect("/s"))

    outside.says["/s"] = later
    with pytest.raises(FetchEndedError, match="did not arrive"):
        fetch(outside, part, make_web(names, deadline_s=1), path="/s")


def test_a_server_that_never_shakes_hands_is_too_slow(part: Part, names: Names) -> None:
    with socket.create_server((OUTSIDE, 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(FetchEndedError, match="did not arrive"):
            download(
                f"https://{HOST}:{port}/",
                part,
                allowed_hosts=[f"{HOST}:{port}"],
                max_bytes=MAX_BYTES,
                web=make_web(names, deadline_s=1),
            )


def endless_headers(visitor: socket.socket) -> None:
    visitor.sendall(HEAD)
    for number in itertools.count():
        visitor.sendall(f"X-{number}: {'x' * 1000}\r\n".encode())


def test_endless_headers_broke_off(outside: Site, part: Part, names: Names) -> None:
    outside.says["/h"] = endless_headers
    with pytest.raises(FetchBrokenError):
        fetch(outside, part, make_web(names), path="/h")


# --- Other answers ------------------------------------------------------------


@pytest.mark.parametrize("status", ["500 Oh", "502 Oh", "503 Oh", "429 Oh", "408 Oh"])
def test_a_server_in_trouble_may_be_asked_again(
    outside: Site, part: Part, names: Names, status: str
) -> None:
    outside.says["/x"] = answer(CONTENT, status=status)
    with pytest.raises(FetchBrokenError):
        fetch(outside, part, make_web(names), path="/x")
    assert part.size_bytes == 0


@pytest.mark.parametrize("status", ["404 No", "401 No", "403 No", "204 No", "206 Part"])
def test_any_other_answer_ends_it_with_its_number(
    outside: Site, part: Part, names: Names, status: str
) -> None:
    outside.says["/x"] = f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode()
    with pytest.raises(FetchEndedError, match=f"answered {status[:3]}"):
        fetch(outside, part, make_web(names), path="/x")
    assert part.size_bytes == 0


def test_nobody_listening_may_be_asked_again(part: Part, names: Names) -> None:
    port = free_port()
    with pytest.raises(FetchBrokenError):
        download(
            f"http://{HOST}:{port}/",
            part,
            allowed_hosts=[f"{HOST}:{port}"],
            max_bytes=1,
            web=make_web(names),
        )


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_what_does_not_speak_http_broke_off(
    outside: Site, part: Part, names: Names, said: bytes
) -> None:
    outside.says["/x"] = said
    with pytest.raises(FetchBrokenError):
        fetch(outside, part, make_web(names), path="/x")
    assert part.size_bytes == 0


# --- Certificates -------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed one for the name, its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    key, file = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(key), "-out", str(file), "-subj", f"/CN={HOST}"),
            *("-addext", f"subjectAltName=DNS:{HOST}"),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture
def secured(certificate: Path) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Site(OUTSIDE, context) as site:
        site.says["/a.png"] = answer(CONTENT)
        yield site


def test_the_certificate_is_checked_by_name(
    secured: Site, part: Part, names: Names, certificate: Path
) -> None:
    web = make_web(names, certificates=str(certificate))
    fetch(secured, part, web, scheme="https")
    assert written(part) == CONTENT


def test_a_certificate_of_another_name_is_not_taken(
    secured: Site, part: Part, certificate: Path
) -> None:
    web = make_web(Names({"other.example": [[OUTSIDE]]}), certificates=str(certificate))
    with pytest.raises(FetchBrokenError):
        download(
            f"https://other.example:{secured.port}/a.png",
            part,
            allowed_hosts=[f"other.example:{secured.port}"],
            max_bytes=MAX_BYTES,
            web=web,
        )
    assert secured.asked == []


def test_a_certificate_that_nobody_vouches_for_is_not_taken(
    secured: Site, part: Part, names: Names
) -> None:
    with pytest.raises(FetchBrokenError):
        fetch(secured, part, make_web(names), scheme="https")
    assert secured.asked == []
