"""One fetch, from its claim to the image on record: by the real task."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import NoReturn
from uuid import UUID

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from predictions.addresses import REFUSED
from predictions.models import (
    Analysis,
    AuditEvent,
    Fetch,
    Image,
    JobStatus,
    Laboratory,
    Prediction,
)
from predictions.models.job import MAX_ATTEMPTS
from predictions.services.fetches import cancel_fetch
from predictions.services.storage import store
from tests.data import REPOSITORY
from tests.fields import field_png
from tests.predictions.records import make_fetch
from tests.threads import all_at_once, wait_until
from tests.worker.bench import Bench
from tests.worker.web import OUTSIDE, Names, Say, Site, answer, make_web
from worker import fetch_tasks
from worker.fetch_tasks import WEB, fetch

HOST = "images.example"
PNG = field_png()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"

# A worker of its own: killed, it leaves what a killed worker leaves.
WORKER = """
import os, signal, sys
import django; django.setup()
from predictions.services import fetches
from tests.worker.web import OUTSIDE, Names, make_web
from worker import fetch_tasks

fetch_tasks.WEB = make_web(Names({"images.example": [[OUTSIDE]]}))
deliver, record = fetches._deliver, fetches.record_fetched

def die(signum=signal.SIGKILL):
    os.kill(os.getpid(), signum)

def before_commit(held, image):
    deliver(held, image)
    die()

def after_commit(**what):
    record(**what)
    die()

where = sys.argv[1]
if where == "before COMMIT":
    fetches._deliver = before_commit
if where == "after COMMIT":
    fetches.record_fetched = after_commit
fetch_tasks.fetch(sys.argv[2])
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(OUTSIDE) as site:
        site.says["/field.png"] = answer(PNG)
        yield site


