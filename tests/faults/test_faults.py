"""Nothing lost, nothing twice: whatever is killed, with a hundred images in flight.

Every message is published twice throughout. Each fault shows that it hit: that work
was under way in what was broken, and was taken up again.
"""

import signal
import time
from uuid import UUID

import psutil
import pytest
from django.db import connections

from predictions.models import Analysis, AnalysisStatus
from tests.faults.clinic import Clinic
from tests.faults.rig import (
    SLOTS,
    Held,
    Rig,
    assert_nothing_left_behind,
    in_flight,
    judge,
    now,
    running,
    taken_up_after,
)

TAKEN_UP_WITHIN_S = 45
MANY = 100


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.kill()


def assert_recovered(rig: Rig, asked: list[UUID]) -> None:
    """All answered, each once."""
    rig.settle(asked)
    verdict = judge(asked)
    assert (verdict.lost, verdict.doubled, verdict.unfinished) == (0, 0, 0)
    assert verdict.failed == 0
    assert_nothing_left_behind()


def attempts(held: list[Held]) -> list[int]:
    return list(
        Analysis.objects.filter(pk__in=[h.pk for h in held]).values_list(
            "attempt", flat=True
        )
    )


def test_killed_pool_children(rig: Rig, clinic: Clinic) -> None:
    asked = clinic.ask_about_all()
    held = rig.freeze_at_work(rig.pool)
    assert in_flight() >= MANY
    broken_at = now()
    kill(rig.pool())
    assert_recovered(rig, asked)
    assert taken_up_after(held, broken_at) < TAKEN_UP_WITHIN_S
    assert min(attempts(held)) >= 2


def test_killed_worker(rig: Rig, clinic: Clinic) -> None:
    asked = clinic.ask_about_all()
    held = rig.freeze_at_work(lambda: rig.tree("worker"))
    assert in_flight() >= MANY
    broken_at = now()
    kill(rig.tree("worker"))
    assert_recovered(rig, asked)
    assert taken_up_after(held, broken_at) < TAKEN_UP_WITHIN_S
    assert min(attempts(held)) >= 2


def test_frozen_worker_that_wakes_after_its_lease(rig: Rig, clinic: Clinic) -> None:
    asked = clinic.ask_about_all()
    held = rig.freeze_at_work(lambda: rig.tree("worker"))
    assert in_flight() >= MANY
    frozen = rig.tree("worker")
    broken_at = now()
    rig.start_worker("second")
    answered = Analysis.objects.filter(
        pk__in=[h.pk for h in held], status=AnalysisStatus.SUCCEEDED
    )
    rig.wait_for(
        lambda: answered.count() == len(held),
        within_s=TAKEN_UP_WITHIN_S + 30,
        why="the second worker did not take up what the first one held",
    )
    assert taken_up_after(held, broken_at) < TAKEN_UP_WITHIN_S
    for process in frozen:
        process.send_signal(signal.SIGCONT)
    rig.wait_for(
        lambda: rig.log("worker").count("stale answer discarded") >= len(held),
        within_s=60,
        why="the late worker's writes were not refused",
    )
    assert_recovered(rig, asked)
    assert attempts(held) == [2] * len(held)
    rig.retire("second")


def test_killed_dispatcher(rig: Rig, clinic: Clinic) -> None:
    asked = clinic.ask_about_all()
    rig.wait_for(lambda: bool(running()), within_s=30, why="nothing is running")
    assert in_flight() >= MANY
    kill([rig.process("dispatcher")])
    assert_recovered(rig, asked)


@pytest.mark.parametrize("how", ["kill", "flush"])
def test_lost_queue(rig: Rig, clinic: Clinic, how: str) -> None:
    asked = clinic.ask_about_all()
    with rig.redis.connect() as redis:
        rig.wait_for(
            lambda: bool(redis.llen("analyses")) and bool(running()),
            within_s=30,
            why="the queue stays empty",
        )
        assert in_flight() >= MANY
        if how == "flush":
            redis.flushall()
        else:
            kill([rig.process("redis")])
    assert_recovered(rig, asked)


def test_killed_model_server(rig: Rig, clinic: Clinic) -> None:
    asked = clinic.ask_about_all()
    rig.wait_for(lambda: len(running()) == SLOTS, within_s=30, why="no slot is busy")
    server = rig.process("serving")
    server.send_signal(signal.SIGSTOP)
    time.sleep(1)  # Everything that runs is now waiting for its answer.
    held = running()
    assert held
    assert in_flight() >= MANY
    kill([server])
    assert_recovered(rig, asked)
    rows = Analysis.objects.filter(pk__in=[h.pk for h in held])
    assert all(row.breaks or row.given_back for row in rows)
    # At most one attempt for the kill; none while it could not be reached.
    assert max(Analysis.objects.filter(pk__in=asked).values_list("attempt")) <= (2,)


def test_hung_redis_does_not_hold_up_uploads(rig: Rig, clinic: Clinic) -> None:
    asked = clinic.ask_about_all()
    rig.wait_for(lambda: bool(running()), within_s=30, why="nothing is running")
    with rig.frozen([rig.process("redis")]):
        for seed in range(10_000, 10_003):
            began = time.monotonic()
            asked.append(clinic.upload(seed).analysis.pk)
            assert time.monotonic() - began < 1
        began = time.monotonic()
        while time.monotonic() - began < 10:
            rig.tend()
            time.sleep(0.1)
        assert in_flight() >= MANY
    assert_recovered(rig, asked)


def test_restarted_postgres(rig: Rig, clinic: Clinic) -> None:
    asked = clinic.ask_about_all()
    held = rig.freeze_at_work(rig.pool)
    assert in_flight() >= MANY
    before = rig.process("postgres").pid
    rig.process("postgres").send_signal(signal.SIGQUIT)  # Immediate: no farewell.
    for process in rig.pool():
        process.send_signal(signal.SIGCONT)
    connections.close_all()
    rig.wait_for(
        lambda: rig.process("postgres").pid != before and rig.postgres.is_ready(),
        within_s=30,
        why="PostgreSQL does not come back",
    )
    assert_recovered(rig, asked)
    assert held


def test_poison_image_fails_and_its_neighbours_do_not(rig: Rig, clinic: Clinic) -> None:
    poison = clinic.upload(20_000, poison=True)
    neighbours = [clinic.upload(seed).analysis.pk for seed in range(20_001, 20_011)]
    rig.settle([poison.analysis.pk, *neighbours], within_s=180)
    poison.analysis.refresh_from_db()
    assert poison.analysis.status == AnalysisStatus.FAILED
    assert poison.analysis.attempt == 4
    assert poison.analysis.breaks == 4
    assert "model server" in poison.analysis.failure_reason
    verdict = judge(neighbours)
    assert (verdict.lost, verdict.doubled, verdict.failed) == (0, 0, 0)
    assert rig.process("worker").is_running()


def test_control_without_the_fence_does_work_twice(rig: Rig, clinic: Clinic) -> None:
    """The proof can fail: the same round with workers that do not look first."""
    rig.retire("worker")
    rig.start_worker("unfenced", app="tests.faults.unfenced:app")
    try:
        asked = clinic.ask_about_all()
        rig.settle(asked)
        assert judge(asked).repeated > 0
    finally:
        rig.retire("unfenced")
        rig.start_worker()
