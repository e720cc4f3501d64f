"""An image in the wrong case: void there, accepted anew where it belongs."""

import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import Error, IntegrityError, connection, transaction
from pytest_django.fixtures import Settings

from predictions.images.errors import StoreFullError
from predictions.images.store import Store
from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    Image,
    JobStatus,
    Laboratory,
    Outcome,
    Prediction,
    Priority,
    Role,
)
from predictions.services import withdrawals
from predictions.services.analyses import (
    Answer,
    StaleAnswerError,
    ask_again,
    record_answer,
)
from predictions.services.audit import verify_chains
from predictions.services.cases import open_case
from predictions.services.errors import ConflictError, NotAllowedError
from predictions.services.images import (
    DuplicateImageError,
    UploadRefusedError,
    refuse_duplicate,
)
from predictions.services.laboratories import create_laboratory
from predictions.services.spacing import state_spacing
from predictions.services.standing import ImagePurgedError, ImageWithdrawnError
from predictions.services.storage import store
from predictions.services.withdrawals import (
    FACTS,
    OtherLaboratoryError,
    move_image,
    withdraw_image,
)
from predictions.services.words import WordsRefusedError
from tests import servers
from tests.predictions.records import (
    MODEL,
    make_analysis,
    make_failed,
    make_image,
    make_model_version,
    make_person,
    make_prediction,
    make_running,
    purge_without_files,
)
from tests.threads import all_at_once

REASON = "It belongs to another patient."


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    settings.STORAGE_ROOT = tmp_path


def withdraw(image: Image, by: User, reason: str = REASON) -> Image:
    return withdraw_image(image=image, reason=reason, withdrawn_by=by)


def keep_image(case: Case, uploaded_by: User, **facts: object) -> Image:
    """An image whose three files are there."""
    return make_image(
        case,
        uploaded_by,
        stored_file=store().keep_bytes(b"as sent"),
        display_file=store().keep_bytes(b"display"),
        thumbnail_file=store().keep_bytes(b"thumbnail"),
        **facts,
    )


def open_other(laboratory: Laboratory, opened_by: User, number: str) -> Case:
    return open_case(
        laboratory=laboratory,
        opened_by=opened_by,
        accession_number=number,
        patient_code="P-0002",
        priority=Priority.URGENT,
    )


@pytest.fixture
def right_case(laboratory: Laboratory, alice: User) -> Case:
    return open_other(laboratory, alice, "S26-0002")


def kept_files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


# --- Withdrawing --------------------------------------------------------------


def test_a_withdrawn_image_says_who_when_why(image: Image, bob: User) -> None:
    withdrawn = withdraw(image, bob, "  Another patient's.\r\nSee the request form. ")
    assert withdrawn.is_void
    assert withdrawn.withdrawn_by == bob
    assert withdrawn.withdrawal_reason == "Another patient's.\nSee the request form."
    assert list(Image.objects.standing()) == []


def test_a_withdrawal_is_on_the_trail_without_its_reason(
    image: Image, alice: User
) -> None:
    waiting = make_analysis(image)
    withdraw(image, alice)
    event = AuditEvent.objects.get(action="image.withdraw")
    assert (event.actor_id, event.subject) == (alice.pk, f"image:{image.pk}")
    assert event.detail == {
        "sha256": image.sha256_received,
        "cancelled": [str(waiting.pk)],
    }
    assert list(verify_chains()) == []


@pytest.mark.parametrize("begin", [make_analysis, make_running])
def test_what_is_under_way_ends_and_what_ended_stays(
    image: Image, alice: User, begin: Callable[[Image], Analysis]
) -> None:
    answered, failed = make_prediction(image), make_failed(image)
    under_way = begin(image)
    withdraw(image, alice)
    under_way.refresh_from_db()
    failed.refresh_from_db()
    assert under_way.status == JobStatus.CANCELLED
    assert failed.status == JobStatus.FAILED
    assert Prediction.objects.get() == answered, "void, and on record"


def test_the_late_answer_about_a_withdrawn_image_is_discarded(
    image: Image, alice: User
) -> None:
    make_analysis(image)
    make_model_version()
    held = Analysis.objects.claim(Analysis.objects.get().pk)
    assert held is not None
    withdraw(image, alice)
    answer = Answer(MODEL, 1, Outcome.MALIGNANT, probability=0.9)
    with pytest.raises(StaleAnswerError):
        record_answer(held=held, answer=answer)
    assert not Prediction.objects.exists()
    assert Analysis.objects.get().status == JobStatus.CANCELLED


def test_a_second_withdrawal_is_a_conflict(
    image: Image, alice: User, bob: User
) -> None:
    withdraw(image, alice)
    with pytest.raises(ConflictError) as refused:
        withdraw(image, bob, "Me too.")
    assert refused.value.code == "image_withdrawn"
    image.refresh_from_db()
    assert (image.withdrawn_by, image.withdrawal_reason) == (alice, REASON)
    assert AuditEvent.objects.filter(action="image.withdraw").count() == 1


