"""From rows to messages: in what order, how many, and never lost."""

import json
import os
import socket
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from redis import Redis, RedisError

from predictions.models import (
    Analysis,
    AuditEvent,
    Counter,
    Fetch,
    JobStatus,
    Priority,
    Repeat,
)
from predictions.models.job import GIVE_UP_AFTER, MAX_ATTEMPTS
from predictions.services.fetches import record_failure
from predictions.services.images import ring as ring_the_dispatcher
from tests import servers
from tests.data import REPOSITORY
from tests.predictions.records import make_fetch
from tests.threads import all_at_once, beside, wait_until
from tests.worker.bench import Bench, let_lapse, make_bench
from worker import dispatcher, queue
from worker.dispatcher import (
    ANALYSES,
    FETCHES,
    RING_AGAIN_AFTER,
    Dispatcher,
    fail_overdue,
    ring,
    take_due,
)

NOBODY = "redis://127.0.0.1:1/0"


def ago(minutes: float) -> dict[str, object]:
    return {"created_at": timezone.now() - timedelta(minutes=minutes)}


def taken(limit: int = 100) -> list[UUID]:
    return list(take_due(ANALYSES, limit=limit))


def pks(*analyses: Analysis) -> list[UUID]:
    return [analysis.pk for analysis in analyses]


@contextmanager
def dispatching() -> Iterator[Dispatcher]:
    """A dispatcher at work beside the test, stopped in the end."""
    working = Dispatcher(slots=2)
    with beside(working.run) as running:
        try:
            yield working
            assert not running.done(), running.exception()
        finally:
            working.stop(0, None)
            ring_the_dispatcher()


# --- In what order ------------------------------------------------------------


def test_the_oldest_comes_first(bench: Bench) -> None:
    young, old = bench.ask(**ago(1)), bench.ask(**ago(2))
    assert taken() == pks(old, young)


def test_the_urgent_comes_before_the_old(bench: Bench) -> None:
    old, urgent = bench.ask(**ago(9)), bench.ask(priority=Priority.URGENT)
    bench.run()
    assert taken() == pks(urgent, old)


def test_the_laboratory_with_least_in_flight_comes_first(bench: Bench) -> None:
    busy, idle, other = bench, make_bench("South"), make_bench("West")
    busy.run()
    busy.run()
    waiting_long = busy.ask(**ago(9))
    first, second = idle.ask(**ago(3)), idle.ask(**ago(2))
    third = other.ask(**ago(1))

    assert taken() == pks(first, third, second, waiting_long)


def test_a_lapsed_attempt_is_not_in_flight(bench: Bench) -> None:
    other = make_bench("South")
    let_lapse(lapsed := bench.run(**ago(9)))
    waiting = other.ask(**ago(1))
    assert taken() == pks(lapsed, waiting)


def test_what_was_rung_for_is_in_flight(bench: Bench) -> None:
    """Messages that nobody has taken yet count: one slot at a time is fair too."""
    flooding, other = bench, make_bench("South")
    many = [flooding.ask(**ago(9 - number)) for number in range(4)]
    few = [other.ask(**ago(2 - number)) for number in range(2)]

    order = [taken(limit=1)[0] for _ in range(6)]
    assert order == pks(many[0], few[0], many[1], few[1], many[2], many[3])


def test_a_flood_does_not_hide_the_other_laboratory(bench: Bench) -> None:
    for number in range(20):
        bench.ask(**ago(30 - number))
    alone = make_bench("South").ask(**ago(1))
    assert alone.pk in taken(limit=2)


# --- How often ----------------------------------------------------------------


def test_what_was_taken_is_due_again_only_after_a_while(bench: Bench) -> None:
    analysis = bench.ask()
    assert taken() == pks(analysis)
    assert taken() == []

    analysis.refresh_from_db()
    wait = analysis.next_at - timezone.now()
    assert RING_AGAIN_AFTER / 2 < wait <= RING_AGAIN_AFTER
    Analysis.objects.update(next_at=timezone.now())
    assert taken() == pks(analysis), "nobody claimed it: the message was lost"


def test_what_somebody_works_on_is_not_rung_for(bench: Bench) -> None:
    held = bench.run()
    Analysis.objects.update(next_at=timezone.now())
    assert taken() == []
    let_lapse(held)
    assert taken() == pks(held)


def test_what_has_no_attempt_left_is_not_rung_for(bench: Bench) -> None:
    let_lapse(bench.run())
    Analysis.objects.update(attempt=MAX_ATTEMPTS)
    assert taken() == []


def test_five_dispatchers_never_ring_twice_for_one_row(bench: Bench) -> None:
    asked = [bench.ask().pk for _ in range(40)]

    def take_all() -> list[UUID]:
        return list(chain.from_iterable(take_due(ANALYSES, limit=4) for _ in range(30)))

    rung = list(chain.from_iterable(all_at_once([take_all] * 5)))
    assert len(rung) == len(set(rung)), "somebody was rung for twice"
    assert set(rung) == set(asked)


