"""The bytes as sent, as an attachment of the portal."""

import io
from collections.abc import Callable

import pytest
from django.http import FileResponse
from django.test import Client
from PIL import Image as Picture

from predictions.models import AuditEvent, Case, Image
from predictions.services.images import ReceivedFile, Submission, submit_image
from predictions.services.storage import store
from tests.predictions.records import purge_without_files

Submit = Callable[..., Submission]


def path_of(image: Image) -> str:
    return f"/images/{image.pk}/original/"


def download(client: Client, image: Image) -> FileResponse:
    response = client.get(path_of(image))
    assert isinstance(response, FileResponse)
    assert response.getvalue()
    return response


def events() -> int:
    return AuditEvent.objects.filter(action="image.original").count()


@pytest.fixture
def photograph(case: Case) -> tuple[Image, bytes]:
    """A JPEG whose EXIF says more than a browser is ever shown; and its bytes."""
    exif = Picture.Exif()
    exif[0x010E] = "Mrs Miller"
    stream = io.BytesIO()
    Picture.new("RGB", (64, 64), (200, 120, 0)).save(stream, "JPEG", exif=exif)
    part = store().begin()
    part.write(stream.getvalue())
    submission = submit_image(
        case=case,
        uploaded_by=case.created_by,
        received=ReceivedFile("mrs-miller.jpeg", part),
        spacing_um=None,
    )
    return submission.image, stream.getvalue()


@pytest.mark.parametrize("who", ["as_bob", "as_dora"])
def test_keepers_get_every_byte_as_an_attachment(
    photograph: tuple[Image, bytes], who: str, request: pytest.FixtureRequest
) -> None:
    image, content = photograph
    client: Client = request.getfixturevalue(who)
    response = client.get(path_of(image))
    assert isinstance(response, FileResponse)
    assert response.getvalue() == content
    assert b"Mrs Miller" in content
    assert response["Content-Type"] == "application/octet-stream"
    name = f"S26-0001-{str(image.pk)[:8]}-original.jpg"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]
    assert events() == 1


def test_each_download_is_on_the_trail(as_bob: Client, submit: Submit) -> None:
    image = submit().image
    for _ in range(2):
        download(as_bob, image)
    assert events() == 2


def test_asking_for_the_head_only_is_no_download(
    as_bob: Client, submit: Submit
) -> None:
    image = submit().image
    response = as_bob.head(path_of(image))
    assert response.status_code == 200
    assert response["Content-Length"] == str(image.size_bytes)
    assert events() == 0


def test_a_technician_is_told_whom_to_ask(as_alice: Client, submit: Submit) -> None:
    image = submit().image
    response = as_alice.get(path_of(image))
    assert response.status_code == 403
    assert "Ask a pathologist or an administrator of North" in response.content.decode()
    assert as_alice.head(path_of(image)).status_code == 403
    assert events() == 0


def test_somebody_elses_is_not_there(as_charlie: Client, submit: Submit) -> None:
    assert as_charlie.get(path_of(submit().image)).status_code == 404


def test_what_was_purged_is_gone(as_bob: Client, image: Image) -> None:
    purge_without_files(image)
    response = as_bob.get(path_of(image))
    assert response.status_code == 410
    assert "retention period" in response.content.decode()


def test_the_link_is_offered_to_keepers_only(
    as_alice: Client, as_bob: Client, as_dora: Client, submit: Submit
) -> None:
    image = submit().image
    offers = {
        client: path_of(image) in client.get(f"/images/{image.pk}/").content.decode()
        for client in (as_alice, as_bob, as_dora)
    }
    assert offers == {as_alice: False, as_bob: True, as_dora: True}
