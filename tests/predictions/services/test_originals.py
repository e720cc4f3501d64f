"""The bytes as sent: for pathologists and administrators, each time on the trail."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from predictions.models import AuditEvent, Case, Image
from predictions.services.errors import NotAllowedError
from predictions.services.originals import (
    OriginalGoneError,
    find_original,
    open_original,
)
from predictions.services.storage import store
from tests.predictions.records import make_image, purge_without_files

CONTENT = b"\xff\xd8 EXIF and all"


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_ROOT = tmp_path


@pytest.fixture
def sent(case: Case, alice: User) -> Image:
    return make_image(case, alice, stored_file=store().keep_bytes(CONTENT))


def events() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action="image.original"))


@pytest.mark.parametrize("name", ["bob", "dora"])
def test_each_opening_is_on_the_trail(
    sent: Image, name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    for _ in range(2):
        path = open_original(image=sent, opened_by=person)
        assert path.read_bytes() == CONTENT
    assert [event.actor_id for event in events()] == [person.pk] * 2
    assert events()[0].subject == f"image:{sent.pk}"
    assert events()[0].detail == {"sha256": sent.sha256_stored}


def test_asking_whether_it_is_there_opens_nothing(sent: Image, bob: User) -> None:
    assert find_original(image=sent, asked_by=bob).exists()
    assert events() == []


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_others_do_not_get_it(
    sent: Image, name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    with pytest.raises(NotAllowedError):
        open_original(image=sent, opened_by=person)
    assert events() == []


def test_what_was_purged_is_gone(sent: Image, bob: User) -> None:
    purge_without_files(sent)
    with pytest.raises(OriginalGoneError, match="retention") as refused:
        open_original(image=sent, opened_by=bob)
    assert refused.value.status == 410
    assert events() == []


def test_a_missing_file_is_said(image: Image, bob: User) -> None:
    with pytest.raises(OriginalGoneError, match="administrator"):
        open_original(image=image, opened_by=bob)
    assert events() == []
