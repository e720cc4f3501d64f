"""One analysis, from its claim to what is on record: by the real task."""

import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from types import FrameType
from typing import NoReturn
from uuid import UUID

import grpc
import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, connections, transaction
from django.utils import timezone
from pytest_django import Settings

from predictions.models import (
    Analysis,
    AuditEvent,
    Image,
    JobStatus,
    Outcome,
    Prediction,
)
from predictions.models.job import MAX_ATTEMPTS
from predictions.services import analyses
from predictions.services.spacing import state_spacing
from predictions.services.storage import store
from serving.contract import AGGREGATE, DESCRIBE, EMBED
from serving.messages import PredictRequest, TensorProto
from tests import servers
from tests.fields import GREY_RGB, field_png
from tests.model_server import MODEL, ModelServer, free_port
from tests.serving.contracts import SMALL, small
from tests.serving.fake_model import FakeModel, numbers, text
from tests.threads import all_at_once, beside, wait_until
from tests.worker.bench import Bench, let_lapse
from tests.worker.cut_commit import CutCommit
from worker.attempts import Heartbeat
from worker.pipeline import INTERVAL_MIN_TILES
from worker.tasks import ASKING_LOCK, analyse, asking

ESTABLISHED = "01"


def look(analysis: Analysis) -> Analysis:
    """As it is now."""
    return Analysis.objects.get(pk=analysis.pk)


def kept_files() -> set[UUID]:
    return set(store().kept(older_than_s=-1))


def files_of(image: Image) -> set[UUID]:
    return {image.stored_file, image.display_file, image.thumbnail_file}


def events(action: str) -> int:
    return AuditEvent.objects.filter(action=action).count()


def assert_given_back(analysis: Analysis) -> None:
    row = look(analysis)
    assert row.status == JobStatus.ACCEPTED
    assert (row.attempt, row.given_back) == (0, 1)
    assert row.next_at > timezone.now(), "not at once"


def assert_counted(analysis: Analysis, *, breaks: int = 0) -> None:
    row = look(analysis)
    assert row.status == JobStatus.ACCEPTED
    assert (row.attempt, row.given_back, row.breaks) == (1, 0, breaks)


def assert_failed(analysis: Analysis, words: str, *, attempts: int = 1) -> None:
    row = look(analysis)
    assert row.status == JobStatus.FAILED
    assert words in row.failure_reason
    assert row.attempt == attempts
    assert events("analysis.fail") == 1
    assert not Prediction.objects.exists()


def during(fake: FakeModel, signature: str, happens: Callable[[], object]) -> None:
    """Let something happen while the server works on such a call."""
    answer = fake.answers[signature]

    def answer_later(request: PredictRequest) -> dict[str, TensorProto]:
        try:
            happens()
        finally:
            connections.close_all()  # Of the server's thread.
        return answer(request)

    fake.answers[signature] = answer_later


# --- Answered -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("size_px", "spacing_um", "tiles"),
    [((256, 192), 0.5, 12), ((301, 257), 0.37, 12), ((201, 133), 0.91, 24)],
    ids=["as made for", "finer", "coarser"],
)
def test_an_image_is_answered_with_its_evidence(
    server: ModelServer,
    bench: Bench,
    size_px: tuple[int, int],
    spacing_um: float,
    tiles: int,
) -> None:
    asked = bench.upload(field_png(size_px=size_px), spacing_um=spacing_um)
    analyse(str(asked.pk))

    row = look(asked)
    assert row.status == JobStatus.SUCCEEDED
    assert (row.attempt, row.given_back, row.breaks) == (1, 0, 0)
    answer = row.prediction
    assert answer.outcome in {Outcome.BENIGN, Outcome.MALIGNANT, Outcome.REFER}
    assert answer.probability is not None
    assert_around(answer.probability, answer, tiles=tiles)
    assert (answer.model_version.name, answer.model_version.version) == (MODEL, 1)
    assert (answer.spacing_um, answer.spacing_assumed) == (spacing_um, False)
    assert answer.input_sha256 == asked.image.sha256_stored
    assert set(answer.seconds) >= {"embed", "aggregate", "draw"}
    assert len(answer.tiles) == tiles
    assert_inside(answer.tiles, size_px)
    assert sum(tile["attention"] for tile in answer.tiles) == pytest.approx(1, abs=1e-3)
    assert answer.heatmap_file is not None
    assert store().local(answer.heatmap_file).read_bytes().startswith(b"\x89PNG")
    event = AuditEvent.objects.get(action="analysis.answer")
    assert event.subject == f"analysis:{asked.pk}"
    assert event.detail["outcome"] == answer.outcome
    assert event.detail["model"] == f"{MODEL}:1"


