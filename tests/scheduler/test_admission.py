"""Which due runs start: limits, priorities, collisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.making import cron, make_deployment, make_planned_run, make_run, scheduled

from scheduler.admission import admit
from store import claims, flow_runs, heartbeat, states, work_pools
from store.clock import FrozenClock
from store.database import Store
from store.schemas import (
    CollisionStrategy,
    Deployment,
    DeploymentOptions,
    FlowRun,
    StateCreate,
    StateType,
    WorkPoolCreate,
)

COMPLETED = StateCreate(type=StateType.COMPLETED)


class Desk:
    """Makes runs in the pool `local` and admits them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        work_pools.ensure_defaults(store)

    def make(
        self, deployment: Deployment, seconds: float = 0, queue: str = "default", **fields: Any
    ) -> FlowRun:
        """A run due this many seconds from now."""
        found = work_pools.get_or_create_queue(self.store, "local", queue)
        due = self.store.clock.now() + timedelta(seconds=seconds)
        values = {"work_queue_id": found.id, "work_queue_name": queue, "state": scheduled(due), **fields}
        return make_run(self.store, deployment, **values)

    def admit(self, room: int = 100) -> list[str]:
        """The names of the runs that start now."""
        return [run.name for run in admit(self.store, "local", "me", self.store.clock.now(), room)]

    def state(self, run: FlowRun) -> str:
        """The name of its present state."""
        return str(flow_runs.read(self.store, run.id).state_name)

    def message(self, run: FlowRun) -> str | None:
        """The message of its present state."""
        state = flow_runs.read(self.store, run.id).state
        assert state is not None
        return state.message

    def end(self, run: FlowRun) -> None:
        """Make it Completed."""
        states.write(self.store, run.id, COMPLETED)

    def change(self, table: str, name: str, **values: Any) -> None:
        """Change columns of a pool or queue."""
        for column, value in values.items():
            with self.store.write():
                self.store.database.execute_sql(
                    f"UPDATE {table} SET {column} = ? WHERE name = ?", (value, name)
                )


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def limited(store: Store, strategy: CollisionStrategy | None = None, limit: int = 1) -> Deployment:
    """A deployment with a limit and a strategy."""
    options = DeploymentOptions(collision=strategy)
    return make_deployment(store, f"limited {strategy}", concurrency_limit=limit, sluice=options)


def test_due_runs_start_in_order_of_their_time(store: Store, desk: Desk, clock: FrozenClock) -> None:
    deployment = make_deployment(store)
    for name, seconds in (("later", 1), ("b", -1), ("a", -2), ("c", 0)):
        desk.make(deployment, seconds, name=name)
    assert desk.admit() == ["a", "b", "c"]
    assert desk.admit() == []
    assert claims.next_due(store, "local") == clock.now() + timedelta(seconds=1)
    clock.advance(1)
    assert desk.admit() == ["later"]
    assert claims.next_due(store, "local") is None


def test_a_claim_is_pending_in_the_workers_name_and_raises_the_token(store: Store, desk: Desk) -> None:
    run = desk.make(make_deployment(store), parameters={"n": 1}, job_variables={"env": {"A": "2"}, "nice": 3})
    (launch,) = admit(store, "local", "me", store.clock.now(), 1)
    assert (launch.id, launch.token, launch.parameters) == (run.id, 1, {"n": 1})
    assert desk.state(run) == "Pending"
    assert [claimed.id for claimed in claims.claimed_runs(store, "m")] == [run.id]
    assert claims.claim(store, run.id, "you", store.clock.now()) is None


def test_the_runs_job_variables_overlay_the_deployments(store: Store, desk: Desk) -> None:
    variables = {"env": {"A": "1", "B": "1"}, "command": "true"}
    desk.make(make_deployment(store, job_variables=variables), job_variables={"env": {"A": "2"}, "nice": 3})
    (launch,) = admit(store, "local", "me", store.clock.now(), 1)
    assert launch.job_variables == {"env": {"A": "2", "B": "1"}, "command": "true", "nice": 3}


def test_looking_in_vain_writes_nothing(store: Store, desk: Desk) -> None:
    deployment = limited(store)
    desk.make(deployment)
    desk.make(deployment)
    desk.admit()
    heard: list[int] = []
    store.changes.subscribe(lambda: heard.append(1))
    assert desk.admit() == []
    assert heard == []


def test_the_workers_own_room(store: Store, desk: Desk) -> None:
    deployment = make_deployment(store)
    for name in "abc":
        desk.make(deployment, name=name)
    assert desk.admit(room=0) == []
    assert desk.admit(room=2) == ["a", "b"]
    assert desk.admit(room=2) == ["c"]


def test_other_pools_and_deployments_without_one_are_left_alone(store: Store, desk: Desk) -> None:
    work_pools.create(store, WorkPoolCreate(name="other"))
    other = work_pools.default_queue(store, "other")
    deployment = make_deployment(store)
    desk.make(deployment, work_queue_id=other.id)
    desk.make(deployment, work_queue_id=None)
    assert desk.admit() == []
    assert claims.next_due(store, "local") is None


