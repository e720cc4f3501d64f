"""Person, case, role, quota, disk: all decided while the body is still with its sender.

Over a real socket to the real web server: the head of an upload is sent, its body is
not. An answer that comes all the same was made without the body.
"""

import socket
from pathlib import Path

import pytest

from predictions.models import Image, Laboratory, Role
from predictions.services.laboratories import create_laboratory
from tests.predictions.api.conftest import png
from tests.predictions.api.web import (
    ANSWERED_S,
    BODY_BYTES,
    Web,
    read_answer,
    token_of,
)
from tests.predictions.records import make_person

FORM = "Content-Type: multipart/form-data; boundary=x"
RAW = "Content-Type: image/png"


@pytest.mark.parametrize("content_type", [FORM, RAW], ids=["form", "raw"])
def test_whoever_may_not_is_answered_before_the_body(
    web: Web, content_type: str
) -> None:
    charlie = make_person("charlie", create_laboratory(name="South"), Role.PATHOLOGIST)
    dora = make_person("dora", web.laboratory, Role.ADMINISTRATOR)
    alice = token_of(web.case.created_by)
    expecting = "Expect: 100-continue"
    assert web.refuse(content_type) == 401
    assert web.refuse(content_type, expecting) == 401
    assert web.refuse(content_type, "Authorization: Bearer histo_wrong") == 401
    assert web.refuse(content_type, token_of(charlie)) == 404
    assert web.refuse(content_type, token_of(dora)) == 403
    assert web.refuse(content_type, alice, "Content-Encoding: gzip") == 415
    assert web.refuse("Content-Type: text/html", alice) == 415
    assert web.refuse(content_type, alice, size_bytes=10**10) == 413
    Laboratory.objects.update(quota_bytes=BODY_BYTES - 1)
    assert web.refuse(content_type, alice) == 507
    assert web.refuse(content_type, alice, expecting) == 507
    assert not Image.objects.exists()


def test_whoever_may_is_not_answered_before_the_body(web: Web) -> None:
    alice, content = token_of(web.case.created_by), png()
    with web.open(RAW, alice, f"Content-Length: {len(content)}") as client:
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(ANSWERED_S)
        client.sendall(content)
        status, _ = read_answer(client)
    assert status == 201


def test_an_upload_that_breaks_off_leaves_nothing(web: Web, tmp_path: Path) -> None:
    alice, content = token_of(web.case.created_by), png()
    with web.open(RAW, alice, f"Content-Length: {len(content) + 1}") as client:
        client.sendall(content)
        client.shutdown(socket.SHUT_WR)
        status, _ = read_answer(client)
    assert status == 400
    assert not Image.objects.exists()
    assert list((tmp_path / "files" / "incoming").glob("*")) == []


def test_a_body_of_unknown_length_is_refused(web: Web) -> None:
    alice = token_of(web.case.created_by)
    with web.open(RAW, alice, "Transfer-Encoding: chunked") as client:
        status, _ = read_answer(client)
    assert status == 411
