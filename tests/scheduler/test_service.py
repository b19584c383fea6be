"""The scheduler's thread: woken by changes, quiet otherwise, alive after errors, taken over when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.making import WHO
from support.planning import HOURLY, MINUTELY, edit_rule, made_runs, scheduled_deployment
from support.waiting import wait_until

from scheduler import planner, service
from scheduler.service import Scheduler
from store import deployments, heartbeat, locks, pausing
from store.clock import FrozenClock
from store.database import Store

HOLDER = """
import sys
from store.database import Store
from scheduler.service import Scheduler
scheduler = Scheduler(Store.open(sys.argv[1]))
scheduler.start()
while not scheduler.holds_lock:
    pass
print("holds", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Store]:
    """A database on the machine's own clock."""
    opened = Store.open(tmp_path / "real.db")
    yield opened
    opened.close()


@pytest.fixture
def scheduler(real: Store) -> Iterator[Scheduler]:
    """A running scheduler that has looked once."""
    made = Scheduler(real)
    made.start()
    wait_until(lambda: made.looks > 0)
    yield made
    made.stop()


def other_process(path: Path) -> subprocess.Popen[str]:
    """Another process that schedules, started and holding the lock."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "holds\n"
    return child


class TestLoop:
    """One turn, with time as a parameter and no thread."""

    def test_answers_how_long_nothing_is_due(self, store: Store, clock: FrozenClock) -> None:
        turn = Scheduler(store)
        assert turn.loop(clock.now()) == service.MAX_WAIT_SECONDS
        scheduled_deployment(store, MINUTELY, max_scheduled_runs=1)
        clock.advance(57)
        turn.loop(clock.now())
        assert turn.loop(clock.now()) == 3

    def test_plans_at_the_time_it_is_given(self, store: Store, clock: FrozenClock) -> None:
        scheduled_deployment(store, HOURLY)
        Scheduler(store).loop(clock.now() + timedelta(minutes=40))
        assert made_runs(store)[0].slot == clock.now() + timedelta(hours=1)

    def test_does_nothing_without_the_lock(self, store: Store, clock: FrozenClock) -> None:
        lock = locks.LockFile(store.path, "scheduler")
        assert lock.try_acquire()
        scheduled_deployment(store)
        turn = Scheduler(store)
        assert turn.loop(clock.now()) == service.LOCK_RETRY_SECONDS
        assert (turn.looks, turn.holds_lock, made_runs(store)) == (0, False, [])
        lock.release()
        turn.loop(clock.now())
        assert turn.holds_lock
        assert len(made_runs(store)) == 3

    def test_tells_of_a_clock_that_jumps(
        self, store: Store, clock: FrozenClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        turn = Scheduler(store)
        turn.loop(clock.now())
        clock.advance(600)
        turn.loop(clock.now())
        assert "jumped" not in caplog.text
        clock.set(clock.now() + timedelta(hours=2))
        turn.loop(clock.now())
        assert "the clock jumped by +7200 s" in caplog.text


def test_a_new_deployment_is_planned_at_once(real: Store, scheduler: Scheduler) -> None:
    begun = time.monotonic()
    deployment = scheduled_deployment(real)
    wait_until(lambda: made_runs(real, deployment))
    assert time.monotonic() - begun < 1
    assert scheduler.error is None


def test_an_edit_a_pause_and_a_resume_take_effect_at_once(real: Store, scheduler: Scheduler) -> None:
    deployment = scheduled_deployment(real, MINUTELY)
    wait_until(lambda: made_runs(real))
    edit_rule(real, deployment, HOURLY)
    wait_until(lambda: 0 < len(made_runs(real)) < 10)
    pausing.pause(real, [deployment.id], WHO)
    assert made_runs(real) == []
    pausing.resume(real, [deployment.id], WHO)
    wait_until(lambda: made_runs(real))


def test_a_pause_ends_on_time(real: Store, scheduler: Scheduler) -> None:
    deployment = scheduled_deployment(real)
    until = datetime.now(UTC) + timedelta(seconds=0.7)
    pausing.pause(real, [deployment.id], WHO, until=until)
    wait_until(lambda: not deployments.read(real, deployment.id).paused, 5)
    assert timedelta(0) <= datetime.now(UTC) - until < timedelta(seconds=1)


def test_a_chatty_writer_does_not_make_it_spin(real: Store, scheduler: Scheduler) -> None:
    deployment = scheduled_deployment(real)
    wait_until(lambda: made_runs(real))
    looks, begun = scheduler.looks, time.monotonic()
    writes = 0
    while time.monotonic() - begun < 1.5:
        with real.write():
            real.database.execute_sql("UPDATE deployment SET description = ?", (str(writes),))
        writes += 1
    elapsed = time.monotonic() - begun
    assert writes > 100
    assert scheduler.looks - looks <= elapsed / service.LOOK_GAP_SECONDS + 2
    assert deployments.read(real, deployment.id).description == str(writes - 1)


def test_what_it_writes_itself_does_not_wake_it(real: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def writes(store: Store, now: datetime, *_: object) -> planner.PlanResult:
        heartbeat.beat(store, now)
        return planner.PlanResult()

    monkeypatch.setattr(planner, "plan", writes)
    scheduler = Scheduler(real)
    scheduler.start()
    try:
        for looks in range(1, 6):
            wait_until(lambda looks=looks: scheduler.looks >= looks)
            scheduler.wake()
        wait_until(lambda: scheduler.looks >= 6)
        assert scheduler.looks == 6
    finally:
        scheduler.stop()


def test_it_lives_on_after_an_error_and_shows_it(
    real: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "ERROR_WAIT_SECONDS", 0.05)
    plan, fails = planner.plan, threading.Event()
    fails.set()

    def fragile(*arguments: object) -> planner.PlanResult:
        if fails.is_set():
            raise OSError("the disk is full")
        return plan(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(planner, "plan", fragile)
    scheduler = Scheduler(real)
    scheduler.start()
    try:
        wait_until(lambda: scheduler.error == "OSError: the disk is full")
        wait_until(lambda: scheduler.looks > 3)
        assert caplog.text.count("the scheduler failed") == 1
        scheduled_deployment(real)
        fails.clear()
        wait_until(lambda: made_runs(real))
        wait_until(lambda: scheduler.error is None)
    finally:
        scheduler.stop()


def test_stopping_joins_gives_the_lock_back_and_says_until_when(real: Store) -> None:
    scheduler = Scheduler(real)
    scheduler.start()
    scheduler.start()
    wait_until(lambda: scheduler.holds_lock)
    holder = locks.read_holder(real.path, "scheduler")
    assert holder is not None
    assert holder.pid == os.getpid()
    scheduler.stop()
    assert not scheduler.holds_lock
    assert locks.read_holder(real.path, "scheduler") is None
    assert not [thread for thread in threading.enumerate() if thread.name == "scheduler"]
    last = heartbeat.last_tick(real)
    assert last is not None
    assert datetime.now(UTC) - last < timedelta(seconds=5)
    scheduler.stop()


def test_a_scheduler_that_only_failed_does_not_say_that_somebody_was_here(
    real: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    heartbeat.beat(real, hour_ago)

    def broken(*args: object) -> None:
        raise RuntimeError("no plan")

    monkeypatch.setattr(planner, "plan", broken)
    scheduler = Scheduler(real)
    scheduler.start()
    wait_until(lambda: scheduler.error)
    scheduler.stop()
    assert heartbeat.last_tick(real) == hour_ago


def test_a_database_that_a_newer_sluice_upgraded_is_left_alone(real: Store) -> None:
    real.database.execute_sql("PRAGMA user_version = 99")
    scheduler = Scheduler(real)
    scheduler.start()
    try:
        wait_until(lambda: scheduler.error)
        assert "was written by a newer Sluice" in str(scheduler.error)
        assert not scheduler.holds_lock
    finally:
        scheduler.stop()


def test_the_next_one_takes_over_when_one_stops(real: Store, scheduler: Scheduler) -> None:
    heir = Scheduler(real)
    heir.start()
    try:
        assert not heir.holds_lock
        scheduler.stop()
        begun = time.monotonic()
        wait_until(lambda: heir.holds_lock, 5)
        assert time.monotonic() - begun < 2
    finally:
        heir.stop()


def test_another_process_takes_over_within_two_seconds_of_a_kill(real: Store) -> None:
    child = other_process(real.path)
    scheduler = Scheduler(real)
    scheduler.start()
    try:
        holder = locks.read_holder(real.path, "scheduler")
        assert holder is not None
        assert holder.pid == child.pid
        assert not scheduler.holds_lock
        child.send_signal(signal.SIGKILL)
        begun = time.monotonic()
        child.wait(10)
        wait_until(lambda: scheduler.holds_lock, 5)
        assert time.monotonic() - begun < 2
        deployment = scheduled_deployment(real)
        wait_until(lambda: len(made_runs(real, deployment)) == 3)
    finally:
        scheduler.stop()
        child.kill()
        child.communicate()


def test_two_processes_make_no_run_twice_while_they_hand_over(real: Store) -> None:
    deployment = scheduled_deployment(real, MINUTELY)
    for _ in range(2):
        child = other_process(real.path)
        real.database.execute_sql("UPDATE deployment_schedule SET plan_again_at = 0, planned_until = created")
        child.send_signal(signal.SIGKILL)
        child.communicate()
        heir = Scheduler(real)
        heir.start()
        wait_until(lambda heir=heir: heir.holds_lock and heir.looks)
        heir.stop()
    slots = [run.slot for run in made_runs(real, deployment)]
    assert len(slots) == len(set(slots)) >= 60
    orphans = "SELECT count(*) FROM flow_run_state WHERE flow_run_id NOT IN (SELECT id FROM flow_run)"
    assert real.database.execute_sql(orphans).fetchone()[0] == 0