@pytest.mark.parametrize("table", ["work_pool", "work_queue"])
def test_paused_pools_and_queues_start_nothing(store: Store, desk: Desk, table: str) -> None:
    desk.make(make_deployment(store), name="a")
    name = "local" if table == "work_pool" else "default"
    desk.change(table, name, is_paused=True)
    assert desk.admit() == []
    assert claims.next_due(store, "local") is None
    desk.change(table, name, is_paused=False)
    assert desk.admit() == ["a"]


@pytest.mark.parametrize("table", ["work_pool", "work_queue"])
def test_limits_of_pool_and_queue(store: Store, desk: Desk, table: str) -> None:
    desk.change(table, "local" if table == "work_pool" else "default", concurrency_limit=2)
    deployment = make_deployment(store)
    runs = [desk.make(deployment, name=name) for name in "abc"]
    assert desk.admit() == ["a", "b"]
    assert desk.admit() == []
    assert desk.state(runs[2]) == "Scheduled"
    desk.end(runs[0])
    assert desk.admit() == ["c"]


def test_a_full_queue_does_not_hold_up_the_others(
    store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.admission.CANDIDATES", 20)
    deployment = make_deployment(store)
    first = desk.make(deployment, name="first", queue="small")
    desk.change("work_queue", "small", concurrency_limit=1)
    assert desk.admit() == ["first"]
    for n in range(30):
        desk.make(deployment, -10, name=f"s{n}", queue="small")
    desk.make(deployment, name="other")
    assert desk.admit() == ["other"]
    assert desk.state(first) == "Pending"


def test_queues_start_by_priority(store: Store, desk: Desk) -> None:
    deployment = make_deployment(store)
    desk.make(deployment, -9, name="low", queue="low")
    desk.make(deployment, 0, name="high", queue="high")
    desk.change("work_queue", "low", priority=2)
    assert desk.admit() == ["high", "low"]


def test_enqueue_waits_first_come_first_served(store: Store, desk: Desk, clock: FrozenClock) -> None:
    deployment = limited(store)
    runs = [desk.make(deployment, name=name) for name in "abc"]
    assert desk.admit() == ["a"]
    assert [desk.state(run) for run in runs] == [
        "Pending",
        "AwaitingConcurrencySlot",
        "AwaitingConcurrencySlot",
    ]
    assert desk.message(runs[1]) == "Deployment concurrency limit reached."
    clock.advance(5)
    early = desk.make(deployment, -100, name="came last")
    desk.end(runs[0])
    assert desk.admit() == ["b"]
    assert desk.state(early) == "AwaitingConcurrencySlot"
    assert flow_runs.read(store, runs[2].id).next_scheduled_start_time == runs[2].next_scheduled_start_time


def test_a_new_run_does_not_overtake_those_that_wait(store: Store, desk: Desk) -> None:
    deployment = limited(store)
    first = desk.make(deployment, name="first")
    desk.admit()
    desk.make(deployment, -1, name="waits")
    desk.admit()
    desk.end(first)
    desk.make(deployment, -50, name="new")
    assert desk.admit() == ["waits"]


def test_cancel_new(store: Store, desk: Desk) -> None:
    deployment = limited(store, CollisionStrategy.CANCEL_NEW)
    first, second = desk.make(deployment, name="first"), desk.make(deployment)
    assert desk.admit() == ["first"]
    assert (desk.state(second), desk.message(second)) == (
        "Cancelled",
        "Deployment concurrency limit reached.",
    )
    desk.end(first)
    desk.make(deployment, name="third")
    assert desk.admit() == ["third"]


def test_enqueue_one_keeps_the_newest_waiting(store: Store, desk: Desk) -> None:
    deployment = limited(store, CollisionStrategy.ENQUEUE_ONE)
    runs = [desk.make(deployment, n, name=str(n)) for n in (-3, -2, -1)]
    assert desk.admit() == ["-3"]
    assert [desk.state(run) for run in runs] == ["Pending", "Cancelled", "AwaitingConcurrencySlot"]
    assert desk.message(runs[1]) == "Superseded by a newer run."


def test_cancel_running_stops_the_oldest_and_then_starts(store: Store, desk: Desk) -> None:
    deployment = limited(store, CollisionStrategy.CANCEL_RUNNING, limit=2)
    first, second = desk.make(deployment, -2, name="1"), desk.make(deployment, -1, name="2")
    assert desk.admit() == ["1", "2"]
    third = desk.make(deployment, name="3")
    assert desk.admit() == []
    assert [desk.state(run) for run in (first, second, third)] == [
        "Cancelling",
        "Pending",
        "AwaitingConcurrencySlot",
    ]
    assert desk.admit() == []
    assert desk.state(second) == "Pending"
    states.write(store, first.id, StateCreate(type=StateType.CANCELLED))
    assert desk.admit() == ["3"]


@pytest.mark.parametrize("strategy", list(CollisionStrategy))
def test_a_backfills_run_waits_and_is_never_displaced(
    store: Store, desk: Desk, strategy: CollisionStrategy
) -> None:
    deployment = limited(store, strategy)
    other = make_deployment(store, "backfill")
    live = desk.make(deployment, name="live", backfill_id=other.id, slot=store.clock.now())
    desk.admit()
    slot = store.clock.now() - timedelta(days=1)
    waits = desk.make(deployment, backfill_id=other.id, slot=slot)
    assert desk.admit() == []
    assert desk.state(waits) == "AwaitingConcurrencySlot"
    desk.make(deployment, name="new")
    desk.admit()
    assert (desk.state(live), desk.state(waits)) == ("Pending", "AwaitingConcurrencySlot")


def test_max_active_runs_of_a_schedule(store: Store, desk: Desk) -> None:
    schedules = [cron("0 * * * *", slug="a", max_active_runs=1), cron("30 * * * *", slug="b")]
    deployment = make_deployment(store, schedules=schedules, work_pool_name="local")
    queue = work_pools.default_queue(store, "local")
    where = {"work_queue_id": queue.id}
    first, second = (make_planned_run(store, deployment, 0, -n / 60, name=f"a{n}", **where) for n in (2, 1))
    make_planned_run(store, deployment, 1, 0, name="b", **where)
    assert desk.admit() == ["a2", "b"]
    assert (desk.state(second), desk.message(second)) == (
        "AwaitingConcurrencySlot",
        "The schedule's max_active_runs is reached.",
    )
    desk.end(first)
    assert desk.admit() == ["a1"]


def test_a_shared_global_limit_counts_over_its_deployments(store: Store, desk: Desk) -> None:
    one = limited(store)
    two = make_deployment(store, "two")
    with store.write():
        store.database.execute_sql(
            "UPDATE deployment SET concurrency_limit_id ="
            " (SELECT concurrency_limit_id FROM deployment WHERE id = ?) WHERE id = ?",
            (one.id.bytes, two.id.bytes),
        )
    desk.make(one, -1, name="one")
    waits = desk.make(two, name="two")
    assert desk.admit() == ["one"]
    assert desk.state(waits) == "AwaitingConcurrencySlot"
    with store.write():
        store.database.execute_sql("UPDATE concurrency_limit SET active = 0")
    assert desk.admit() == ["two"]


def test_an_old_planned_run_waits_for_the_planners_judgement(
    store: Store, desk: Desk, clock: FrozenClock
) -> None:
    deployment = make_deployment(store, schedules=[cron()], work_pool_name="local")
    queue = work_pools.default_queue(store, "local")
    run = make_planned_run(store, deployment, 0, -1, name="planned", work_queue_id=queue.id)
    desk.make(deployment, -60, name="manual")
    assert desk.admit() == ["manual"]
    due = run.next_scheduled_start_time
    assert due is not None
    states.write(store, run.id, scheduled(due, "Late"))
    heartbeat.beat(store, clock.now() - timedelta(seconds=31))
    assert desk.admit() == []
    heartbeat.beat(store, clock.now())
    assert desk.admit() == ["planned"]


def test_a_backlog_of_one_deployment_does_not_starve_another(
    store: Store, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.admission.CANDIDATES", 20)
    busy = limited(store)
    for n in range(30):
        desk.make(busy, -300 + n, name=f"busy {n}")
    desk.make(make_deployment(store, "other"), name="other")
    admitted = desk.admit() + desk.admit()
    assert admitted == ["busy 0", "other"]


def test_fencing(store: Store, desk: Desk) -> None:
    run = desk.make(make_deployment(store))
    desk.admit()
    assert claims.adopt(store, run.id, 1, "you") == 2
    assert claims.adopt(store, run.id, 1, "late") is None
    process = {"boot_id": "b", "pid": 1, "start_ticks": 2, "pgid": 3}
    now = store.clock.now()
    assert claims.record_start(store, run.id, 1, process, now) is None
    assert claims.record_logs(store, run.id, 1, [], 10) is False
    assert claims.record_end(store, run.id, 1, COMPLETED) is None
    assert claims.record_start(store, run.id, 2, process, now) is not None
    assert claims.record_logs(store, run.id, 2, [], 10) is True
    (claimed,) = claims.claimed_runs(store, "you")
    assert claimed.process == {**process, "log_offset": 10}
    ended = claims.record_end(store, run.id, 2, COMPLETED, exit_code=0, log_cut=True)
    assert ended is not None
    read = flow_runs.read(store, run.id)
    assert (read.sluice.exit_code, read.sluice.log_cut, read.infrastructure_pid) == (0, True, "3")
    assert claims.record_end(store, run.id, 2, StateCreate(type=StateType.FAILED)) is None


def test_a_run_that_is_cancelling_ends_cancelled(store: Store, desk: Desk) -> None:
    run = desk.make(make_deployment(store))
    desk.admit()
    states.write(store, run.id, StateCreate(type=StateType.CANCELLING))
    ended = claims.record_end(
        store, run.id, 1, StateCreate(type=StateType.FAILED, name="TimedOut", message="m")
    )
    assert ended is not None
    assert (ended.type, ended.name, ended.message) == (StateType.CANCELLED, "Cancelled", "m")
