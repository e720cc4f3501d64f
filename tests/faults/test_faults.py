"""Nothing lost, nothing twice: whatever is killed, with a hundred images in flight.

Every message is published twice throughout. Each fault shows that it hit: that work
was under way in what was broken, and that it was taken up again. The `long` ones are
variations on the others: `make faults` alone breaks these too.
"""

import signal
import time
from collections.abc import Callable

import psutil
import pytest
from django.db import connections

from predictions.models import Analysis, JobStatus
from tests.faults.clinic import Clinic
from tests.faults.rig import SLOTS, Rig, in_flight, judge, running, thaw
from tests.faults.rounds import MANY, TAKEN_UP_WITHIN_S, Round

RoundMaker = Callable[[str], Round]
HUNG_S = 10


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.kill()


@pytest.mark.long
def test_killed_pool_children(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("kill -9 of the pool children")
    fault.broken(rig.freeze_at_work(rig.pool))
    kill(rig.pool())
    fault.assert_recovered()
    assert min(fault.attempts()) >= 2


def test_killed_worker(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("kill -9 of the whole worker")
    fault.broken(rig.freeze_at_work(lambda: rig.tree("worker")))
    kill(rig.tree("worker"))
    fault.assert_recovered()
    assert min(fault.attempts()) >= 2


def test_frozen_worker_that_wakes_after_its_lease(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("worker frozen past its lease, then woken")
    fault.broken(rig.freeze_in_calls())
    frozen = rig.tree("worker")
    rig.start_worker("second")
    try:
        answered = Analysis.objects.filter(
            pk__in=[held.pk for held in fault.held], status=JobStatus.SUCCEEDED
        )
        rig.wait_for(
            lambda: answered.count() == len(fault.held),
            within_s=TAKEN_UP_WITHIN_S + 30,
            why="the second worker did not take up what the first one held",
        )
        thaw(frozen)
        rig.wait_for(
            lambda: all(
                f"{held.pk}: a late write was refused" in rig.log("worker")
                for held in fault.held
            ),
            within_s=60,
            why="the late worker's writes were not refused",
        )
        fault.assert_recovered()
    finally:
        rig.retire("second")
    assert fault.attempts() == [2] * len(fault.held)


@pytest.mark.long
def test_killed_dispatcher(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("kill -9 of the dispatcher")
    fault.broken(rig.catch_at_work())
    kill([rig.process("dispatcher")])
    fault.assert_recovered()


@pytest.mark.long
def test_flushed_queue(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("FLUSHALL of Redis, messages waiting")
    with rig.redis.connect() as redis:
        fault.broken(rig.catch_at_work(lambda: bool(redis.llen("analyses"))))
        assert redis.flushall()
    fault.assert_recovered()


def test_killed_redis(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("kill -9 of Redis, messages waiting and taken")
    fault.broken(rig.freeze_at_work(rig.pool))
    kill([rig.process("redis")])
    thaw(rig.pool())
    time.sleep(2)  # What the pool takes up now cannot be acknowledged.
    fault.assert_recovered()


def test_killed_model_server(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("kill -9 of the model server, calls under way")
    rig.wait_for(lambda: len(running()) == SLOTS, within_s=30, why="no slot is busy")
    server = rig.process("serving")
    server.send_signal(signal.SIGSTOP)
    time.sleep(1)  # Everything that runs is now waiting for its answer.
    fault.broken(running())
    kill([server])
    fault.assert_recovered()
    rows = Analysis.objects.filter(pk__in=[held.pk for held in fault.held])
    assert all(row.breaks or row.given_back for row in rows)
    # At most one attempt for the kill; none while it could not be reached.
    asked = Analysis.objects.filter(pk__in=fault.asked)
    assert max(asked.values_list("attempt", flat=True)) <= 2


@pytest.mark.long
def test_hung_redis_does_not_hold_up_uploads(
    rig: Rig, clinic: Clinic, begin: RoundMaker
) -> None:
    fault = begin(f"Redis hung for {HUNG_S} s, uploads meanwhile")
    held = rig.catch_at_work()
    with rig.frozen([rig.process("redis")]):
        fault.broken(held)
        until = time.monotonic() + HUNG_S
        for seed in range(10_000, 10_003):
            began = time.monotonic()
            fault.asked.append(clinic.upload(seed).analysis.pk)
            assert time.monotonic() - began < 1
        while time.monotonic() < until:
            rig.tend()
            time.sleep(0.1)
        assert in_flight() >= MANY
    fault.assert_recovered()


def test_restarted_postgres(rig: Rig, begin: RoundMaker) -> None:
    fault = begin("PostgreSQL stopped immediately, restarted")
    fault.broken(rig.freeze_at_work(rig.pool))
    before = rig.process("postgres").pid
    rig.process("postgres").send_signal(signal.SIGQUIT)  # Immediate: no farewell.
    thaw(rig.pool())
    connections.close_all()
    rig.wait_for(
        lambda: (
            rig.is_up("postgres")
            and rig.process("postgres").pid != before
            and rig.postgres.is_ready()
        ),
        within_s=30,
        why="PostgreSQL does not come back",
    )
    fault.assert_recovered()


def test_poison_image_fails_and_its_neighbours_do_not(rig: Rig, clinic: Clinic) -> None:
    poison = clinic.upload(20_000, poison=True)
    neighbours = [clinic.upload(seed).analysis.pk for seed in range(20_001, 20_011)]
    rig.settle([poison.analysis.pk, *neighbours], within_s=180)
    poison.analysis.refresh_from_db()
    assert poison.analysis.status == JobStatus.FAILED
    assert (poison.analysis.attempt, poison.analysis.breaks) == (4, 4)
    assert "model server" in poison.analysis.failure_reason
    verdict = judge(neighbours)
    assert (verdict.lost, verdict.doubled, verdict.failed) == (0, 0, 0)
    assert rig.process("worker").is_running()


@pytest.mark.long
def test_control_without_the_fence_does_work_twice(rig: Rig, begin: RoundMaker) -> None:
    """The proof can fail: the same round with workers that do not look first."""
    rig.retire("worker")
    rig.start_worker("unfenced", app="tests.faults.unfenced:app")
    try:
        fault = begin("control: no fault, and no fence")
        rig.settle(fault.asked)
        fault.row.repeated = judge(fault.asked).repeated
        assert fault.row.repeated > 0
    finally:
        rig.retire("unfenced")
        rig.start_worker()