@pytest.fixture
def bench(bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The laboratory fetches, from the site alone, which lies in the test's own web."""
    monkeypatch.setattr(fetch_tasks, "WEB", make_web(Names({HOST: [[OUTSIDE]]})))
    bench.laboratory.may_fetch = True
    bench.laboratory.fetch_hosts = [f"{HOST}:{site.port}"]
    bench.laboratory.save()
    return bench


def ask(bench: Bench, site: Site, path: str = "/field.png", **facts: object) -> Fetch:
    url = f"http://{HOST}:{site.port}{path}"
    return make_fetch(bench.case, bench.alice, url=url, spacing_um=0.5, **facts)


def look(asked: Fetch) -> Fetch:
    return Fetch.objects.get(pk=asked.pk)


def kept_files() -> set[UUID]:
    return set(store().kept(older_than_s=-1))


def files_of(image: Image) -> set[UUID]:
    return {image.stored_file, image.display_file, image.thumbnail_file}


def parts() -> list[str]:
    return [path.name for path in store()._incoming.iterdir()]


def assert_nothing_came() -> None:
    """No image, so nothing that a model could be asked about; no file, no part."""
    assert not Image.objects.exists()
    assert not Analysis.objects.exists()
    assert kept_files() == set()
    assert parts() == []


def assert_failed(asked: Fetch, words: str) -> None:
    row = look(asked)
    assert row.status == JobStatus.FAILED
    assert words in row.failure_reason
    event = AuditEvent.objects.get(action="fetch.fail")
    assert event.subject == f"fetch:{asked.pk}"
    assert HOST not in str(event.detail)
    assert_nothing_came()


def while_sending(happens: Callable[[], object], body: bytes = PNG) -> Say:
    """Let something happen between the first half and the second."""

    def say(visitor: socket.socket) -> None:
        middle = len(body) // 2
        head = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode()
        visitor.sendall(head + body[:middle])
        try:
            happens()
        finally:
            connections.close_all()  # Of the server's thread.
        visitor.sendall(body[middle:])

    return say


def let_lapse(asked: Fetch) -> None:
    past = timezone.now() - timedelta(seconds=1)
    running = Fetch.objects.filter(pk=asked.pk, status=JobStatus.RUNNING)
    assert running.update(lease_until=past, next_at=past)


# --- Fetched ------------------------------------------------------------------


def test_what_was_asked_for_is_fetched_and_the_model_asked(
    bench: Bench, site: Site
) -> None:
    asked = ask(bench, site, specimen_label="B")
    fetch(str(asked.pk))

    image, row = Image.objects.get(), look(asked)
    assert (row.status, row.image, row.attempt) == (JobStatus.SUCCEEDED, image, 1)
    assert store().local(image.stored_file).read_bytes() == PNG
    assert (image.uploaded_by, image.filename) == (bench.alice, "field.png")
    assert image.specimen.label == "B"
    assert Analysis.objects.get().image == image
    assert kept_files() == files_of(image)
    assert parts() == []


def test_a_message_delivered_twice_fetches_once(bench: Bench, site: Site) -> None:
    asked = ask(bench, site)
    all_at_once([partial(fetch, str(asked.pk))] * 3)
    fetch(str(asked.pk))

    assert len(site.asked) == 1
    assert Image.objects.count() == Analysis.objects.count() == 1
    assert AuditEvent.objects.filter(action="fetch.deliver").count() == 1


def test_a_message_about_nothing_is_harmless(bench: Bench) -> None:
    fetch("00000000-0000-0000-0000-000000000000")


def test_what_the_case_has_already_counts_as_fetched(bench: Bench, site: Site) -> None:
    analysis = bench.upload(PNG)
    asked = ask(bench, site)
    fetch(str(asked.pk))

    row = look(asked)
    assert (row.status, row.image) == (JobStatus.SUCCEEDED, analysis.image)
    assert Image.objects.count() == Analysis.objects.count() == 1
    assert kept_files() == files_of(analysis.image)


def test_nothing_identifying_is_logged(
    bench: Bench, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.says["/doe-jane.png"] = b"no HTTP"
    for path in ("/field.png", "/doe-jane.png"):
        fetch(str(ask(bench, site, path).pk))
    said = [r.getMessage() for r in caplog.records if r.name != "django.db.backends"]
    assert any("attempt 1: FetchBrokenError" in line for line in said)
    assert not any(HOST in line or "doe" in line for line in said)


# --- Refused: asking again cannot help ----------------------------------------


def test_production_refuses_this_very_machine(
    bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_tasks, "WEB", WEB)
    bench.laboratory.fetch_hosts = []
    bench.laboratory.save()
    for url in ("http://localhost.localdomain/", f"http://127.0.0.1:{site.port}/"):
        asked = make_fetch(bench.case, bench.alice, url=url)
        fetch(str(asked.pk))
        assert look(asked).failure_reason == REFUSED
    assert_nothing_came()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(status="404 Not Found"), "answered 404"),
        (answer(status="302 Found", headers=["Location: http://10.0.0.1/"]), REFUSED),
        (answer(PNG, headers=["Content-Encoding: gzip"]), "packed"),
        (answer(b""), "The file is empty"),
        (answer(PNG[:1000]), "damaged or incomplete"),
        (
            answer(
                b"<!doctype html><title>Sign in</title>",
                headers=["Content-Type: image/png"],
            ),
            "not a PNG, JPEG or TIFF",
        ),
    ],
    ids=["missing", "inside", "packed", "empty", "cut", "a page as an image"],
)
def test_what_is_no_image_fails_with_words(
    bench: Bench, site: Site, said: bytes, words: str
) -> None:
    site.says["/field.png"] = said
    asked = ask(bench, site)
    fetch(str(asked.pk))
    assert look(asked).attempt == 1
    assert_failed(asked, words)


