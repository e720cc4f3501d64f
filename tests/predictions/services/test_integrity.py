"""Looking for rot in the store."""

import hashlib
import os
import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from predictions.models import Case, Image
from predictions.services.integrity import SETTLED_S, check_integrity
from predictions.services.storage import store
from tests.predictions.records import make_image, make_prediction

CONTENT = b"the bytes of an image"


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_ROOT = tmp_path


@pytest.fixture
def kept(case: Case, alice: User) -> Image:
    """An image whose files are all there."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return make_image(
        case,
        alice,
        sha256_received=sha256,
        sha256_stored=sha256,
        stored_file=store().keep_bytes(CONTENT),
        display_file=store().keep_bytes(b"display"),
        thumbnail_file=store().keep_bytes(b"thumbnail"),
    )


def keep_long_ago(content: bytes) -> uuid.UUID:
    file_id = store().keep_bytes(content)
    path = store().local(file_id)
    written = path.stat().st_mtime - SETTLED_S - 60
    os.utime(path, (written, written))
    return file_id


def faults() -> list[tuple[str, str]]:
    return [(fault.subject, fault.what) for fault in check_integrity().faults]


def test_a_sound_store_has_no_fault(kept: Image) -> None:
    make_prediction(kept, heatmap_file=keep_long_ago(b"heatmap"))
    checked = check_integrity()
    assert checked.images == 1
    assert checked.faults == []


def test_a_missing_file_is_named(kept: Image) -> None:
    store().drop(kept.stored_file)
    assert faults() == [(f"image:{kept.pk}", "the stored file is missing")]


def test_a_changed_byte_is_named(kept: Image) -> None:
    store().local(kept.stored_file).write_bytes(CONTENT.replace(b"image", b"imago"))
    assert faults() == [(f"image:{kept.pk}", "the stored file has another hash")]


@pytest.mark.parametrize("name", ["display", "thumbnail"])
def test_a_missing_picture_is_named(kept: Image, name: str) -> None:
    store().drop(getattr(kept, f"{name}_file"))
    assert faults() == [(f"image:{kept.pk}", f"the {name} is missing")]


def test_a_missing_heatmap_is_named(kept: Image) -> None:
    prediction = make_prediction(kept, heatmap_file=uuid.uuid4())
    assert faults() == [(f"prediction:{prediction.pk}", "the heatmap is missing")]


def test_a_file_that_no_record_names_is_an_orphan(kept: Image) -> None:
    orphan = keep_long_ago(b"left over")
    assert faults() == [(f"file:{orphan}", "no record names this file")]
    assert store().local(orphan).exists()  # Looking changes nothing.


def test_a_file_whose_row_is_still_being_written_is_no_orphan(kept: Image) -> None:
    store().keep_bytes(b"just now")
    assert faults() == []
