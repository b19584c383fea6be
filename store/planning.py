"""What the planner reads, and how its plans are carried out.

Rules of time are `scheduler.timetable`'s, decisions `scheduler.planner`'s; here are their transactions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from store import slot_runs, statistics
from store.chunks import chunked, marks
from store.clock import from_micros, to_micros
from store.database import Store
from store.slot_runs import LATE_AFTER, WAITING, PlannedSchedule, Settled, SlotRun

NEVER = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
"""`plan_again_at` of a schedule that nothing but a change of it can bring back."""


class Overdue(NamedTuple):
    """A run of a slot that is past due and that nobody took."""

    id: UUID
    slot: datetime
    due: datetime


class Plan(NamedTuple):
    """What one look at a schedule decided."""

    schedule: PlannedSchedule
    plan_again_at: datetime
    planned_until: datetime
    runs: Sequence[SlotRun] = ()
    settled: Sequence[Settled] = ()
    error: str | None = None


class Applied(NamedTuple):
    """What became of plans: runs made or passed over, and schedules that had changed meanwhile."""

    made: int = 0
    passed_over: int = 0
    changed: int = 0


_SCHEDULES = """
SELECT s.id, s.deployment_id, s.slug, s.rule, s.anchor, s.planned_until, s.active, d.paused,
  s.max_scheduled_runs, s.catchup, s.catchup_window, s.jitter, s.planning_error, s.parameters, d.flow_id,
  d.name, d.version, d.tags, d.labels, d.parameters, d.work_queue_id, d.work_queue_name
