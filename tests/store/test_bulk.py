"""Ended runs inserted at once read back as if they had run here."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from backend.local import LocalBackend
from store import bulk, work_pools
from store.bulk import PastLine, PastRun, PastState
from store.clock import FrozenClock
from store.database import Store
from store.errors import NotFound
from store.ids import new_id
from store.schemas import (
    CronSchedule,
    Deployment,
    DeploymentCreate,
    DeploymentScheduleCreate,
    FlowRunQuery,
    StateType,
)


@pytest.fixture
def backend(store: Store) -> LocalBackend:
    work_pools.ensure_defaults(store)
    return LocalBackend(store, who="ana@test")


@pytest.fixture
def deployment(backend: LocalBackend) -> Deployment:
    schedule = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 * * * *"))
    sent = DeploymentCreate(name="hourly", flow_id=uuid4(), work_pool_name="local", schedules=[schedule])
    return backend.apply_deployments([("sales", sent)])[0].deployment


def past_run(
    deployment_id: UUID, start: datetime, *, schedule_id: UUID | None = None, last: StateType
) -> PastRun:
    end = start + timedelta(seconds=90)
    return PastRun(
        id=new_id(),
        name="old-goat",
        deployment_id=deployment_id,
        created=start - timedelta(hours=1),
        expected_start_time=start,
        states=[
            PastState(StateType.SCHEDULED, "Scheduled", start - timedelta(hours=1)),
            PastState(StateType.RUNNING, "Running", start),
            PastState(last, last.value.capitalize(), end, "why"),
        ],
        lines=[PastLine(start, 20, "stdout", "one"), PastLine(end, 40, "stdout", "two")],
        schedule_id=schedule_id,
        slot=start if schedule_id else None,
        parameters={"a": 1},
        tags=["x"],
        exit_code=0,
    )


def test_reads_back(backend: LocalBackend, store: Store, clock: FrozenClock, deployment: Deployment) -> None:
    start = clock.now() - timedelta(hours=2)
    schedule_id = deployment.schedules[0].id
    sent = past_run(deployment.id, start, schedule_id=schedule_id, last=StateType.COMPLETED)
    bulk.insert_past_runs(store, [sent])

    run = backend.read_flow_run(sent.id)
    assert (run.full_deployment_name, run.state_name, run.work_pool_name) == (
        "sales/hourly",
        "Completed",
        "local",
    )
    assert (run.start_time, run.end_time) == (start, start + timedelta(seconds=90))
    assert run.total_run_time == timedelta(seconds=90)
    assert (run.auto_scheduled, run.sluice.slot, run.sluice.exit_code) == (True, start, 0)
    assert (run.parameters, run.tags, run.run_count) == ({"a": 1}, ["x"], 1)
    assert [state.name for state in backend.read_flow_run_states(sent.id)] == [
        "Scheduled",
        "Running",
        "Completed",
    ]
    assert run.state is not None
    assert run.state.message == "why"
    assert [line.message for line in backend.read_logs(sent.id)] == ["one", "two"]
    row = backend.deployment_rows([deployment.id])[deployment.id]
    assert (row.last_run_id, row.last_duration, row.median_duration) == (sent.id, 90.0, 90.0)
    assert [bar.state_type for bar in row.recent] == ["COMPLETED"]


def test_all_or_none(backend: LocalBackend, store: Store, clock: FrozenClock, deployment: Deployment) -> None:
    good = past_run(deployment.id, clock.now() - timedelta(hours=1), last=StateType.FAILED)
    with pytest.raises(NotFound, match="Deployment not found"):
        bulk.insert_past_runs(store, [good, good._replace(deployment_id=uuid4())])
    with pytest.raises(ValueError, match="not a terminal state"):
        bulk.insert_past_runs(store, [good, good._replace(id=new_id(), states=good.states[:2])])
    assert backend.flow_run_keys(FlowRunQuery()) == []


def test_a_slot_cannot_be_inserted_twice(store: Store, clock: FrozenClock, deployment: Deployment) -> None:
    start, schedule_id = clock.now() - timedelta(hours=1), deployment.schedules[0].id
    twice = [
        past_run(deployment.id, start, schedule_id=schedule_id, last=StateType.COMPLETED) for _ in range(2)
    ]
    with pytest.raises(Exception, match="UNIQUE"):
        bulk.insert_past_runs(store, twice)


def test_settled_schedules_have_nothing_to_catch_up(
    store: Store, clock: FrozenClock, deployment: Deployment
) -> None:
    clock.advance(86400)
    bulk.settle_schedules(store, clock.now())
    found = store.database.execute_sql(
        "SELECT planned_until, plan_again_at FROM deployment_schedule"
    ).fetchall()
    assert found == [(int(clock.now().timestamp() * 1_000_000), 0)]