def test_what_is_too_large_fails_with_words(
    bench: Bench, site: Site, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = len(PNG) - 1
    asked = ask(bench, site)
    fetch(str(asked.pk))
    assert_failed(asked, "larger than")


def test_what_is_too_slow_fails_with_words(
    bench: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = make_web(Names({HOST: [[OUTSIDE]]}), deadline_s=1)
    monkeypatch.setattr(fetch_tasks, "WEB", web)
    hung_up: list[bytes] = []

    def dribble(visitor: socket.socket) -> None:
        visitor.sendall(HEAD + b"\r\n\x89")
        hung_up.append(visitor.recv(1))

    site.says["/field.png"] = dribble
    asked = ask(bench, site)
    fetch(str(asked.pk))
    assert_failed(asked, "did not arrive within 1 seconds")
    wait_until(lambda: hung_up == [b""], "the connection was left open")


def test_the_image_before_is_not_asked_about_when_a_download_fails(
    bench: Bench, site: Site
) -> None:
    """The bug of the project that this grew from."""
    before = bench.upload(field_png(1))
    site.says["/field.png"] = answer(status="404 Not Found")
    asked = ask(bench, site)
    fetch(str(asked.pk))

    row = look(asked)
    assert (row.status, row.image) == (JobStatus.FAILED, None)
    assert list(Image.objects.all()) == [before.image]
    assert list(Analysis.objects.all()) == [before]
    assert not Prediction.objects.exists()
    assert kept_files() == files_of(before.image)


# --- Things change while it is fetched ----------------------------------------


def test_who_was_disabled_meanwhile_gets_nothing(bench: Bench, site: Site) -> None:
    alice = User.objects.filter(pk=bench.alice.pk)
    site.says["/field.png"] = while_sending(lambda: alice.update(is_active=False))
    asked = ask(bench, site)
    fetch(str(asked.pk))
    assert_failed(asked, "may not add images to the case any more")


def test_who_was_disabled_before_has_nothing_fetched(bench: Bench, site: Site) -> None:
    asked = ask(bench, site)
    User.objects.filter(pk=bench.alice.pk).update(is_active=False)
    fetch(str(asked.pk))
    assert_failed(asked, "may not add images to the case any more")
    assert site.asked == []


def test_a_laboratory_that_turned_it_off_meanwhile_gets_nothing(
    bench: Bench, site: Site
) -> None:
    rows = Laboratory.objects.filter(pk=bench.laboratory.pk)
    site.says["/field.png"] = while_sending(lambda: rows.update(may_fetch=False))
    asked = ask(bench, site)
    fetch(str(asked.pk))
    assert_failed(asked, "does not fetch images by URL")


def test_what_was_cancelled_meanwhile_is_discarded(bench: Bench, site: Site) -> None:
    asked = ask(bench, site)
    site.says["/field.png"] = while_sending(
        lambda: cancel_fetch(fetch=asked, cancelled_by=bench.alice)
    )
    fetch(str(asked.pk))
    assert look(asked).status == JobStatus.CANCELLED
    assert_nothing_came()


def test_a_late_worker_may_not_write(bench: Bench, site: Site) -> None:
    asked = ask(bench, site)

    def take_over() -> None:
        let_lapse(asked)
        assert Fetch.objects.claim(asked.pk)

    site.says["/field.png"] = while_sending(take_over)
    fetch(str(asked.pk))
    assert (look(asked).status, look(asked).attempt) == (JobStatus.RUNNING, 2)
    assert_nothing_came()


# --- Tried again --------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        answer(status="503 Busy"),
        HEAD + b"Content-Length: 99999\r\n\r\n" + PNG[:500],
        b"",
    ],
    ids=["busy", "broke off", "hung up"],
)
def test_a_server_that_broke_off_costs_an_attempt_and_the_last_one_ends_it(
    bench: Bench, site: Site, said: bytes
) -> None:
    site.says["/field.png"] = said
    asked = ask(bench, site)
    for attempt in range(1, MAX_ATTEMPTS):
        fetch(str(asked.pk))
        row = look(asked)
        assert (row.status, row.attempt) == (JobStatus.ACCEPTED, attempt)
        wait_s = (row.next_at - timezone.now()).total_seconds()
        assert 10 * attempt - 5 < wait_s <= 10 * attempt
    fetch(str(asked.pk))
    assert_failed(asked, "could not be reached, or broke off, 4 times")