def assert_around(probability: float, answer: Prediction, *, tiles: int) -> None:
    """An interval; of too few tiles none, rather than one that is too narrow."""
    low, high = answer.interval_low, answer.interval_high
    if tiles < INTERVAL_MIN_TILES:
        assert (low, high) == (None, None)
        return
    assert low is not None
    assert high is not None
    assert 0 < low < probability < high < 1


def assert_inside(tiles: list[dict[str, float]], size_px: tuple[int, int]) -> None:
    """In pixels of the image as uploaded, from edge to edge, none beyond."""
    for edge, side_px in zip(("left", "top"), size_px, strict=True):
        assert min(tile[edge] for tile in tiles) == 0
        far = max(tile[edge] + tile["side"] for tile in tiles)
        assert side_px - 2 <= far <= side_px


def test_the_same_image_gets_the_same_answer(server: ModelServer, bench: Bench) -> None:
    first = bench.upload(field_png(size_px=(320, 320)))
    analyse(str(first.pk))
    again = analyses.ask_again(analysis=look(first), asked_by=bench.alice)
    analyse(str(again.pk))

    one, two = look(first).prediction, look(again).prediction
    assert two.probability == pytest.approx(one.probability, abs=1e-6)
    assert two.tiles == one.tiles
    ends = [(answer.interval_low, answer.interval_high) for answer in (one, two)]
    assert ends[0] != (None, None)
    assert ends[1] == pytest.approx(ends[0], abs=1e-6)


def test_a_message_delivered_twice_is_answered_once(
    server: ModelServer, bench: Bench
) -> None:
    asked = bench.upload(field_png())
    all_at_once([partial(analyse, str(asked.pk))] * 3)
    analyse(str(asked.pk))

    assert look(asked).attempt == 1
    assert Prediction.objects.count() == events("analysis.answer") == 1


def test_a_message_about_nothing_is_harmless(bench: Bench) -> None:
    analyse("00000000-0000-0000-0000-000000000000")


# --- Refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "spacing_um", "words"),
    [
        (field_png(), None, "how many µm"),
        (field_png(), 5.0, "5 µm per pixel"),
        (field_png(size_px=(100, 100)), 0.2, "Upload a larger field"),
        (field_png(colour_rgb=GREY_RGB), 0.5, "does not look like H&E"),
    ],
    ids=["no spacing", "out of reach", "too small", "no tissue"],
)
def test_what_the_model_was_not_made_for_is_refused(
    server: ModelServer,
    bench: Bench,
    content: bytes,
    spacing_um: float | None,
    words: str,
) -> None:
    asked = bench.upload(content, spacing_um=spacing_um)
    analyse(str(asked.pk))

    row = look(asked)
    assert row.status == JobStatus.SUCCEEDED
    assert row.prediction.outcome == Outcome.REFUSED
    assert words in row.prediction.refusal_reason
    assert row.prediction.probability is None
    assert row.prediction.interval_low is None
    assert row.prediction.interval_high is None
    assert (row.prediction.tiles, row.prediction.heatmap_file) == ([], None)
    assert kept_files() == files_of(asked.image)


def test_an_image_without_spacing_is_answered_once_it_is_stated(
    server: ModelServer, bench: Bench
) -> None:
    first = bench.upload(field_png(), spacing_um=None)
    analyse(str(first.pk))
    assert "State the spacing" in look(first).prediction.refusal_reason
    again = state_spacing(image=first.image, spacing_um=0.5, stated_by=bench.alice)
    analyse(str(again.pk))

    answer = look(again).prediction
    assert answer.outcome != Outcome.REFUSED
    assert (answer.spacing_um, answer.spacing_assumed) == (0.5, False)
    assert look(first).prediction.spacing_um is None


# --- Given back: nobody's fault -----------------------------------------------


