"""The scheduler's heartbeat: what tells a machine that slept, or a process that was down, from a busy one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from store import schedules, statistics
from store.chunks import keys_of, marks
from store.clock import from_micros, to_micros
from store.database import Store
from store.models import DeploymentSchedule

REWOUND_AT_ONCE = 5
"""Schedules in one transaction: those of a long time ahead have thousands of runs, and writers wait."""

_NAME = "scheduler.last_tick"


def last_tick(store: Store) -> datetime | None:
    """When a scheduler last looked at this database; None before the first time."""
    sql = "SELECT value FROM setting WHERE name = ?"
    row = store.database.execute_sql(sql, (_NAME,)).fetchone()
    return from_micros(json.loads(row[0])) if row else None


def beat(store: Store, now: datetime) -> None:
    """Keep that a scheduler looks just now."""
    with store.write():
        store.database.execute_sql(
            "INSERT INTO setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (_NAME, json.dumps(to_micros(now))),
        )


def rewind(store: Store, now: datetime, stopping: Callable[[], bool] = lambda: False) -> None:
    """Plan everything anew after a clock that ran ahead was set back, a few schedules at a time.

    What was skipped, missed or late only by that clock's word comes back; runs that ran, and those that an
    operator cancelled, keep their slots. Done twice it does no harm.

    Args:
        stopping: asked between transactions; true ends it early.
    """
    ids = keys_of(DeploymentSchedule.select(DeploymentSchedule.id))
    for start in range(0, len(ids), REWOUND_AT_ONCE):
        if stopping():
            return
        _rewind(store, ids[start : start + REWOUND_AT_ONCE], now)


def _rewind(store: Store, ids: list[UUID], now: datetime) -> None:
    with store.write():
        gone = store.database.execute_sql(
            f"DELETE FROM flow_run WHERE schedule_id IN ({marks(ids)}) AND auto_scheduled = 1 AND slot > ?"
            " AND run_count = 0 AND state_name IN ('Skipped', 'Missed', 'Late') RETURNING deployment_id",
            (*(key.bytes for key in ids), to_micros(now)),
        ).fetchall()
        schedules.plan_anew(store, ids)
        statistics.refresh(store, {UUID(bytes=row[0]) for row in gone if row[0] is not None})
