"""Deployments with one schedule, and what the planner made of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from support.making import WHO, make_deployment

from store import deployments, schemas, states
from store.clock import FrozenClock, from_micros
from store.database import Store
from store.schemas import (
    CronSchedule,
    Deployment,
    DeploymentScheduleCreate,
    IntervalSchedule,
    RRuleSchedule,
    ScheduleOptions,
    StateCreate,
    StateType,
)

HOURLY = CronSchedule(cron="0 * * * *")
MINUTELY = CronSchedule(cron="* * * * *")


class Made(NamedTuple):
    """A run as a test looks at it."""

    id: UUID
    slot: datetime
    due: datetime
    state: str
    message: str | None


def sent(
    rule: CronSchedule | IntervalSchedule | RRuleSchedule,
    *,
    window: int | None = None,
    jitter: int | None = None,
    **fields: Any,
) -> DeploymentScheduleCreate:
    """A schedule as sent, with Sluice's options."""
    options = ScheduleOptions(catchup_window=window, jitter=jitter)
    return DeploymentScheduleCreate(schedule=rule, sluice=options, **fields)


def scheduled_deployment(
    store: Store,
    rule: CronSchedule | IntervalSchedule | RRuleSchedule = HOURLY,
    name: str = "nightly",
    **options: Any,
) -> Deployment:
    """A deployment in the pool `local` with one schedule."""
    return make_deployment(store, name, schedules=[sent(rule, **options)])


def made_runs(store: Store, deployment: Deployment | None = None) -> list[Made]:
    """All automatic runs by slot, with the name and message of their present state."""
    sql = (
        "SELECT r.id, r.slot, r.expected_start_time, r.state_name, s.message FROM flow_run r"
        " JOIN flow_run_state s ON s.id = r.state_id WHERE r.auto_scheduled = 1"
    )
    values: tuple[bytes, ...] = ()
    if deployment is not None:
        sql, values = sql + " AND r.deployment_id = ?", (deployment.id.bytes,)
    rows = store.database.execute_sql(sql + " ORDER BY r.slot, r.schedule_id", values)
    return [
        Made(UUID(bytes=row[0]), from_micros(row[1]), from_micros(row[2]), row[3], row[4]) for row in rows
    ]


def slots(store: Store, *names: str) -> list[str]:
    """The slots, as `dd HH:MM`, of the automatic runs in states of these names (all without)."""
    return [f"{run.slot:%d %H:%M}" for run in made_runs(store) if not names or run.state in names]


def complete(store: Store, run: Made) -> None:
    """Let a run run and end."""
    states.write(store, run.id, StateCreate(type=StateType.RUNNING))
    states.write(store, run.id, StateCreate(type=StateType.COMPLETED))


def complete_past(store: Store, now: datetime) -> None:
    """Let every run that is due run and end, as a worker would have done."""
    for run in made_runs(store):
        if run.due <= now and run.state in ("Scheduled", "Late"):
            complete(store, run)


def watermark(store: Store, deployment: Deployment) -> datetime:
    """`planned_until` of its first schedule."""
    row = store.database.execute_sql(
        "SELECT planned_until FROM deployment_schedule WHERE deployment_id = ?", (deployment.id.bytes,)
    ).fetchone()
    return from_micros(row[0])


def live_through(
    store: Store, clock: FrozenClock, hours: float, every: timedelta = timedelta(seconds=20)
) -> None:
    """Let time pass with a scheduler that looks again and again, and a worker that runs what is due."""
    from scheduler import planner

    end = clock.now() + timedelta(hours=hours)
    while clock.now() < end:
        clock.advance(every.total_seconds())
        planner.plan(store, clock.now())
        complete_past(store, clock.now())


def edit_rule(store: Store, deployment: Deployment, rule: schemas.ScheduleRule) -> None:
    """Replace the deployment's schedules by one with another rule."""
    update = schemas.DeploymentUpdate(schedules=[DeploymentScheduleCreate(schedule=rule)])
    deployments.update(store, deployment.id, update, WHO)