def test_an_absent_server_costs_no_attempt(bench: Bench, settings: Settings) -> None:
    settings.SERVING_ADDRESS = f"127.0.0.1:{free_port()}"
    asked = bench.upload(field_png())
    analyse(str(asked.pk))
    assert_given_back(asked)


def test_waiting_longer_each_time_the_server_is_away(
    bench: Bench, settings: Settings
) -> None:
    settings.SERVING_ADDRESS = f"127.0.0.1:{free_port()}"
    asked = bench.upload(field_png())
    Analysis.objects.update(given_back=20)
    analyse(str(asked.pk))
    wait_s = (look(asked).next_at - timezone.now()).total_seconds()
    assert 10 < wait_s <= 30


def test_a_model_of_another_release_costs_no_attempt(
    fake: FakeModel, bench: Bench
) -> None:
    written = SMALL.to_json().replace('"schema": 2', '"schema": 1')
    fake.answers[DESCRIBE] = lambda _: {"contract": text(written)}
    asked = bench.upload(field_png())
    analyse(str(asked.pk))
    assert_given_back(asked)


def test_a_version_unloaded_meanwhile_costs_no_attempt(
    fake: FakeModel, bench: Bench
) -> None:
    described = fake.answers[DESCRIBE]

    def unload_after(request: PredictRequest) -> dict[str, TensorProto]:
        fake.refusal = (grpc.StatusCode.NOT_FOUND, "version 3 is gone")
        return described(request)

    fake.answers[DESCRIBE] = unload_after
    asked = bench.upload(field_png())
    analyse(str(asked.pk))

    assert [r.model_spec.signature_name for r in fake.requests] == [DESCRIBE, EMBED]
    assert_given_back(asked)


def test_a_disk_that_is_away_costs_no_attempt(
    fake: FakeModel, bench: Bench, settings: Settings
) -> None:
    asked = bench.upload(field_png())
    shutil.rmtree(settings.STORAGE_ROOT / "incoming")
    analyse(str(asked.pk))
    assert_given_back(asked)


# --- Counted: the image's fault, perhaps --------------------------------------


def test_a_server_killed_during_the_call_costs_one_attempt(
    server: ModelServer, bench: Bench
) -> None:
    warm = bench.upload(field_png(1))
    analyse(str(warm.pk))  # Connected from here on.
    asked = bench.upload(field_png(2))
    server.send(signal.SIGSTOP)
    with beside(partial(analyse, str(asked.pk))):
        wait_until(partial(has_unread, server.port), "the request was never sent")
        server.stop(signal.SIGKILL)

    assert_counted(asked, breaks=1)


def has_unread(port: int) -> bool:
    """Whether bytes that came in for that local port wait for their process."""
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return any(
        local.endswith(f":{port:04X}") and state == ESTABLISHED and int(waiting, 16)
        for _, local, _, state, queues, *_ in lines
        for waiting in [queues.partition(":")[2]]
    )


def test_a_poison_image_ends_and_its_neighbour_is_answered(
    server: ModelServer, bench: Bench
) -> None:
    poison = bench.upload(field_png(poison=True))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert look(poison).status == JobStatus.ACCEPTED
        analyse(str(poison.pk))
        assert server.wait() < 0, "the mark killed it"
        assert (look(poison).attempt, look(poison).breaks) == (attempt, attempt)
        server.start()
    neighbour = bench.upload(field_png())
    analyse(str(neighbour.pk))

    assert look(neighbour).status == JobStatus.SUCCEEDED
    row = look(poison)
    assert row.status == JobStatus.FAILED
    assert "broke off 4 times" in row.failure_reason
    assert str(poison.pk) in row.failure_reason
    analyse(str(poison.pk))
    assert look(poison).attempt == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("breaks", "waits"), [(1, False), (2, True)], ids=["first", "second"]
)
def test_from_the_second_break_on_an_image_is_asked_about_alone(
    fake: FakeModel,
    bench: Bench,
    breaks: int,
    waits: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    asked = bench.upload(field_png())
    Analysis.objects.update(attempt=breaks, breaks=breaks)
    locked = Event()
    with beside(after(locked, asked)) as working, asking(alone=False):
        locked.set()
        if waits:
            wait_until(somebody_waits_for_the_lock, "it did not want to be alone")
            assert fake.requests == []
        else:
            working.result(timeout=30)
    assert look(asked).status == JobStatus.SUCCEEDED


def after(event: Event, asked: Analysis) -> Callable[[], None]:
    """Analyse it, but not before that."""

    def analyse_later() -> None:
        assert event.wait(30)
        analyse(str(asked.pk))

    return analyse_later


def somebody_waits_for_the_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND objid = %s AND mode = 'ExclusiveLock' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database())",
            [ASKING_LOCK],
        )
        return bool(cursor.fetchone() != (0,))


