"""Asking for an image by its address, and what becomes of it."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from predictions.addresses import REFUSED
from predictions.images.store import Part
from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    Fetch,
    Image,
    JobStatus,
    Laboratory,
    Membership,
    Role,
)
from predictions.models.job import GIVE_UP_AFTER, MAX_ATTEMPTS
from predictions.services import fetches
from predictions.services.errors import NotAllowedError
from predictions.services.fetches import (
    FETCHES_PER_HOUR,
    FetchRefusedError,
    StaleFetchError,
    ask_to_fetch,
    begin_fetch,
    cancel_fetch,
    fetch_again,
    record_fetched,
)
from predictions.services.images import SpacingRefusedError, UploadRefusedError
from predictions.services.laboratories import add_member
from predictions.services.rates import TooManyError
from predictions.services.storage import store
from tests.fields import field_png

URL = "https://images.example.org/S26-0001/Doe%20Jane.png?key=secret"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Settings) -> None:
    settings.STORAGE_ROOT = tmp_path / "files"


@pytest.fixture(autouse=True)
def switched_on(laboratory: Laboratory) -> None:
    laboratory.may_fetch = True
    laboratory.save()


def ask(case: Case, asked_by: User, url: str = URL, **said: Any) -> Fetch:
    return ask_to_fetch(case=case, url=url, asked_by=asked_by, **said)


def held(fetch: Fetch) -> Fetch:
    """As a worker holds it."""
    claimed = Fetch.objects.claim(fetch.pk)
    assert claimed is not None
    return claimed


def fetched(content: bytes = field_png()) -> Part:
    part = store().begin()
    part.write(content)
    return part


def kept() -> list[object]:
    return list(store().kept(older_than_s=-1))


# --- Asking -------------------------------------------------------------------


def test_asking_is_on_record_and_on_the_trail_without_the_address(
    case: Case, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetch = ask(case, alice, spacing_um=0.25, magnification=40.0, specimen_label="B")

    fetch.refresh_from_db()
    assert (fetch.case, fetch.asked_by, fetch.url) == (case, alice, URL)
    assert (fetch.spacing_um, fetch.magnification) == (0.25, 40.0)
    assert (fetch.specimen_label, fetch.status) == ("B", JobStatus.ACCEPTED)
    event = AuditEvent.objects.get(action="fetch.ask")
    assert (event.subject, event.detail) == (f"fetch:{fetch.pk}", {})
    assert event.actor == "alice"
    assert "example.org" not in caplog.text


def test_a_laboratory_that_did_not_turn_it_on_fetches_nothing(
    case: Case, alice: User, laboratory: Laboratory
) -> None:
    laboratory.may_fetch = False
    with pytest.raises(NotAllowedError, match="North does not fetch images by URL"):
        ask(case, alice)
    assert not Fetch.objects.exists()


def test_who_may_not_upload_may_not_fetch(
    case: Case, dora: User, charlie: User
) -> None:
    for person in (dora, charlie):
        with pytest.raises(NotAllowedError, match="Ask a technician"):
            ask(case, person)
    assert not Fetch.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.1/",
        "http://a@example.org/",
        "file:///etc/passwd",
        "https://example.org:22/",
    ],
)
def test_an_address_that_is_not_allowed_is_never_stored(
    case: Case, alice: User, url: str
) -> None:
    with pytest.raises(FetchRefusedError) as refused:
        ask(case, alice, url)
    assert (str(refused.value), refused.value.status) == (REFUSED, 422)
    assert not Fetch.objects.exists()


def test_only_hosts_on_the_laboratorys_list_are_taken(
    case: Case, alice: User, laboratory: Laboratory
) -> None:
    laboratory.fetch_hosts = ["slides.example.org:8443"]
    with pytest.raises(FetchRefusedError):
        ask(case, alice)
    assert ask(case, alice, "https://slides.example.org:8443/1.png")


def test_a_laboratory_without_room_asks_for_nothing(
    case: Case, alice: User, laboratory: Laboratory, image: Image
) -> None:
    laboratory.quota_bytes = image.size_bytes - 1
    with pytest.raises(UploadRefusedError, match="storage quota"):
        ask(case, alice)


def test_a_spacing_that_is_no_microscopes_is_refused(case: Case, alice: User) -> None:
    with pytest.raises(SpacingRefusedError):
        ask(case, alice, spacing_um=1000.0)


def test_a_flood_is_stopped_and_told_when_to_come_back(
    case: Case, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetches, "FETCHES_PER_HOUR", 2)
    assert FETCHES_PER_HOUR == 60
    ask(case, alice)
    with pytest.raises(FetchRefusedError):  # Guessing counts too.
        ask(case, alice, "http://10.0.0.1/")
    with pytest.raises(TooManyError) as refused:
        ask(case, alice)
    assert 0 < refused.value.retry_after_s <= 3600
    assert ask(case, bob)


def test_asking_again_is_a_new_row(case: Case, alice: User) -> None:
    first = ask(case, alice, spacing_um=0.25, specimen_label="B")
    assert fetches.record_failure(held=held(first), reason="Away.")
    again = fetch_again(fetch=first, asked_by=alice)

    assert again.pk != first.pk
    assert (again.url, again.spacing_um, again.specimen_label) == (URL, 0.25, "B")
    first.refresh_from_db()
    assert first.status == JobStatus.FAILED


# --- Cancelling ---------------------------------------------------------------


def test_what_was_cancelled_is_not_fetched(case: Case, alice: User, bob: User) -> None:
    fetch = ask(case, alice)
    assert cancel_fetch(fetch=fetch, cancelled_by=bob)
    assert not cancel_fetch(fetch=fetch, cancelled_by=bob)

    assert Fetch.objects.claim(fetch.pk) is None
    event = AuditEvent.objects.get(action="fetch.cancel")
    assert (event.actor, event.detail) == ("bob", {})


def test_an_administrator_does_not_cancel(case: Case, alice: User, dora: User) -> None:
    fetch = ask(case, alice)
    with pytest.raises(NotAllowedError):
        cancel_fetch(fetch=fetch, cancelled_by=dora)


def test_an_image_that_came_after_the_cancelling_is_not_kept(
    case: Case, alice: User
) -> None:
    """Even if it was cancelled while the image was being decoded."""
    running = held(ask(case, alice))
    assert cancel_fetch(fetch=running, cancelled_by=alice)
    with pytest.raises(StaleFetchError):
        record_fetched(held=running, part=fetched())

    assert not Image.objects.exists()
    assert not Analysis.objects.exists()
    assert kept() == []
    assert not AuditEvent.objects.filter(action="image.accept").exists()


# --- Fetched ------------------------------------------------------------------


def test_what_was_fetched_is_accepted_as_an_upload_of_who_asked(
    case: Case, alice: User
) -> None:
    fetch = ask(case, alice, spacing_um=0.25, magnification=40.0, specimen_label="B")
    image = record_fetched(held=held(fetch), part=fetched())

    fetch.refresh_from_db()
    assert (fetch.status, fetch.image) == (JobStatus.SUCCEEDED, image)
    assert (image.case, image.uploaded_by) == (case, alice)
    assert (image.spacing_um, image.spacing_assumed) == (0.25, False)
    assert (image.magnification, image.specimen.label) == (40.0, "B")
    assert image.filename == "Doe Jane.png"
    assert Analysis.objects.get().image == image
    event = AuditEvent.objects.get(action="fetch.deliver")
    assert event.subject == f"fetch:{fetch.pk}"
    assert event.detail == {"image": str(image.pk)}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "image"),
        ("/", "image"),
        ("/get.php?id=7.png", "image"),
        ("/slides/7", "7"),
        ("/a/..%2F..%2Fetc%2Fpasswd.png", "passwd.png"),
        ("/x.png%0D%0AX:.tif", "x.pngX:.tif"),
    ],
)
def test_the_name_is_the_last_part_of_the_path(path: str, name: str) -> None:
    assert fetches.name_in(f"https://example.org{path}") == name


def test_what_the_case_has_already_is_pointed_at(case: Case, alice: User) -> None:
    first, second = ask(case, alice), ask(case, alice)
    image = record_fetched(held=held(first), part=fetched())
    assert record_fetched(held=held(second), part=fetched()) == image

    second.refresh_from_db()
    assert (second.status, second.image) == (JobStatus.SUCCEEDED, image)
    assert Image.objects.count() == Analysis.objects.count() == 1
    assert len(kept()) == 3


def test_a_late_worker_leaves_nothing(case: Case, alice: User) -> None:
    """The same fetch, taken over and done by another: also with other bytes."""
    late = held(ask(case, alice))
    Fetch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    image = record_fetched(held=held(late), part=fetched())
    for number in (0, 1):
        with pytest.raises(StaleFetchError):
            record_fetched(held=late, part=fetched(field_png(number)))

    assert Image.objects.get() == image
    assert len(kept()) == 3
    assert AuditEvent.objects.filter(action="fetch.deliver").count() == 1


# --- Things change between the asking and the fetching --------------------------


def _disable(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def _expel(alice: User) -> None:
    Membership.objects.filter(user=alice).update(is_active=False)


def _promote(alice: User) -> None:
    laboratory = Laboratory.objects.get(name="North")
    add_member(laboratory=laboratory, user=alice, role=Role.ADMINISTRATOR)


@pytest.mark.parametrize("change", [_disable, _expel, _promote])
def test_who_may_not_upload_any_more_gets_nothing(
    case: Case, alice: User, change: Any
) -> None:
    """Looked at before anything is sent, and again before anything is kept."""
    running = held(ask(case, alice))
    assert begin_fetch(held=running).url == URL
    change(alice)
    with pytest.raises(NotAllowedError, match="may not add images"):
        begin_fetch(held=running)
    with pytest.raises(NotAllowedError, match="may not add images"):
        record_fetched(held=running, part=fetched())
    assert not Image.objects.exists()
    assert kept() == []


def test_a_laboratory_that_turned_it_off_gets_nothing(
    case: Case, alice: User, laboratory: Laboratory
) -> None:
    running = held(ask(case, alice))
    assert begin_fetch(held=running)
    laboratory.may_fetch = False
    laboratory.save()
    with pytest.raises(NotAllowedError, match="does not fetch images by URL"):
        begin_fetch(held=running)
    with pytest.raises(NotAllowedError, match="does not fetch images by URL"):
        record_fetched(held=running, part=fetched())
    assert not Image.objects.exists()


def test_an_image_beyond_the_quota_is_not_kept(
    case: Case, alice: User, laboratory: Laboratory
) -> None:
    running = held(ask(case, alice))
    laboratory.quota_bytes = 100
    laboratory.save()
    with pytest.raises(UploadRefusedError, match="storage quota"):
        record_fetched(held=running, part=fetched())
    assert not Image.objects.exists()


def test_a_list_that_changed_meanwhile_counts(
    case: Case, alice: User, laboratory: Laboratory
) -> None:
    running = held(ask(case, alice))
    laboratory.fetch_hosts = ["slides.example.org"]
    laboratory.save()
    assert begin_fetch(held=running).allowed_hosts == ["slides.example.org"]


# --- Failed -------------------------------------------------------------------


def test_a_failure_has_its_reason_on_the_trail(case: Case, alice: User) -> None:
    running = held(ask(case, alice))
    assert fetches.record_failure(held=running, reason="The server answered 404.")
    assert not fetches.record_failure(held=running, reason="Again.")

    event = AuditEvent.objects.get(action="fetch.fail")
    assert event.detail == {"reason": "The server answered 404."}


def test_the_clock_ends_what_waited_or_lapsed_for_good(case: Case, alice: User) -> None:
    waited, lapsed, young = (ask(case, alice) for _ in range(3))
    past = timezone.now() - timedelta(seconds=1)
    rows = Fetch.objects.all()
    rows.filter(pk=waited.pk).update(created_at=past - GIVE_UP_AFTER)
    held(lapsed)
    rows.filter(pk=lapsed.pk).update(attempt=MAX_ATTEMPTS, lease_until=past)

    ended = [
        fetches.fail_overdue(fetch=fetch, reason="Too late.")
        for fetch in (waited, lapsed, young)
    ]
    assert ended == [True, True, False]
    assert AuditEvent.objects.filter(action="fetch.fail").count() == 2