def test_a_withdrawal_is_not_taken_back(image: Image, alice: User) -> None:
    withdraw(image, alice)
    with pytest.raises(IntegrityError, match="final"), transaction.atomic():
        Image.objects.update(withdrawn_at=None, withdrawn_by=None, withdrawal_reason="")


@pytest.mark.parametrize("reason", ["", "no", "  no  ", "x" * 501, "wrong\x00case"])
def test_a_reason_is_words_of_a_length(
    image: Image, alice: User, right_case: Case, reason: str
) -> None:
    with pytest.raises(WordsRefusedError):
        withdraw(image, alice, reason)
    with pytest.raises(WordsRefusedError):
        move_image(image=image, to_case=right_case, reason=reason, moved_by=alice)
    image.refresh_from_db()
    assert not image.is_void


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_only_who_uploads_there_may_withdraw_or_move(
    image: Image, right_case: Case, name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    with pytest.raises(NotAllowedError):
        withdraw(image, person)
    with pytest.raises(NotAllowedError):
        move_image(image=image, to_case=right_case, reason=REASON, moved_by=person)
    image.refresh_from_db()
    assert not image.is_void


def test_nothing_more_is_asked_about_a_withdrawn_image(
    image: Image, alice: User
) -> None:
    failed = make_failed(image)
    seen = Image.objects.get(pk=image.pk)  # Before it was withdrawn.
    withdraw(image, alice)
    with pytest.raises(ImageWithdrawnError):
        ask_again(analysis=failed, asked_by=alice)
    with pytest.raises(ImageWithdrawnError):
        state_spacing(image=seen, spacing_um=0.25, stated_by=alice)
    assert Analysis.objects.get() == failed
    seen.refresh_from_db()
    assert seen.spacing_um == 0.5


def test_nothing_more_is_asked_about_an_image_without_files(
    image: Image, alice: User
) -> None:
    failed = make_failed(image)
    purge_without_files(image)
    with pytest.raises(ImagePurgedError):
        ask_again(analysis=failed, asked_by=alice)
    with pytest.raises(ImagePurgedError):
        state_spacing(image=image, spacing_um=0.25, stated_by=alice)


def test_the_same_bytes_may_come_again_after_a_withdrawal(
    image: Image, case: Case, alice: User
) -> None:
    with pytest.raises(DuplicateImageError):
        refuse_duplicate(case=case, sha256=image.sha256_received)
    withdraw(image, alice)
    refuse_duplicate(case=case, sha256=image.sha256_received)
    again = make_image(case, alice, sha256_received=image.sha256_received)
    assert list(Image.objects.standing()) == [again]


# --- Moving -------------------------------------------------------------------


def test_a_moved_image_is_void_there_and_whole_here(
    case: Case, right_case: Case, alice: User, bob: User
) -> None:
    image = keep_image(case, alice, magnification=40.0, spacing_assumed=True)
    image.specimen = case.specimens.create(label="B2")
    image.save(update_fields=["specimen"])
    moved, analysis = _move(image, right_case, bob)

    image.refresh_from_db()
    assert image.is_void
    assert (image.withdrawn_by, image.withdrawal_reason) == (bob, REASON)
    assert image.moved_to == moved
    assert (moved.case, moved.moved_from, moved.is_void) == (right_case, image, False)
    assert (moved.specimen.case, moved.specimen.label) == (right_case, "B2")
    assert {name: getattr(moved, name) for name in FACTS} == {
        name: getattr(image, name) for name in FACTS
    }
    assert moved.uploaded_at == image.uploaded_at, "retention counts from the upload"
    assert (analysis.image, analysis.asked_by) == (moved, bob)
    assert (analysis.status, analysis.priority) == ("accepted", Priority.URGENT)


def _move(image: Image, to_case: Case, by: User) -> tuple[Image, Analysis]:
    submission = move_image(image=image, to_case=to_case, reason=REASON, moved_by=by)
    return submission.image, submission.analysis


def test_each_has_files_of_its_own(case: Case, right_case: Case, alice: User) -> None:
    image = keep_image(case, alice)
    moved, _ = _move(image, right_case, alice)
    for name in ("stored_file", "display_file", "thumbnail_file"):
        assert getattr(moved, name) != getattr(image, name)
        store().drop(getattr(image, name))
    assert store().local(moved.stored_file).read_bytes() == b"as sent"
    assert store().local(moved.display_file).read_bytes() == b"display"
    assert store().local(moved.thumbnail_file).read_bytes() == b"thumbnail"


def test_both_sides_are_on_the_trail(case: Case, right_case: Case, alice: User) -> None:
    image = keep_image(case, alice)
    waiting = make_analysis(image)
    moved, analysis = _move(image, right_case, alice)
    events = AuditEvent.objects.filter(action="image.move").order_by("sequence")
    told = [(event.subject, event.detail) for event in events]
    sha256 = image.sha256_received
    assert told == [
        (
            f"image:{image.pk}",
            {"sha256": sha256, "to": str(moved.pk), "cancelled": [str(waiting.pk)]},
        ),
        (
            f"image:{moved.pk}",
            {"sha256": sha256, "from": str(image.pk), "analysis": str(analysis.pk)},
        ),
    ]
    assert list(verify_chains()) == []


def test_a_duplicate_there_is_named_and_nothing_moves(
    case: Case, right_case: Case, alice: User, tmp_path: Path
) -> None:
    image = keep_image(case, alice)
    same = make_image(right_case, alice, sha256_received=image.sha256_received)
    with pytest.raises(DuplicateImageError) as refused:
        _move(image, right_case, alice)
    assert refused.value.more == {"image": str(same.pk)}
    image.refresh_from_db()
    assert not image.is_void
    assert len(kept_files(tmp_path)) == 3


def test_an_image_is_not_moved_to_where_it_is(case: Case, alice: User) -> None:
    image = keep_image(case, alice)
    with pytest.raises(DuplicateImageError):
        _move(image, case, alice)


def test_an_image_stays_in_its_laboratory(
    case: Case, alice: User, elsewhere: Laboratory
) -> None:
    """Even for somebody who works in both."""
    make_both = make_person("erin", elsewhere, Role.TECHNICIAN)
    foreign = open_other(elsewhere, make_both, "S26-0002")
    image = keep_image(case, alice)
    with pytest.raises(OtherLaboratoryError):
        _move(image, foreign, alice)
    assert Image.objects.get() == image


def test_a_withdrawn_image_is_not_moved(
    case: Case, right_case: Case, alice: User, tmp_path: Path
) -> None:
    image = keep_image(case, alice)
    withdraw(image, alice)
    with pytest.raises(ImageWithdrawnError):
        _move(image, right_case, alice)
    assert Image.objects.get() == image
    assert len(kept_files(tmp_path)) == 3, "no copy is left"


def test_an_image_without_files_is_not_moved(
    image: Image, right_case: Case, alice: User
) -> None:
    purge_without_files(image)
    with pytest.raises(ImagePurgedError):
        _move(image, right_case, alice)


class FillsUp(Store):
    """A real store that can copy only so many."""

    def __init__(self, root: Path, room: int) -> None:
        super().__init__(root)
        self.room = room

    def copy(self, file_id: UUID) -> UUID:
        if self.room == 0:
            raise StoreFullError
        self.room -= 1
        return super().copy(file_id)


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_disk_that_fills_up_midway_leaves_all_as_it_was(
    case: Case,
    right_case: Case,
    alice: User,
    room: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = keep_image(case, alice)
    full = FillsUp(tmp_path, room)
    monkeypatch.setattr(withdrawals, "store", lambda: full)
    with pytest.raises(UploadRefusedError) as refused:
        _move(image, right_case, alice)
    assert refused.value.status == 507
    image.refresh_from_db()
    assert not image.is_void
    assert len(kept_files(tmp_path)) == 3


def test_a_missing_file_is_said_and_nothing_moves(
    image: Image, right_case: Case, alice: User
) -> None:
    with pytest.raises(UploadRefusedError, match="missing"):
        _move(image, right_case, alice)
    image.refresh_from_db()
    assert not image.is_void


def test_a_move_that_fails_on_record_leaves_all_as_it_was(
    committed: tuple[Image, Case], tmp_path: Path
) -> None:
    image, right_case = committed
    name = connection.settings_dict["NAME"]
    with servers.postgres().connect(name) as server, server.cursor() as cursor:
        cursor.execute("REVOKE INSERT ON predictions_analysis FROM histoapp_app")
    with pytest.raises(Error):
        _move(image, right_case, image.uploaded_by)
    image.refresh_from_db()
    assert not image.is_void
    assert Image.objects.count() == 1
    assert len(kept_files(tmp_path)) == 3


def test_of_many_moves_at_once_one_takes_effect(
    committed: tuple[Image, Case], tmp_path: Path
) -> None:
    image, right_case = committed

    def try_it() -> bool:
        seen = Image.objects.get(pk=image.pk)
        try:
            _move(seen, right_case, image.uploaded_by)
        except ConflictError:
            return False
        return True

    assert sum(all_at_once([try_it] * 8)) == 1
    assert Image.objects.standing().get().case == right_case
    assert Image.objects.count() == 2
    assert len(kept_files(tmp_path)) == 6, "the others' copies are left"
    assert list(verify_chains()) == []


def test_a_question_and_a_withdrawal_at_once_leave_nothing_under_way(
    committed: tuple[Image, Case],
) -> None:
    image, _ = committed
    failed = make_failed(image)

    def ask() -> None:
        with contextlib.suppress(ConflictError):
            ask_again(analysis=failed, asked_by=image.uploaded_by)

    def take_back() -> None:
        withdraw(Image.objects.get(pk=image.pk), image.uploaded_by)

    all_at_once([ask, ask, take_back, ask, ask])
    assert not Analysis.objects.filter(status="accepted").exists()


@pytest.fixture
def committed(committed_db: str) -> tuple[Image, Case]:
    laboratory = create_laboratory(name="North")
    alice = make_person("alice", laboratory, Role.TECHNICIAN)
    wrong = open_other(laboratory, alice, f"S26-{uuid.uuid4().hex[:6]}")
    right_case = open_other(laboratory, alice, "S26-0002")
    return keep_image(wrong, alice), right_case