def test_a_lone_question_keeps_the_others_out(fake: FakeModel, bench: Bench) -> None:
    asked = bench.upload(field_png())
    locked = Event()
    with beside(after(locked, asked)), asking(alone=True):
        locked.set()
        wait_until(lambda: look(asked).status == JobStatus.RUNNING, "not claimed")
        assert fake.requests == []
    assert look(asked).status == JobStatus.SUCCEEDED


def test_the_lock_is_let_go_of_whatever_happens(fake: FakeModel, bench: Bench) -> None:
    fake.refusal = (grpc.StatusCode.INVALID_ARGUMENT, "no")
    analyse(str(bench.upload(field_png()).pk))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("attempts_before", [0, MAX_ATTEMPTS - 1])
def test_a_reader_that_crashes_costs_an_attempt(
    fake: FakeModel, bench: Bench, attempts_before: int
) -> None:
    """Killed while the first of several batches is asked about."""
    contract = small(max_tiles=4096)
    fake.answers[DESCRIBE] = lambda _: {"contract": text(contract.to_json())}
    during(fake, EMBED, kill_the_reader)
    asked = bench.upload(field_png(size_px=(640, 640)))
    Analysis.objects.update(attempt=attempts_before)
    analyse(str(asked.pk))

    if attempts_before:
        assert_failed(asked, "broke the image reader 4 times", attempts=MAX_ATTEMPTS)
    else:
        assert_counted(asked)


def kill_the_reader() -> None:
    """The decode child of this process: it waits for us to read on."""
    readers = [
        pid
        for pid in children()
        if b"\0tiles\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert readers, "no reader was seen"
    for pid in readers:
        os.kill(pid, signal.SIGKILL)


def children() -> list[int]:
    """Of every thread of this process."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):
            found += map(int, (task / "children").read_text().split())
    return found


def test_an_analysis_that_takes_too_long_costs_an_attempt(
    fake: FakeModel, bench: Bench
) -> None:
    """Celery's soft limit is an exception from a signal, during the call."""

    def too_late(number: int, frame: FrameType | None) -> NoReturn:
        raise SoftTimeLimitExceeded

    asked = bench.upload(field_png())
    fake.hang.clear()
    before = signal.signal(signal.SIGALRM, too_late)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1)
        analyse(str(asked.pk))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        fake.hang.set()
    assert_counted(asked)


# --- Failed at once: asking again cannot help ---------------------------------


def test_a_stored_file_that_changed_fails(fake: FakeModel, bench: Bench) -> None:
    asked = bench.upload(field_png())
    store().local(asked.image.stored_file).write_bytes(field_png(1))
    analyse(str(asked.pk))

    assert_failed(asked, "not the one that was uploaded")
    assert [r.model_spec.signature_name for r in fake.requests] == [DESCRIBE]


def test_a_stored_file_that_is_missing_fails(fake: FakeModel, bench: Bench) -> None:
    asked = bench.upload(field_png())
    store().drop(asked.image.stored_file)
    analyse(str(asked.pk))
    assert_failed(asked, "The stored file is missing")


def test_stored_pixels_that_cannot_be_read_fail(fake: FakeModel, bench: Bench) -> None:
    asked = bench.upload(field_png())
    broken = field_png()[:2000]
    store().local(asked.image.stored_file).write_bytes(broken)
    digest = hashlib.sha256(broken).hexdigest()
    Image.objects.update(sha256_stored=digest)
    analyse(str(asked.pk))
    assert_failed(asked, "damaged or incomplete")


def test_nonsense_from_the_server_fails(fake: FakeModel, bench: Bench) -> None:
    fake.answers[AGGREGATE] = lambda _: {
        "probability": numbers(np.nan),
        "attention": numbers([1.0]),
        "tissue": numbers(1.0),
    }
    asked = bench.upload(field_png())
    analyse(str(asked.pk))
    assert_failed(asked, "The model server refused this image")
    assert kept_files() == files_of(asked.image)