# --- Fetches ------------------------------------------------------------------


def fetches(bench: Bench, count: int) -> list[Fetch]:
    return [
        make_fetch(bench.case, bench.alice, **ago(count - number))
        for number in range(count)
    ]


def test_a_laboratory_has_two_fetches_in_flight_at_most(bench: Bench) -> None:
    many = fetches(bench, 4)
    few = fetches(make_bench("South"), 3)
    first = list(take_due(FETCHES, limit=100))
    assert len(first) == 4
    assert set(first) == {one.pk for one in (*many[:2], *few[:2])}
    assert take_due(FETCHES, limit=100) == []

    held = Fetch.objects.claim(many[0].pk)
    assert held is not None
    assert take_due(FETCHES, limit=100) == [], "it is still in flight"
    assert record_failure(held=held, reason="It is gone.")
    assert take_due(FETCHES, limit=100) == [many[2].pk]


def test_the_laboratory_with_fewest_fetches_in_flight_comes_first(
    bench: Bench,
) -> None:
    busy, waiting = fetches(bench, 2)
    assert Fetch.objects.claim(busy.pk)
    (alone,) = fetches(make_bench("South"), 1)
    assert list(take_due(FETCHES, limit=1)) == [alone.pk]
    assert list(take_due(FETCHES, limit=1)) == [waiting.pk]


def test_an_urgent_cases_fetch_comes_first(bench: Bench) -> None:
    fetches(bench, 1)
    urgent = make_bench("South")
    urgent.case.priority = Priority.URGENT
    urgent.case.save()
    (one,) = fetches(urgent, 1)
    assert take_due(FETCHES, limit=1) == [one.pk]


@pytest.mark.parametrize(("slots", "fetched"), [(1, 1), (2, 1), (6, 3)])
def test_half_of_the_slots_are_left_to_analyses(
    bench: Bench, doorbell: Redis, slots: int, fetched: int
) -> None:
    for name in ("South", "West", "East"):
        fetches(make_bench(name), 2)
    asked = [bench.ask() for _ in range(20)]
    one = Dispatcher(slots=slots)
    one.turn()
    one.turn()

    said = [json.loads(message) for message in doorbell.lrange(queue.QUEUE, 0, -1)]
    tasks = [message["headers"]["task"] for message in said]
    assert tasks.count(queue.FETCH) == fetched
    assert tasks.count(queue.ANALYSE) == min(2 * slots, len(asked))


def test_a_fetch_that_could_not_be_rung_for_is_due_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(task: str, job_id: UUID) -> None:
        raise RedisError

    fetches(bench, 2)
    monkeypatch.setattr(queue, "publish", away)
    with pytest.raises(RedisError):
        ring(FETCHES, take_due(FETCHES, limit=2))
    assert Fetch.objects.due().count() == 2


def test_a_fetch_that_is_overdue_fails_with_words(
    bench: Bench, doorbell: Redis
) -> None:
    waited, lapsed, young = fetches(bench, 3)
    past = timezone.now() - timedelta(seconds=1)
    rows = Fetch.objects.all()
    rows.filter(pk=waited.pk).update(created_at=past - GIVE_UP_AFTER)
    assert Fetch.objects.claim(lapsed.pk)
    rows.filter(pk=lapsed.pk).update(attempt=MAX_ATTEMPTS, lease_until=past)
    Dispatcher(slots=2).turn()

    for fetch in (waited, lapsed, young):
        fetch.refresh_from_db()
    assert "not be fetched within 24 hours" in waited.failure_reason
    assert "stopped 4 times in a row" in lapsed.failure_reason
    assert young.status == JobStatus.ACCEPTED


# --- The queue ----------------------------------------------------------------


def test_a_message_names_the_task_and_the_row(bench: Bench, doorbell: Redis) -> None:
    analysis = bench.ask()
    ring(ANALYSES, pks(analysis))

    written = doorbell.rpop(queue.QUEUE)
    assert isinstance(written, bytes)
    message = json.loads(written)
    arguments, *_ = json.loads(b64decode(message["body"]))
    assert message["headers"]["task"] == queue.ANALYSE
    assert arguments == [str(analysis.pk)]


def test_the_queue_is_topped_up_to_twice_the_slots(
    bench: Bench, doorbell: Redis
) -> None:
    for _ in range(10):
        bench.ask()
    one = Dispatcher(slots=2)

    one.turn()
    assert doorbell.llen(queue.QUEUE) == 4
    one.turn()
    assert doorbell.llen(queue.QUEUE) == 4
    doorbell.rpop(queue.QUEUE)
    one.turn()
    assert doorbell.llen(queue.QUEUE) == 4
    assert Analysis.objects.due().count() == 5


