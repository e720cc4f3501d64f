"""From the socket to the store: nothing unasked, nothing endless, nothing by half."""

import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import TooManyFilesSent
from django.core.handlers.wsgi import WSGIRequest
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from pytest_django import Settings

from predictions import uploads
from predictions.services.images import UploadRefusedError
from predictions.uploads import receive_files
from tests.fields import field_png

BOUNDARY = "----a-boundary"
END = f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Settings) -> Path:
    """A store of this test's own."""
    settings.STORAGE_ROOT = tmp_path / "files"
    return tmp_path


def on_disk(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def part_of(
    content: bytes, *, field: str = "file", filename: str = "a.png", header: str = ""
) -> bytes:
    head = (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{filename}"\r\n'
        f"Content-Type: image/png\r\n{header}\r\n"
    )
    return head.encode() + content + b"\r\n"


class Body(BytesIO):
    """A request's body that breaks off with an error where it is told to."""

    breaks_at: int | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.breaks_at is not None and self.tell() >= self.breaks_at:
            raise OSError("the client is gone")
        return super().read(size)


def posting(body: bytes | Body, *, declared_bytes: int | None = None) -> WSGIRequest:
    stream = body if isinstance(body, Body) else Body(body)
    length = len(stream.getvalue()) if declared_bytes is None else declared_bytes
    return WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
            "CONTENT_LENGTH": str(length),
            "wsgi.input": stream,
        }
    )


def refusal_of(request: WSGIRequest) -> UploadRefusedError:
    with pytest.raises(UploadRefusedError) as refused:
        receive_files(request)
    request.close()
    return refused.value


# --- Received -----------------------------------------------------------------


def test_files_come_in_as_they_were_sent() -> None:
    contents = [field_png(1), field_png(2)]
    names = ["one.png", "zwei und mehr.PNG"]
    body = b"".join(
        part_of(content, filename=name)
        for content, name in zip(contents, names, strict=True)
    )
    received = receive_files(posting(body + END))

    assert [file.filename for file in received] == names
    for file, content in zip(received, contents, strict=True):
        assert file.part.path.read_bytes() == content
        assert file.part.size_bytes == len(content)
        assert file.part.sha256 == hashlib.sha256(content).hexdigest()


def test_the_other_fields_are_there_too() -> None:
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="spacing_um"\r\n'
    request = posting(part_of(b"pixels") + field.encode() + b"\r\n0.5\r\n" + END)
    receive_files(request)
    assert request.POST["spacing_um"] == "0.5"


def test_a_hostile_name_is_no_path(root: Path) -> None:
    body = part_of(b"pixels", filename="../../../../etc/cron.d/x.png") + END
    (received,) = receive_files(posting(body))
    assert on_disk(root) == [received.part.path]
    assert "cron" not in str(received.part.path)


def test_what_nobody_kept_goes_with_the_request(root: Path) -> None:
    request = posting(part_of(b"pixels") + part_of(b"more") + END)
    receive_files(request)
    assert len(on_disk(root)) == 2
    request.close()
    assert on_disk(root) == []


# --- Not asked for ------------------------------------------------------------


def test_nothing_of_a_strangers_body_is_written(root: Path) -> None:
    """Whoever looks at the form before the door was opened, as a CSRF check does."""
    request = posting(part_of(field_png()) + END)
    assert dict(request.POST) == {}
    assert dict(request.FILES) == {}
    assert on_disk(root) == []


def test_a_file_in_a_wrong_field_is_never_written(root: Path) -> None:
    wrong = part_of(b"x" * 300_000, field="avatar")
    request = posting(wrong + part_of(b"pixels") + wrong + END)
    (received,) = receive_files(request)
    assert received.part.path.read_bytes() == b"pixels"
    assert on_disk(root) == [received.part.path]


@pytest.mark.parametrize("body", [END, part_of(b"x", field="avatar") + END])
def test_a_body_without_a_file_says_so(body: bytes, root: Path) -> None:
    refused = refusal_of(posting(body))
    assert (refused.status, refused.code) == (422, "no_file")
    assert on_disk(root) == []


# --- Endless ------------------------------------------------------------------


@pytest.mark.parametrize("field", ["file", "avatar"])
def test_too_large_a_file_is_stopped_while_it_streams(
    field: str, root: Path, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 1_000_000
    body = Body(part_of(b"small") + part_of(b"x" * 8_000_000, field=field) + END)
    refused = refusal_of(posting(body))

    assert (refused.status, refused.code) == (413, "too_large")
    assert body.tell() < 3_000_000, "it was read to its end"
    assert on_disk(root) == []


def test_exactly_the_limit_is_accepted(settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 1_000_000
    (received,) = receive_files(posting(part_of(b"x" * 1_000_000) + END))
    assert received.part.size_bytes == 1_000_000


def test_a_slow_body_is_stopped(
    root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "GRACE_S", -1)  # As if a second had passed already.
    settings.MIN_UPLOAD_BYTES_PER_S = 10_000_000
    body = Body(part_of(b"x" * 8_000_000) + END)
    refused = refusal_of(posting(body))

    assert (refused.status, refused.code) == (408, "upload_too_slow")
    assert body.tell() < 3_000_000
    assert on_disk(root) == []


def test_a_slow_start_is_not_a_slow_body(settings: Settings) -> None:
    settings.MIN_UPLOAD_BYTES_PER_S = 10**12
    assert receive_files(posting(part_of(b"pixels") + END))


def test_more_files_than_allowed_leave_none(root: Path, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    with pytest.raises(TooManyFilesSent):
        receive_files(posting(part_of(b"pixels") * 4 + END))
    assert on_disk(root) == []


# --- By half ------------------------------------------------------------------


def test_a_body_that_ends_too_early_leaves_nothing(root: Path) -> None:
    """Also not the files before: their request was never finished."""
    body = part_of(b"whole") + part_of(field_png())
    refused = refusal_of(posting(body[:-2000], declared_bytes=len(body)))
    assert (refused.status, refused.code) == (400, "broken_off")
    assert on_disk(root) == []


def test_a_length_declared_too_short_leaves_nothing(root: Path) -> None:
    body = part_of(b"whole") + part_of(field_png()) + END
    refused = refusal_of(posting(body, declared_bytes=len(body) - 2000))
    assert refused.code == "broken_off"
    assert on_disk(root) == []


def test_a_client_that_hangs_up_leaves_nothing(root: Path) -> None:
    body = Body(part_of(b"whole") + part_of(b"x" * 2_000_000) + END)
    body.breaks_at = 1_000_000
    with pytest.raises(UnreadablePostError):
        receive_files(posting(body))
    assert on_disk(root) == []


def test_a_body_that_cannot_be_decoded_leaves_nothing(root: Path) -> None:
    encoded = "Content-Transfer-Encoding: base64\r\n"
    body = part_of(b"whole") + part_of(b"AAAAA", header=encoded) + END
    with pytest.raises(MultiPartParserError):
        receive_files(posting(body))
    assert on_disk(root) == []


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """The system refuses to write more into one file, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_nothing(root: Path) -> None:
    request = posting(part_of(b"whole") + part_of(b"x" * 3_000_000) + END)
    with largest_file(2_000_000):
        refused = refusal_of(request)
    assert (refused.status, refused.code) == (507, "store_full")
    assert on_disk(root) == []