def test_a_server_that_came_back_is_fetched_from(bench: Bench, site: Site) -> None:
    site.says["/field.png"] = answer(status="503 Busy")
    asked = ask(bench, site)
    fetch(str(asked.pk))
    site.says["/field.png"] = answer(PNG)
    fetch(str(asked.pk))
    assert (look(asked).status, look(asked).attempt) == (JobStatus.SUCCEEDED, 2)


def test_a_disk_that_is_away_costs_no_attempt(
    bench: Bench, site: Site, settings: Settings
) -> None:
    asked = ask(bench, site)
    store()
    shutil.rmtree(settings.STORAGE_ROOT / "incoming")
    fetch(str(asked.pk))
    row = look(asked)
    assert (row.status, row.attempt, row.given_back) == (JobStatus.ACCEPTED, 0, 1)


def test_a_disk_that_is_nearly_full_costs_no_attempt(
    bench: Bench, site: Site, settings: Settings
) -> None:
    asked = ask(bench, site)
    settings.MIN_FREE_BYTES = 1 << 62
    fetch(str(asked.pk))
    row = look(asked)
    assert (row.status, row.attempt, row.given_back) == (JobStatus.ACCEPTED, 0, 1)
    assert site.asked == []


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Celery's soft limit is an exception from a signal."""

    def too_late(number: int, frame: FrameType | None) -> NoReturn:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, too_late)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def wait_for_its_end(visitor: socket.socket) -> None:
    visitor.recv(1)


def test_a_fetch_that_outlasts_the_workers_limit_costs_an_attempt(
    bench: Bench, site: Site
) -> None:
    site.says["/field.png"] = wait_for_its_end
    asked = ask(bench, site)
    with alarm(1):
        fetch(str(asked.pk))
    assert (look(asked).status, look(asked).attempt) == (JobStatus.ACCEPTED, 1)
    assert_nothing_came()


# --- Killed -------------------------------------------------------------------


def begin_worker(where: str, asked: Fetch) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"STORAGE_ROOT": str(store()._files.parent)}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, where, str(asked.pk)],
        cwd=REPOSITORY,
        env=environment,
    )


def test_a_fetch_whose_worker_was_killed_is_taken_up_again(
    bench: Bench, site: Site
) -> None:
    asked = ask(bench, site)
    killed: list[int] = []
    worker: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        worker[0].kill()
        killed.append(worker[0].wait())

    site.says["/field.png"] = while_sending(kill)
    worker.append(begin_worker("nowhere", asked))
    wait_until(lambda: killed == [-signal.SIGKILL], "it was not killed")

    assert look(asked).status == JobStatus.RUNNING
    assert len(parts()) == 1, "what it had received"
    assert not Fetch.objects.due().exists(), "its lease still runs"
    let_lapse(asked)
    assert list(Fetch.objects.due()) == [look(asked)]
    site.says["/field.png"] = answer(PNG)
    fetch(str(asked.pk))

    row = look(asked)
    assert (row.status, row.attempt) == (JobStatus.SUCCEEDED, 2)
    image = Image.objects.get()
    assert kept_files() == files_of(image)
    store().sweep_parts(older_than_s=-1)
    assert parts() == []


def test_killed_before_its_commit_there_is_neither_and_then_both(
    bench: Bench, site: Site
) -> None:
    asked = ask(bench, site)
    assert begin_worker("before COMMIT", asked).wait() == -signal.SIGKILL
    assert look(asked).status == JobStatus.RUNNING
    assert not Image.objects.exists()
    let_lapse(asked)
    fetch(str(asked.pk))

    assert (look(asked).status, look(asked).attempt) == (JobStatus.SUCCEEDED, 2)
    assert Image.objects.count() == Analysis.objects.count() == 1


def test_killed_after_its_commit_there_are_both_and_nothing_to_do(
    bench: Bench, site: Site
) -> None:
    asked = ask(bench, site)
    assert begin_worker("after COMMIT", asked).wait() == -signal.SIGKILL
    row, image = look(asked), Image.objects.get()
    assert (row.status, row.image) == (JobStatus.SUCCEEDED, image)
    fetch(str(asked.pk))

    assert len(site.asked) == 1
    assert Analysis.objects.get().image == image
    assert kept_files() == files_of(image)
