"""Deployments with a past, and backfills of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from support.making import cron, make_deployment, make_run

from scheduler import backfill
from store import flow_runs, states, work_pools
from store.clock import FrozenClock, from_micros, to_micros
from store.database import Store
from store.schemas import (
    Backfill,
    BackfillCreate,
    BackfillPlan,
    Deployment,
    FlowRun,
    StateCreate,
    StateType,
)


def day(number: int, hour: int = 6, minute: int = 0) -> datetime:
    """A day of February 2026, the month before the frozen clock's, in UTC."""
    return datetime(2026, 2, number, hour, minute, tzinfo=UTC)


def old_deployment(store: Store, clock: FrozenClock, name: str = "nightly", **fields: Any) -> Deployment:
    """A deployment in the pool `local` made a month ago, by default at 06:00 UTC every day."""
    now = clock.now()
    work_pools.ensure_defaults(store)
    clock.set(datetime(2026, 1, 31, tzinfo=UTC))
    fields = {"schedules": [cron("0 6 * * *", slug="daily")], "work_pool_name": "local", **fields}
    made = make_deployment(store, name, **fields)
    clock.set(now)
    plan_until(store, datetime(2027, 1, 1, tzinfo=UTC))
    return made


def plan_until(store: Store, until: datetime) -> None:
    """As if a scheduler had planned all slots until then, and settled those that went by."""
    with store.write():
        sql = "UPDATE deployment_schedule SET planned_until = ?"
        store.database.execute_sql(sql, (to_micros(until),))


def past_slot(
    store: Store,
    deployment: Deployment,
    slot: datetime,
    state: str,
    *,
    name: str | None = None,
    schedule_at: int = 0,
    **fields: Any,
) -> FlowRun:
    """A run of a slot whose present state is of this type (`CANCELLED:Missed` names it)."""
    kind, _, state_name = state.partition(":")
    values = {"auto_scheduled": True, "schedule_id": deployment.schedules[schedule_at].id, **fields}
    run = make_run(store, deployment, slot=slot, name=name, **values)
    if kind != "SCHEDULED" or state_name:
        states.write(store, run.id, StateCreate(type=StateType(kind), name=state_name or None))
    return flow_runs.read(store, run.id)


def request(deployment: Deployment, first: int = 1, last: int = 5, **fields: Any) -> BackfillCreate:
    """Days of February as a backfill's range."""
    values = {"range_start": day(first, 0), "range_end": day(last, 23), **fields}
    return BackfillCreate(deployment_id=deployment.id, **values)


def make_backfill(
    store: Store, deployment: Deployment, first: int = 1, last: int = 5, **fields: Any
) -> Backfill:
    """A backfill as previewed."""
    plan = backfill.preview(store, request(deployment, first, last, **fields))
    return backfill.create(store, plan.request, plan.digest, "ann@desk")


def fates(plan: BackfillPlan) -> list[str]:
    """`3 new`, `4 ran` ...: day of the month in UTC, and reason."""
    return [f"{slot.slot.day} {slot.reason.value}" for slot in plan.slots]


def runs_of(store: Store, made: Backfill) -> list[FlowRun]:
    """Its runs in order of slot."""
    rows = store.database.execute_sql(
        "SELECT id FROM flow_run WHERE backfill_id = ? ORDER BY slot, schedule_id", (made.id.bytes,)
    )
    return [flow_runs.read(store, UUID(bytes=key)) for (key,) in rows.fetchall()]


def let_go(store: Store, made: Backfill) -> list[int]:
    """The days whose runs may start, in order of slot."""
    rows = store.database.execute_sql(
        "SELECT slot FROM flow_run WHERE backfill_id = ? AND state_type = 'SCHEDULED'"
        " AND next_scheduled_start_time IS NOT NULL ORDER BY slot",
        (made.id.bytes,),
    )
    return [from_micros(slot).day for (slot,) in rows]


def finish(store: Store, runs: Sequence[FlowRun], kind: StateType = StateType.COMPLETED) -> None:
    """Let these run and end."""
    for run in runs:
        states.write(store, run.id, StateCreate(type=StateType.RUNNING))
        states.write(store, run.id, StateCreate(type=kind))
