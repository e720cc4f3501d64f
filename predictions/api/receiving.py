"""Bodies with images: a form with several, or one image as the body itself."""

import base64
import binascii
import re
from collections.abc import Mapping

from django.core.files.uploadhandler import StopUpload
from django.http import HttpRequest
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request

from predictions.api.problems import LengthRequiredError
from predictions.api.requests import declared_bytes
from predictions.images.store import Part
from predictions.services.images import ReceivedFile, UploadRefusedError
from predictions.uploads import FIELD, PartUploadHandler, receive_files

FORM = "multipart/form-data"
# The name that an image sent without one is given.
NAMES = {"image/png": "image.png", "image/jpeg": "image.jpg", "image/tiff": "image.tif"}
SHA256 = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):\s*(?=,|$)")
SHA256_BYTES = 32


def receive(request: Request) -> tuple[list[ReceivedFile], Mapping[str, object]]:
    """Read the body: its files, and what is said about them.

    Call it after the person, the case and the quota were checked: the body is read
    here and not before.
    """
    http: HttpRequest = request._request  # noqa: SLF001 - The framework's own way would parse the body into memory.
    if http.content_type == FORM:
        if "Content-Digest" in request.headers:
            raise ParseError(
                "Content-Digest is checked for one image that is the body itself. "
                "Send the image so, with its own Content-Type."
            )
        files = receive_files(http)
        return files, http.POST.dict()
    if http.content_type not in NAMES:
        raise UnsupportedMediaType(str(http.content_type))
    said = request.query_params.dict()
    name = said.pop("filename", NAMES[http.content_type])
    return [_receive_one(request, http, str(name))], said


def _receive_one(request: Request, http: HttpRequest, name: str) -> ReceivedFile:
    """One image that is the body itself, checked against its Content-Digest."""
    wanted = _wanted_sha256(request.headers.get("Content-Digest"))
    if declared_bytes(request) is None:
        raise LengthRequiredError
    handler = PartUploadHandler(http)
    handler.is_open = True
    try:
        _read(http, handler, name)
        _check(handler.parts[-1], declared_bytes(request), wanted)
    except BaseException:
        handler.discard()
        raise
    return ReceivedFile(name, handler.parts[-1])


def _check(part: Part, size_bytes: int | None, sha256: str | None) -> None:
    """Refuse what is not what was sent."""
    if part.size_bytes != size_bytes:
        raise ParseError("The body is shorter than its Content-Length.")
    if sha256 not in {None, part.sha256}:
        raise UploadRefusedError(
            "What arrived is not what was sent: its hash differs from "
            "Content-Digest. Nothing was stored. Send it again.",
            status=422,
            code="digest_mismatch",
        )


def _read(http: HttpRequest, handler: PartUploadHandler, name: str) -> None:
    try:
        handler.new_file(FIELD, name, str(http.content_type), None)
        start = 0
        while chunk := http.read(handler.chunk_size):
            handler.receive_data_chunk(chunk, start)
            start += len(chunk)
        handler.file_complete(start)
    except StopUpload as stopped:
        if handler.refusal is None:
            raise
        raise handler.refusal from stopped


def _wanted_sha256(header: str | None) -> str | None:
    """The hexadecimal hash in `Content-Digest: sha-256=:<base64>:` (RFC 9530)."""
    if header is None:
        return None
    if stated := SHA256.search(header):
        try:
            digest = base64.b64decode(stated[1], validate=True)
        except binascii.Error:
            digest = b""
        if len(digest) == SHA256_BYTES:
            return digest.hex()
    raise ParseError("State Content-Digest as sha-256=:<base64 of the 32 bytes>:")
