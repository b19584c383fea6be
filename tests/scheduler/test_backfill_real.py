"""Backfills with real processes: a worker runs one to its end; kill -9 while one is made; 10,000 slots."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from support.making import cron, make_deployment
from support.waiting import wait_until
from support.working import Shop

from scheduler import backfill
from store import backfills
from store.database import Store
from store.schemas import (
    Backfill,
    BackfillCreate,
    BackfillState,
    CronSchedule,
    Deployment,
    DeploymentScheduleCreate,
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.close()


def backfill_of(store: Store, deployment: Deployment, minutes: int, **fields: object) -> Backfill:
    """Of the last so many minutes before the deployment was made, with one run for each."""
    end = deployment.created - timedelta(seconds=1)
    asked = BackfillCreate(
        deployment_id=deployment.id, range_start=end - timedelta(minutes=minutes), range_end=end, **fields
    )
    plan = backfill.preview(store, asked)
    return backfill.create(store, plan.request, plan.digest, "ann@desk")


def minutely(store: Store, name: str, command: str, work: Path, **fields: object) -> Deployment:
    paused = DeploymentScheduleCreate(schedule=CronSchedule(cron="* * * * *"), active=False)
    return make_deployment(
        store, name, work_pool_name="local", path=str(work), schedules=[paused],
        job_variables={"command": command}, **fields,
    )  # fmt: skip


def overlap(spans: list[tuple[datetime, datetime]]) -> int:
    """How many were going on at once at most."""
    edges = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    level = most = 0
    for _, step in edges:
        level += step
        most = max(most, level)
    return most


def test_a_worker_runs_one_to_its_end_with_max_active_held(shop: Shop) -> None:
    deployment = minutely(shop.store, "slots", 'echo "$SLUICE_SLOT" >> slots.txt; sleep 0.2', shop.work)
    schedule = deployment.schedules[0].id
    made = backfill_of(shop.store, deployment, 8, schedules=[schedule], max_active=2, slot_parameter="at")
    assert made.progress.total == 8
    shop.start_worker(concurrency=4)
    wait_until(
        lambda: backfills.read(shop.store, made.id).state is BackfillState.COMPLETED,
        60,
        "the backfill is completed",
    )
    ended = backfills.read(shop.store, made.id)
    assert (ended.progress.completed, ended.progress.ended) == (8, 8)
    rows = shop.store.database.execute_sql(
        "SELECT id FROM flow_run WHERE backfill_id = ? ORDER BY slot", (made.id.bytes,)
    ).fetchall()
    runs = [shop.run(UUID(bytes=key)) for (key,) in rows]
    spans = [(run.start_time, run.end_time) for run in runs if run.start_time and run.end_time]
    assert len(spans) == 8
    assert overlap(spans) == 2
    # Claimed in order; two that are claimed together may start in either, as the machine has it.
    claimed = shop.store.database.execute_sql(
        "SELECT s.timestamp FROM flow_run r JOIN flow_run_state s ON s.flow_run_id = r.id"
        " WHERE r.backfill_id = ? AND s.type = 'PENDING' ORDER BY r.slot",
        (made.id.bytes,),
    ).fetchall()
    assert claimed == sorted(claimed), "the oldest slot first"
    written = (shop.work / "slots.txt").read_text().split()
    assert sorted(written) == [run.sluice.slot.isoformat() for run in runs if run.sluice.slot]
    assert [run.parameters["at"] for run in runs] == sorted(written)
    assert shop.names(runs[0].id) == ["AwaitingConcurrencySlot", "Pending", "Running", "Completed"]


def test_cancelling_one_ends_its_processes(shop: Shop) -> None:
    deployment = minutely(shop.store, "long", "sleep 60", shop.work)
    made = backfill_of(shop.store, deployment, 3, schedules=[deployment.schedules[0].id])
    shop.start_worker()
    wait_until(lambda: backfills.read(shop.store, made.id).progress.running, 20, "one of its runs runs")
    backfill.cancel(shop.store, made.id, cancel_running=True)
    wait_until(
        lambda: backfills.read(shop.store, made.id).state is BackfillState.CANCELLED, 20, "it is cancelled"
    )
    assert backfills.read(shop.store, made.id).progress.cancelled == 3


CREATE = """
import sys
from datetime import timedelta
from uuid import UUID
from scheduler import backfill
from store import backfills, deployments
from store.database import Store
from store.schemas import BackfillCreate

store = Store.open(sys.argv[1])
deployment = deployments.read(store, UUID(sys.argv[2]))
end = deployment.created - timedelta(seconds=1)
request = BackfillCreate(
    deployment_id=deployment.id, range_start=end - timedelta(minutes=10_000), range_end=end)
plan = backfill.preview(store, request)
real = backfills.insert
def insert(store, prepared):
    if sys.argv[3] == "inside":
        real(store, prepared)
        print("inserted", flush=True)
        sys.stdin.readline()
    print("inserting", flush=True)
    real(store, prepared)
backfills.insert = insert
print("ready", flush=True)
sys.stdin.readline()
backfill.create(store, plan.request, plan.digest, "ann@desk")
print("done", flush=True)
"""


def start_creator(path: Path, deployment: Deployment, where: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CREATE, str(path), str(deployment.id), where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def counted(path: Path) -> tuple[int, int, int]:
    """Backfills, runs and states, as a reader sees them."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return tuple(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("backfill", "flow_run", "flow_run_state")
        )


@pytest.fixture
def archive(tmp_path: Path) -> tuple[Path, Deployment]:
    """A database with a deployment that has a slot each minute."""
    path = tmp_path / "archive.db"
    store = Store.open(path)
    deployment = make_deployment(store, schedules=[cron("* * * * *")])
    store.close()
    return path, deployment


def test_kill_9_with_all_its_runs_inserted_leaves_nothing(archive: tuple[Path, Deployment]) -> None:
    path, deployment = archive
    process = start_creator(path, deployment, "inside")
    assert process.stdout is not None
    assert process.stdout.readline() == "inserted\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert counted(path) == (0, 0, 0)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.3, 0.6])
def test_kill_9_at_any_moment_leaves_all_or_nothing(archive: tuple[Path, Deployment], delay: float) -> None:
    path, deployment = archive
    process = start_creator(path, deployment, "any")
    assert process.stdout is not None
    assert process.stdout.readline() == "inserting\n"
    threading.Event().wait(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert counted(path) in ((0, 0, 0), (1, 10_000, 10_000))


def test_making_and_cancelling_10_000_runs_keeps_nobody_waiting_for_a_second(
    archive: tuple[Path, Deployment],
) -> None:
    """Another thread writes all the time; what it waits for the database is what a due run would wait."""
    path, deployment = archive
    store = Store.open(path)
    stop, waits = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            with store.write():
                store.database.execute_sql("UPDATE deployment SET updated = updated + 1")
            waits.append(time.monotonic() - begun)
            stop.wait(0.01)
        store.database.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        made = backfill_of(store, deployment, 10_000)
        assert made.progress.total == 10_000
        cancelled = backfill.cancel(store, made.id, cancel_running=False)
    finally:
        stop.set()
        thread.join()
    assert cancelled.progress.cancelled == 10_000
    assert max(waits) < 1.0
    store.close()