def test_an_answer_of_another_version_fails(fake: FakeModel, bench: Bench) -> None:
    embed = fake.answers[EMBED]

    def change_version(request: PredictRequest) -> dict[str, TensorProto]:
        fake.version += 1
        return embed(request)

    fake.answers[EMBED] = change_version
    asked = bench.upload(field_png())
    analyse(str(asked.pk))
    assert_failed(asked, "version 4 answered for 3")


def test_a_version_that_nobody_registered_fails(fake: FakeModel, bench: Bench) -> None:
    fake.version = 4
    asked = bench.upload(field_png())
    analyse(str(asked.pk))

    assert_failed(asked, "manage.py register_model")
    assert kept_files() == files_of(asked.image), "the heatmap was left behind"


# --- Fenced -------------------------------------------------------------------


def test_a_late_answer_is_discarded_with_its_heatmap(
    fake: FakeModel, bench: Bench
) -> None:
    asked = bench.upload(field_png())

    def take_over() -> None:
        let_lapse(asked)
        assert Analysis.objects.claim(asked.pk)

    during(fake, AGGREGATE, take_over)
    analyse(str(asked.pk))

    row = look(asked)
    assert (row.status, row.attempt) == (JobStatus.RUNNING, 2)
    assert not Prediction.objects.exists()
    assert events("analysis.answer") == 0
    assert kept_files() == files_of(asked.image)


def test_an_answer_that_nobody_wants_any_more_is_discarded(
    fake: FakeModel, bench: Bench
) -> None:
    asked = bench.upload(field_png())

    def cancel() -> None:
        assert analyses.cancel_analysis(analysis=asked, cancelled_by=bench.alice)

    during(fake, AGGREGATE, cancel)
    analyse(str(asked.pk))

    assert look(asked).status == JobStatus.CANCELLED
    assert not Prediction.objects.exists()
    assert kept_files() == files_of(asked.image)


# --- The database goes away ---------------------------------------------------


def test_connections_cut_meanwhile_lose_nothing(fake: FakeModel, bench: Bench) -> None:
    asked = bench.upload(field_png())
    during(fake, AGGREGATE, cut_connections)
    analyse(str(asked.pk))

    assert look(asked).status == JobStatus.SUCCEEDED
    assert look(asked).attempt == 1
    assert events("analysis.answer") == 1


def cut_connections() -> None:
    name = connections["default"].settings_dict["NAME"]
    with servers.postgres().connect() as server, server.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = %s",
            [name],
        )
        assert cursor.fetchone() != (0,)


def test_a_commit_whose_answer_was_cut_is_recognised(
    fake: FakeModel, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = bench.upload(field_png())
    database = connection.settings_dict
    folder = servers.make_folder()
    behind = Path(servers.postgres().sockets)
    with CutCommit(folder, behind) as between, monkeypatch.context() as patch:
        patch.setitem(database, "HOST", str(folder))
        connection.close()
        analyse(str(asked.pk))
        connection.close()
    shutil.rmtree(folder)

    assert between.cuts == 1
    assert look(asked).status == JobStatus.SUCCEEDED
    assert Prediction.objects.count() == events("analysis.answer") == 1
    heatmap = look(asked).prediction.heatmap_file
    assert kept_files() == files_of(asked.image) | {heatmap}


# --- The heartbeat ------------------------------------------------------------


def test_the_lease_is_extended_while_it_works(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.attempts.HEARTBEAT_S", 0.02)
    held = bench.run()
    with Heartbeat(held, Analysis.objects):
        before = look(held).lease_until
        assert before is not None
        wait_until(lambda: look(held).lease_until != before, "it did not beat")
        cut_connections()
        connection.close()
        before = look(held).lease_until
        wait_until(lambda: look(held).lease_until != before, "it did not recover")


def test_a_heart_stops_when_another_took_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.attempts.HEARTBEAT_S", 0.02)
    held = bench.run()
    with Heartbeat(held, Analysis.objects) as heart:
        with transaction.atomic():
            Analysis.objects.update(token="00000000-0000-0000-0000-000000000001")
        wait_until(lambda: not heart.is_alive(), "it went on beating")
