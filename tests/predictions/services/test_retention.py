"""Files go after the retention period; hash and trail stay."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from predictions.images.store import Store
from predictions.models import Analysis, AuditEvent, Case, Image, Laboratory
from predictions.services import retention
from predictions.services.audit import verify_chains
from predictions.services.images import UploadRefusedError, may_upload
from predictions.services.integrity import check_integrity
from predictions.services.retention import (
    drop_leftovers,
    due_for_purge,
    files_of,
    purge_image,
)
from predictions.services.storage import store
from tests.predictions.records import (
    make_analysis,
    make_image,
    make_prediction,
    make_running,
    withdraw,
)

DAYS = 30


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_ROOT = tmp_path


@pytest.fixture
def old(case: Case, alice: User, laboratory: Laboratory) -> Image:
    """Uploaded a second more than the retention period ago; answered, with files."""
    laboratory.retention_days = DAYS
    laboratory.save()
    image = make_image(
        case,
        alice,
        stored_file=store().keep_bytes(b"as sent"),
        display_file=store().keep_bytes(b"display"),
        thumbnail_file=store().keep_bytes(b"thumbnail"),
    )
    make_prediction(image, heatmap_file=store().keep_bytes(b"heatmap"))
    set_age(image, timedelta(days=DAYS, seconds=1))
    return image


def set_age(image: Image, age: timedelta) -> None:
    Image.objects.filter(pk=image.pk).update(uploaded_at=timezone.now() - age)
    image.refresh_from_db()


def on_disk(root: Path) -> int:
    return sum(path.is_file() for path in root.rglob("*"))


def test_an_old_image_loses_its_files_and_its_name(old: Image, tmp_path: Path) -> None:
    assert on_disk(tmp_path) == 4
    assert purge_image(image=old)
    assert on_disk(tmp_path) == 0
    old.refresh_from_db()
    assert old.purged_at is not None
    assert old.filename == ""


def test_hash_answer_trail_stay(old: Image) -> None:
    sha256 = old.sha256_received
    purge_image(image=old)
    event = AuditEvent.objects.get(action="image.purge")
    assert (event.actor, event.subject) == ("system", f"image:{old.pk}")
    assert event.detail == {"sha256": sha256, "sha256_stored": old.sha256_stored}
    old.refresh_from_db()
    assert old.sha256_received == sha256
    assert old.analyses.get().prediction.outcome == "malignant"
    assert list(verify_chains()) == []


def test_nothing_goes_before_its_time(old: Image, tmp_path: Path) -> None:
    set_age(old, timedelta(days=DAYS) - timedelta(minutes=1))
    assert not due_for_purge().exists()
    assert not purge_image(image=old)
    assert on_disk(tmp_path) == 4


def test_without_a_period_files_are_kept_for_ever(
    old: Image, laboratory: Laboratory
) -> None:
    laboratory.retention_days = None
    laboratory.save()
    set_age(old, timedelta(days=10_000))
    assert not due_for_purge().exists()


@pytest.mark.parametrize("begin", [make_analysis, make_running])
def test_what_is_being_analysed_is_not_taken_away(
    old: Image, begin: Callable[[Image], Analysis], tmp_path: Path
) -> None:
    begin(old)
    assert not purge_image(image=old)
    assert on_disk(tmp_path) == 4


def test_a_withdrawn_image_goes_too(old: Image) -> None:
    withdraw(old)
    assert purge_image(image=old)


def test_a_second_purge_does_nothing(old: Image) -> None:
    assert purge_image(image=old)
    assert not purge_image(image=old)
    assert AuditEvent.objects.filter(action="image.purge").count() == 1


class DiesAfter(Store):
    """A real store whose process is killed after so many files were removed."""

    def __init__(self, root: Path, drops: int) -> None:
        super().__init__(root)
        self.drops = drops

    def drop(self, file_id: UUID) -> None:
        if self.drops == 0:
            raise KeyboardInterrupt
        self.drops -= 1
        super().drop(file_id)


@pytest.mark.parametrize("drops", [0, 1, 2, 3])
def test_killed_between_two_files_the_next_run_ends_it(
    old: Image, drops: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = DiesAfter(tmp_path, drops)
    with monkeypatch.context() as patch:
        patch.setattr(retention, "store", lambda: dying)
        with pytest.raises(KeyboardInterrupt):
            purge_image(image=old)
    assert on_disk(tmp_path) == 4 - drops
    assert_next_run_ends_it(old, tmp_path)


@pytest.mark.parametrize("step", ["record_event", "purge"])
def test_killed_before_it_is_on_record_the_next_run_ends_it(
    old: Image, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "purge":
            patch.setattr(Image.objects, "purge", die, raising=False)
        else:
            patch.setattr(retention, "record_event", die)
        with pytest.raises(KeyboardInterrupt):
            purge_image(image=old)
    assert on_disk(tmp_path) == 0
    assert_next_run_ends_it(old, tmp_path)


def assert_next_run_ends_it(old: Image, root: Path) -> None:
    old.refresh_from_db()
    assert old.purged_at is None, "never said before it is so"
    assert not AuditEvent.objects.filter(action="image.purge").exists()
    assert list(due_for_purge()) == [old]
    assert purge_image(image=old)
    old.refresh_from_db()
    assert old.purged_at is not None
    assert on_disk(root) == 0
    assert AuditEvent.objects.filter(action="image.purge").count() == 1
    assert check_integrity().faults == []


# --- The store and the record ---------------------------------------------------


def test_a_purged_file_is_not_missing(old: Image) -> None:
    purge_image(image=old)
    assert check_integrity().faults == []


@pytest.mark.parametrize(
    "what", ["stored file", "display file", "thumbnail file", "heatmap"]
)
def test_a_purged_file_that_is_there_again_is_named_until_it_is_dropped(
    old: Image, what: str, tmp_path: Path
) -> None:
    names = ["stored file", "display file", "thumbnail file", "heatmap"]
    back = list(files_of(old))[names.index(what)]
    path = store().local(back)
    content = path.read_bytes()
    purge_image(image=old)
    path.write_bytes(content)

    (fault,) = check_integrity().faults
    assert fault.what == f"the {what} is there after its purge"
    subject = "prediction" if what == "heatmap" else "image"
    pk = old.analyses.get().pk if what == "heatmap" else old.pk
    assert fault.subject == f"{subject}:{pk}"
    assert drop_leftovers() == 1
    assert on_disk(tmp_path) == 0
    assert check_integrity().faults == []


def test_what_was_purged_takes_no_room(old: Image, laboratory: Laboratory) -> None:
    laboratory.quota_bytes = old.size_bytes
    laboratory.save()
    case = Case.objects.get()
    with pytest.raises(UploadRefusedError):
        may_upload(case=case, user=case.created_by, declared_bytes=1)
    purge_image(image=old)
    may_upload(case=case, user=case.created_by, declared_bytes=1)


# --- manage.py purge --------------------------------------------------------------


def test_the_command_removes_what_is_due(
    old: Image, case: Case, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    young = make_image(case, alice)
    call_command("purge")
    assert capsys.readouterr().out == "Removed the files of 1 images.\n"
    assert list(Image.objects.kept()) == [young]
    call_command("purge")
    assert capsys.readouterr().out == "Removed the files of 0 images.\n"


def test_a_dry_run_names_them_and_removes_nothing(
    old: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("purge", "--dry-run")
    said = capsys.readouterr().out
    assert f"image:{old.pk}" in said
    assert said.endswith("1 images are due.\n")
    assert old.filename not in said
    assert on_disk(tmp_path) == 4
    assert Image.objects.kept().count() == 1


def test_the_command_drops_what_is_there_again(
    old: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    path = store().local(old.stored_file)
    purge_image(image=old)
    path.write_bytes(b"from a backup")
    call_command("purge")
    assert "Removed 1 files that were there again." in capsys.readouterr().out
    assert not path.exists()
