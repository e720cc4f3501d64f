"""Accepting: checked, durable, on record; or nothing at all is left of it."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import Error, connection, transaction
from pytest_django import Settings

from predictions.images.errors import StoreFullError
from predictions.images.store import Part, Store
from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    Image,
    JobStatus,
    Laboratory,
    Priority,
    Role,
)
from predictions.services import images
from predictions.services.audit import verify_chains
from predictions.services.cases import open_case
from predictions.services.errors import NotAllowedError
from predictions.services.images import (
    DOORBELL,
    DuplicateImageError,
    ReceivedFile,
    Submission,
    UploadRefusedError,
    may_upload,
    submit_image,
)
from predictions.services.laboratories import create_laboratory
from predictions.services.storage import store
from tests import servers
from tests.data import REPOSITORY
from tests.fields import field_png
from tests.predictions.records import make_person
from tests.threads import all_at_once, wait_until

SPACING_UM = 0.25
DOTS_PER_INCH = 25_400 / SPACING_UM
PNG_SAYS = (DOTS_PER_INCH, DOTS_PER_INCH)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Settings) -> Store:
    """A store of this test's own."""
    settings.STORAGE_ROOT = tmp_path / "files"
    return store()


def received(content: bytes, filename: str = "field.png") -> ReceivedFile:
    part = store().begin()
    part.write(content)
    return ReceivedFile(filename, part)


def submit(
    case: Case,
    content: bytes | None = None,
    *,
    filename: str = "field.png",
    uploaded_by: User | None = None,
    spacing_um: float | None = 0.5,
) -> Submission:
    return submit_image(
        case=case,
        uploaded_by=uploaded_by or case.created_by,
        received=received(content or field_png(), filename),
        spacing_um=spacing_um,
    )


def on_disk(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def assert_nothing_left(root: Path) -> None:
    assert on_disk(root) == []
    assert not Image.objects.exists()
    assert not Analysis.objects.exists()
    assert not AuditEvent.objects.filter(action="image.accept").exists()


# --- Accepted -----------------------------------------------------------------


def test_an_accepted_image_is_on_disk_and_on_record(
    case: Case, alice: User, files: Store, tmp_path: Path
) -> None:
    content = field_png(size_px=(320, 240))
    image, analysis = vars(submit(case, content)).values()

    assert (image.format, image.mode, image.pages) == ("PNG", "RGB", 1)
    assert (image.width_px, image.height_px) == (320, 240)
    assert image.size_bytes == len(content)
    digest = hashlib.sha256(content).hexdigest()
    assert image.sha256_received == image.sha256_stored == digest
    assert files.local(image.stored_file).read_bytes() == content, "to the byte"
    for shown in (image.display_file, image.thumbnail_file):
        assert files.local(shown).read_bytes().startswith(b"\xff\xd8\xff")
    assert len(on_disk(tmp_path)) == 3
    assert analysis.image == image
    assert analysis.status == JobStatus.ACCEPTED
    assert list(Analysis.objects.due()) == [analysis]
    event = AuditEvent.objects.get(action="image.accept")
    assert event.subject == f"image:{image.pk}"
    assert event.actor_id == alice.pk
    assert event.detail == {"sha256": digest, "analysis": str(analysis.pk)}


def test_an_image_of_an_urgent_case_is_urgent(case: Case) -> None:
    case.priority = Priority.URGENT
    case.save()
    assert submit(case).analysis.priority == Priority.URGENT


def test_the_dispatcher_is_rung_for_at_commit(committed_case: Case) -> None:
    with servers.postgres().connect(connection.settings_dict["NAME"]) as listening:
        with listening.cursor() as cursor:
            cursor.execute(f"LISTEN {DOORBELL}")

        def is_rung() -> bool:
            listening.poll()
            return [notice.channel for notice in listening.notifies] == [DOORBELL]

        submit(committed_case)
        wait_until(is_rung, "nobody rang")


def test_images_of_one_label_share_a_specimen(case: Case) -> None:
    one, two = submit(case, field_png(1)).image, submit(case, field_png(2)).image
    assert one.specimen == two.specimen
    assert one.specimen.label == "A"


# --- In this order ------------------------------------------------------------


SUBMIT = """
import sys, django
django.setup()
from django.contrib.auth.models import User
from predictions.models import Case
from predictions.services.images import ReceivedFile, submit_image
from predictions.services.storage import store
part = store().begin()
part.write(sys.stdin.buffer.read())
submit_image(case=Case.objects.get(), uploaded_by=User.objects.get(),
             received=ReceivedFile("field.png", part), spacing_um=0.5)
"""


def test_the_files_are_durable_before_the_row_is_there(
    committed_case: Case, files: Store, tmp_path: Path, settings: Settings
) -> None:
    """Killed in between, it leaves files that nobody knows, and no row."""
    content = field_png()
    environment = {**os.environ, "STORAGE_ROOT": str(settings.STORAGE_ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", SUBMIT],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
    ) as submitting:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE predictions_image IN EXCLUSIVE MODE")
                assert submitting.stdin is not None
                submitting.stdin.write(content)
                submitting.stdin.close()
                wait_until(somebody_waits_to_insert, "it never came to the row")
                assert len(list(files.kept(older_than_s=-1))) == 3
                assert content in [path.read_bytes() for path in on_disk(tmp_path)]
                submitting.kill()
                submitting.wait()
        finally:
            submitting.kill()
    assert not Image.objects.exists()
    assert not Analysis.objects.exists()
    assert not AuditEvent.objects.filter(action="image.accept").exists()


def somebody_waits_to_insert() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation ="
            " 'predictions_image'::regclass AND mode = 'RowExclusiveLock'"
            " AND database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database())"
        )
        return bool(cursor.fetchone() != (0,))


# --- The same again -----------------------------------------------------------


def test_the_same_bytes_in_the_same_case_are_linked_not_stored(
    case: Case, bob: User, tmp_path: Path
) -> None:
    first = submit(case).image
    with pytest.raises(DuplicateImageError) as refused:
        submit(case, filename="other name.png", uploaded_by=bob)

    assert refused.value.image == first
    assert refused.value.more == {"image": str(first.pk)}
    assert Image.objects.count() == Analysis.objects.count() == 1
    assert len(on_disk(tmp_path)) == 3


def test_the_same_bytes_in_another_case_are_another_image(
    case: Case, alice: User, laboratory: Laboratory
) -> None:
    other = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0002",
        patient_code="P-0002",
    )
    submit(case)
    submit(other)
    assert Image.objects.count() == 2