def test_what_could_not_be_published_is_due_again_at_once(bench: Bench) -> None:
    """In a process of its own: the broker's address is read when it starts."""
    for _ in range(3):
        bench.ask()
    script = (
        "import django; django.setup()\n"
        "from worker.dispatcher import ANALYSES, AWAY, ring, take_due\n"
        "taken = take_due(ANALYSES, limit=3)\n"
        "try: ring(ANALYSES, taken)\n"
        "except AWAY: print(len(taken))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, "REDIS_URL": NOBODY},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.split() == ["3"], ended.stderr
    assert Analysis.objects.due().count() == 3


def test_the_clock_goes_on_while_redis_is_away(
    bench: Bench, settings: Settings
) -> None:
    old = bench.ask(created_at=timezone.now() - GIVE_UP_AFTER * 2)
    young = bench.ask()
    settings.REDIS_URL = NOBODY

    with pytest.raises(RedisError):
        Dispatcher(slots=2).turn()
    old.refresh_from_db()
    assert old.status == JobStatus.FAILED
    assert list(Analysis.objects.due()) == [young], "not taken in vain"


# --- The clock ----------------------------------------------------------------


def test_the_clock_forgets_counts_and_keys_of_long_ago(
    bench: Bench, doorbell: Redis
) -> None:
    long_ago = timezone.now() - timedelta(days=8)
    Counter.objects.create(key="k", began_at=long_ago)
    Repeat.objects.create(user=bench.alice, key="k", request_sha256="")
    Repeat.objects.update(created_at=long_ago)
    Session.objects.create(session_key="k", expire_date=long_ago)
    Dispatcher(slots=2).turn()
    assert not Counter.objects.exists()
    assert not Repeat.objects.exists()
    assert not Session.objects.exists()


def test_a_last_attempt_that_lapsed_fails_with_words(bench: Bench) -> None:
    let_lapse(bench.run())
    Analysis.objects.update(attempt=MAX_ATTEMPTS)
    fail_overdue(ANALYSES)

    failed = Analysis.objects.get()
    assert failed.status == JobStatus.FAILED
    assert "stopped 4 times in a row" in failed.failure_reason
    event = AuditEvent.objects.get(action="analysis.fail")
    assert event.subject == f"analysis:{failed.pk}"
    assert event.detail["reason"] == failed.failure_reason


def test_what_waited_too_long_fails_with_words(bench: Bench) -> None:
    old = bench.ask(created_at=timezone.now() - GIVE_UP_AFTER - timedelta(minutes=1))
    fail_overdue(ANALYSES)

    old.refresh_from_db()
    assert old.status == JobStatus.FAILED
    assert "within 24 hours" in old.failure_reason


def test_nothing_else_fails_by_the_clock(bench: Bench) -> None:
    too_old = {"created_at": timezone.now() - GIVE_UP_AFTER * 2}
    bench.ask()
    bench.run()
    bench.run(**too_old)
    let_lapse(bench.run(**too_old))
    fail_overdue(ANALYSES)

    assert not Analysis.objects.filter(status=JobStatus.FAILED).exists()
    assert not AuditEvent.objects.filter(action="analysis.fail").exists()


# --- LISTEN -------------------------------------------------------------------


def test_a_notification_wakes_it_before_its_turn_comes(
    bench: Bench, doorbell: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "TURN_S", 600.0)
    with dispatching():
        for number in range(1, 4):
            bench.ask()
            ring_the_dispatcher()
            wait_until(
                lambda n=number: doorbell.llen(queue.QUEUE) == n,  # type: ignore[misc]
                "nobody woke it",
            )


def test_a_notification_that_came_with_a_query_is_heard(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "TURN_S", 600.0)

    def listen_then_query_then_wait() -> None:
        listening = Dispatcher(slots=2)
        listening._wait()
        ring_the_dispatcher()  # On its own connection: it comes with the answer.
        listening._wait()

    with beside(listen_then_query_then_wait) as waiting:
        try:
            waiting.result(timeout=20)
        finally:
            ring_the_dispatcher()


def test_it_survives_its_connections_being_cut(
    bench: Bench, doorbell: Redis, committed_db: str
) -> None:
    with dispatching():
        for number in range(1, 4):
            bench.ask()
            wait_until(
                lambda n=number: doorbell.llen(queue.QUEUE) == n,  # type: ignore[misc]
                "it did not come back",
            )
            cut_all_connections_but_ours()


def test_a_server_that_dies_while_it_waits_is_an_error_it_survives(
    bench: Bench,
) -> None:
    """No farewell, only the end: psycopg2's own error must not get through."""
    listening = Dispatcher(slots=2)
    listening._wait()
    wire = socket.socket(fileno=os.dup(connection.connection.fileno()))
    with wire:
        wire.shutdown(socket.SHUT_RDWR)
    with pytest.raises(dispatcher.AWAY):
        listening._wait()
    connection.close()


def cut_all_connections_but_ours() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), pg_backend_pid()")
        name, ours = cursor.fetchone()
    with servers.postgres().connect() as server, server.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> %s",
            [name, ours],
        )
        assert cursor.fetchone() != (0,), "the dispatcher had no connection"
