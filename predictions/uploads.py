"""Files on their way in: from the socket to the store, hashed as they pass.

Nothing is received unless a view has opened the door for this request: Django's own
upload handlers would write any stranger's file to disk.
"""

import time
from typing import NoReturn

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from predictions.images.errors import ImageError
from predictions.images.store import Part
from predictions.services.images import ReceivedFile, UploadRefusedError, too_large
from predictions.services.storage import store

GRACE_S = 10  # A slow start (TCP, TLS, a proxy) is no stalled body.
FIELD = "file"


class _Received(UploadedFile):  # type: ignore[type-arg]  # Generic in its stubs only.
    """What the parser hands on: the part, instead of an open file.

    Django closes it with the request: whatever was not kept by then is removed.
    """

    def __init__(self, sent_name: str, part: Part) -> None:
        super().__init__(name="received")
        self.sent_name = sent_name
        self.part = part

    def close(self) -> None:
        self.part.discard()


class PartUploadHandler(FileUploadHandler):
    """Stream each file into a part of the store, within size and time."""

    chunk_size = 256 * 1024

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.is_open = False
        self.parts: list[Part] = []
        self.receiving: Part | None = None
        self.refusal: UploadRefusedError | None = None
        self.sent_name = ""
        self.began = time.monotonic()
        self.received_bytes = 0

    def new_file(
        self,
        field_name: str,
        file_name: str,
        content_type: str,
        content_length: int | None,
        charset: str | None = None,
        content_type_extra: dict[str, bytes] | None = None,
    ) -> None:
        """Begin a part. The name is a label: no path is ever made of it."""
        if not self.is_open:
            raise StopUpload(connection_reset=True)
        self.sent_name = file_name
        self.receiving = None
        if field_name != FIELD:
            return  # It passes by, unwritten.
        try:
            self.receiving = store().begin()
        except ImageError as error:
            self._refuse(UploadRefusedError.because(error))
        self.parts.append(self.receiving)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received_bytes += len(raw_data)
        elapsed_s = time.monotonic() - self.began
        earned_s = self.received_bytes / settings.MIN_UPLOAD_BYTES_PER_S
        if elapsed_s > GRACE_S + earned_s:
            self._refuse(too_slow())
        if start + len(raw_data) > settings.MAX_UPLOAD_BYTES:
            self._refuse(too_large())
        if self.receiving is None:
            return
        try:
            self.receiving.write(raw_data)
        except ImageError as error:
            self._refuse(UploadRefusedError.because(error))

    def file_complete(self, file_size: int) -> _Received | None:
        if self.receiving is None:
            return None
        self.receiving.close()
        return _Received(self.sent_name, self.receiving)

    def upload_interrupted(self) -> None:
        """The body ended in the middle of a file: nothing of it is kept."""
        self.refusal = broken_off()
        self.discard()

    def discard(self) -> None:
        for part in self.parts:
            part.discard()

    def _refuse(self, refusal: UploadRefusedError) -> NoReturn:
        self.refusal = refusal
        self.discard()
        raise StopUpload(connection_reset=True)


class SmallFileHandler(FileUploadHandler):
    """Hold small files in memory, by the name of their field."""

    chunk_size = 256 * 1024

    def __init__(self, request: HttpRequest, *, max_bytes: int) -> None:
        super().__init__(request)
        self.max_bytes = max_bytes
        self.is_too_large = False
        self.files: dict[str, bytearray] = {}
        self.receiving = bytearray()

    def new_file(self, field_name: str, *args: object, **kwargs: object) -> None:
        self.receiving = self.files[field_name] = bytearray()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > self.max_bytes:
            self.is_too_large = True
            raise StopUpload(connection_reset=True)
        self.receiving += raw_data

    def file_complete(self, file_size: int) -> None:
        """Django need not know of it: see `files`."""


def receive_small_files(request: HttpRequest, *, max_bytes: int) -> dict[str, bytes]:
    """Read the body of a multipart request; its files by the name of their field.

    max_bytes: of each file. Call it after the person was checked. Raises
    UploadRefusedError (413), and what Django raises for a body that is no such body.
    """
    handler = SmallFileHandler(request, max_bytes=max_bytes)
    request.upload_handlers = [handler]
    request.POST  # noqa: B018 - Looking at it reads the body.
    if handler.is_too_large:
        raise UploadRefusedError(
            f"This is larger than {max_bytes // 1_000_000} MB. Split it.",
            status=413,
            code="too_large",
        )
    return {name: bytes(content) for name, content in handler.files.items()}


def too_slow() -> UploadRefusedError:
    return UploadRefusedError(
        "The upload was too slow and was stopped. Nothing was stored. "
        "Check the connection and upload again.",
        status=408,
        code="upload_too_slow",
    )


def broken_off() -> UploadRefusedError:
    return UploadRefusedError(
        "The upload broke off before its end. Nothing was stored. Upload it again.",
        status=400,
        code="broken_off",
    )


def receive_files(request: HttpRequest) -> list[ReceivedFile]:
    """Read the body of a multipart request; every file of the field `file`.

    Call it after the person, the case and the quota were checked: the body is read
    here and not before. Raises UploadRefusedError (400, 408, 413, 422, 507),
    and what Django raises for a body that is no multipart body.
    """
    handler = PartUploadHandler(request)
    handler.is_open = True
    request.upload_handlers = [handler]
    try:
        files = request.FILES.getlist(FIELD)
    except BaseException:
        handler.discard()  # A broken body, a closed connection: nothing stays.
        raise
    if handler.refusal is not None:
        raise handler.refusal
    received = [
        ReceivedFile(file.sent_name, file.part)
        for file in files
        if isinstance(file, _Received)
    ]
    if not received:
        handler.discard()
        raise UploadRefusedError(
            f"No file was sent. Send at least one in the field '{FIELD}'.",
            status=422,
            code="no_file",
        )
    return received