def test_twenty_at_once_are_one_image(committed_case: Case, tmp_path: Path) -> None:
    def try_it() -> UUID | None:
        try:
            return submit(committed_case).image.pk
        except DuplicateImageError:
            return None

    accepted = [pk for pk in all_at_once([try_it] * 20) if pk is not None]
    assert accepted == [Image.objects.get().pk]
    assert Analysis.objects.count() == 1
    assert AuditEvent.objects.filter(action="image.accept").count() == 1
    assert list(verify_chains()) == []
    assert len(on_disk(tmp_path)) == 3, "the others' files are left"


# --- Refused before the body is read ------------------------------------------


def test_who_works_there_may_upload(case: Case, alice: User, bob: User) -> None:
    for member in (alice, bob):
        may_upload(case=case, user=member, declared_bytes=1000)


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_others_may_not_upload(
    case: Case, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Neither somebody from elsewhere nor the laboratory's administrator."""
    person = request.getfixturevalue(name)
    with pytest.raises(NotAllowedError, match="technician or a pathologist"):
        may_upload(case=case, user=person, declared_bytes=1000)
    with pytest.raises(NotAllowedError):
        submit(case, uploaded_by=person)
    assert_nothing_left(tmp_path)


def test_who_was_disabled_may_not_upload(case: Case, alice: User) -> None:
    alice.is_active = False
    alice.save()
    with pytest.raises(NotAllowedError):
        may_upload(case=case, user=alice, declared_bytes=1000)


def refusal_before(case: Case, declared_bytes: int | None) -> UploadRefusedError:
    with pytest.raises(UploadRefusedError) as refused:
        may_upload(case=case, user=case.created_by, declared_bytes=declared_bytes)
    return refused.value


def test_more_than_the_quota_is_refused(case: Case, laboratory: Laboratory) -> None:
    content = field_png()
    submit(case, content)
    laboratory.quota_bytes = len(content) + 1000
    laboratory.save()
    case.refresh_from_db()

    may_upload(case=case, user=case.created_by, declared_bytes=1000)
    refused = refusal_before(case, 1001)
    assert (refused.status, refused.code) == (507, "quota_used_up")


def test_the_disk_is_never_filled_to_the_brim(case: Case, settings: Settings) -> None:
    settings.MIN_FREE_BYTES = 10**18
    refused = refusal_before(case, None)
    assert (refused.status, refused.code) == (507, "store_full")


def test_the_declared_size_counts_as_used(
    case: Case, settings: Settings, files: Store
) -> None:
    free = files.free_bytes()
    settings.MIN_FREE_BYTES = free - 100_000_000
    assert refusal_before(case, 200_000_000).code == "store_full"


def test_more_than_all_files_may_have_is_too_large(case: Case) -> None:
    assert refusal_before(case, 10**12).status == 413


# --- Spacing ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated_um", "content", "used_um", "is_assumed"),
    [
        (0.3, field_png(dpi=PNG_SAYS), 0.3, False),
        (None, field_png(dpi=PNG_SAYS), SPACING_UM, False),
        (None, field_png(), 0.5, True),
        (None, field_png(dpi=(72, 72)), 0.5, True),
    ],
    ids=["stated", "by the file", "by default", "for paper"],
)
def test_the_spacing_is_stated_found_or_assumed(
    case: Case,
    stated_um: float | None,
    content: bytes,
    used_um: float,
    is_assumed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    image = submit(case, content, spacing_um=stated_um).image
    assert image.spacing_um == pytest.approx(used_um, rel=1e-3)
    assert image.spacing_assumed is is_assumed


def test_without_a_default_the_spacing_stays_unknown(
    case: Case, laboratory: Laboratory
) -> None:
    laboratory.default_spacing_um = None
    laboratory.save()
    case.refresh_from_db()
    image = submit(case, spacing_um=None).image
    assert image.spacing_um is None
    assert image.spacing_assumed is False


@pytest.mark.parametrize("spacing_um", [0.0, -0.5, 51.0, float("nan"), float("inf")])
def test_a_spacing_of_no_microscope_is_refused(
    case: Case, spacing_um: float, tmp_path: Path
) -> None:
    with pytest.raises(UploadRefusedError, match="no microscope") as refused:
        submit(case, spacing_um=spacing_um)
    assert refused.value.status == 422
    assert_nothing_left(tmp_path)


# --- Refused: nothing is left -------------------------------------------------


@pytest.mark.parametrize(
    ("content", "filename", "status", "code"),
    [
        (b"GIF89a", "field.png", 415, "unknown_format"),
        (field_png()[:3000], "field.png", 422, "broken"),
        (field_png(), "page.html", 415, "wrong_extension"),
    ],
)
def test_a_refused_file_leaves_nothing(
    case: Case, content: bytes, filename: str, status: int, code: str, tmp_path: Path
) -> None:
    with pytest.raises(UploadRefusedError) as refused:
        submit(case, content, filename=filename)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert str(refused.value), "words for a person"
    assert_nothing_left(tmp_path)


class FillsUp(Store):
    """A real store whose disk is full after so many files."""

    def __init__(self, root: Path, room: int) -> None:
        super().__init__(root)
        self.room = room

    def keep(self, part: Part) -> UUID:
        if self.room == 0:
            raise StoreFullError
        self.room -= 1
        return super().keep(part)


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_disk_that_fills_up_midway_keeps_nothing(
    case: Case, room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = FillsUp(tmp_path / "files", room)
    monkeypatch.setattr(images, "store", lambda: full)
    with pytest.raises(UploadRefusedError) as refused:
        submit(case)
    assert refused.value.status == 507
    assert_nothing_left(tmp_path)


def test_a_record_that_fails_leaves_no_file(
    committed_case: Case, tmp_path: Path
) -> None:
    name = connection.settings_dict["NAME"]
    with servers.postgres().connect(name) as server, server.cursor() as cursor:
        cursor.execute("REVOKE INSERT ON predictions_analysis FROM histoapp_app")
    with pytest.raises(Error):
        submit(committed_case)
    assert_nothing_left(tmp_path)


@pytest.fixture
def committed_case(committed_db: str) -> Case:
    laboratory = create_laboratory(name="North")
    alice = make_person("alice", laboratory, Role.TECHNICIAN)
    return open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
    )