FROM deployment_schedule s JOIN deployment d ON d.id = s.deployment_id WHERE s.id IN ({})"""

_OVERDUE = f"""
SELECT schedule_id, id, slot, next_scheduled_start_time FROM flow_run
WHERE state_type = 'SCHEDULED' AND next_scheduled_start_time <= ? AND auto_scheduled = 1 AND run_count = 0
AND state_name IN ({", ".join(f"'{name}'" for name in WAITING)}) AND schedule_id IS NOT NULL
AND slot IS NOT NULL"""


# --- What is due for a look


def due_schedules(store: Store, now: datetime, limit: int) -> list[UUID]:
    """Schedules that are to be looked at now, those that wait longest first."""
    sql = "SELECT id FROM deployment_schedule WHERE plan_again_at <= ? ORDER BY plan_again_at LIMIT ?"
    return [UUID(bytes=row[0]) for row in store.database.execute_sql(sql, (to_micros(now), limit))]


def behind_schedules(store: Store, now: datetime) -> list[UUID]:
    """Live schedules whose watermark lies in the past: slots may have gone by unplanned."""
    sql = (
        "SELECT s.id FROM deployment_schedule s JOIN deployment d ON d.id = s.deployment_id"
        " WHERE s.active AND NOT d.paused AND s.planned_until < ? AND s.plan_again_at < ?"
    )
    found = store.database.execute_sql(sql, (to_micros(now), to_micros(NEVER)))
    return [UUID(bytes=row[0]) for row in found]


def read_schedules(store: Store, ids: Sequence[UUID]) -> list[PlannedSchedule]:
    """These schedules with what their runs need; those that are gone are left out."""
    return [
        _schedule(row)
        for chunk in chunked(ids)
        for row in store.database.execute_sql(_SCHEDULES.format(marks(chunk)), chunk)
    ]


def overdue_runs(store: Store, now: datetime) -> dict[UUID, list[Overdue]]:
    """Automatic runs that are past due and that nobody took, by schedule."""
    found: dict[UUID, list[Overdue]] = defaultdict(list)
    for schedule_id, key, slot, due in store.database.execute_sql(_OVERDUE, (to_micros(now),)):
        run = Overdue(UUID(bytes=key), from_micros(slot), from_micros(due))
        found[UUID(bytes=schedule_id)].append(run)
    return found


def next_look(store: Store) -> datetime | None:
    """When the next schedule is due for a look, the next run becomes Late, or the next pause ends."""
    sql = f"""
    SELECT min(at) FROM (
      SELECT min(plan_again_at) AS at FROM deployment_schedule
      UNION ALL SELECT * FROM (SELECT next_scheduled_start_time + {LATE_AFTER // timedelta(microseconds=1)}
        FROM flow_run WHERE state_type = 'SCHEDULED' AND state_name = 'Scheduled'
        AND next_scheduled_start_time IS NOT NULL ORDER BY next_scheduled_start_time LIMIT 1)
      UNION ALL SELECT min(pause_until) FROM deployment WHERE pause_until IS NOT NULL AND paused)"""
    row = store.database.execute_sql(sql).fetchone()
    return from_micros(row[0]) if row and row[0] is not None else None


def next_pause_end(store: Store) -> datetime | None:
    """When the next pause with an end is over."""
    sql = "SELECT min(pause_until) FROM deployment WHERE pause_until IS NOT NULL AND paused"
    row = store.database.execute_sql(sql).fetchone()
    return from_micros(row[0]) if row[0] is not None else None


# --- Applying plans


def apply(store: Store, plans: Sequence[Plan], now: datetime) -> Applied:
    """Carry out plans in one transaction, which re-reads every schedule first.

    A schedule or deployment that changed since it was read is left alone: it is due for another look.
    Slots that have a run are left alone too, by the unique index.
    """
    made = passed_over = changed = 0
    with store.write():
        present = {row.id: row for row in read_schedules(store, [plan.schedule.id for plan in plans])}
        touched: set[UUID] = set()
        for plan in plans:
            if present.get(plan.schedule.id) != plan.schedule:
                changed += 1
                continue
            inserted = slot_runs.insert(store, plan.schedule, plan.runs, now)
            passed_over += slot_runs.pass_over(store, plan.settled, now)
            passed_over += sum(1 for run in plan.runs if run.passed_over)
            made += inserted
            _move(store, plan)
            if inserted or plan.settled:
                touched.add(plan.schedule.deployment_id)
        statistics.refresh(store, touched)
    return Applied(made, passed_over, changed)


def forget_errors(store: Store) -> None:
    """Clear the planning error of deployments none of whose active schedules has one any more."""
    stale = (
        "planning_error IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deployment_schedule s"
        " WHERE s.deployment_id = deployment.id AND s.active AND s.planning_error IS NOT NULL)"
    )
    if store.database.execute_sql(f"SELECT 1 FROM deployment WHERE {stale} LIMIT 1").fetchone():
        with store.write():
            store.database.execute_sql(f"UPDATE deployment SET planning_error = NULL WHERE {stale}")


# --- Details


def _schedule(row: Sequence[Any]) -> PlannedSchedule:
    key, deployment, slug, rule, anchor, until, active, paused, most, catchup, *rest = row
    return PlannedSchedule(
        UUID(bytes=key),
        UUID(bytes=deployment),
        slug,
        rule,
        from_micros(anchor),
        from_micros(until),
        bool(active),
        bool(paused),
        most,
        bool(catchup),
        *rest,
    )


def _move(store: Store, plan: Plan) -> None:
    """Move the schedule's watermark, and keep or clear its error, which its deployment shows."""
    schedule = plan.schedule
    store.database.execute_sql(
        "UPDATE deployment_schedule SET planned_until = ?, plan_again_at = ?, planning_error = ?"
        " WHERE id = ?",
        (to_micros(plan.planned_until), to_micros(plan.plan_again_at), plan.error, schedule.id.bytes),
    )
    if plan.error != schedule.planning_error:
        store.database.execute_sql(
            "UPDATE deployment SET planning_error = (SELECT min(s.planning_error) FROM deployment_schedule s"
            " WHERE s.deployment_id = deployment.id AND s.active) WHERE id = ?",
            (schedule.deployment_id.bytes,),
        )
