"""Runs of slots: making many at once, passing waiting ones over, and marking them Late."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from store import statistics
from store.chunks import marks
from store.clock import from_micros, to_micros
from store.database import Store
from store.ids import new_id
from store.names import new_run_name
from store.schemas import CreatedBy, StateType

LATE_AFTER = timedelta(seconds=15)
AUTO_TAG = "auto-scheduled"
WAITING = ("Scheduled", "Late")
"""Names of SCHEDULED runs that wait for nothing but their time and a worker."""

_MARKED_AT_ONCE = 200


class PlannedSchedule(NamedTuple):
    """A schedule with what its runs take from its deployment. Two equal ones plan the same."""

    id: UUID
    deployment_id: UUID
    slug: str | None
    rule: str
    anchor: datetime
    planned_until: datetime
    active: bool
    paused: bool
    max_scheduled_runs: int | None
    catchup: bool
    catchup_window: int | None
    jitter: int | None
    planning_error: str | None
    parameters: str
    flow_id: bytes
    deployment_name: str
    deployment_version: str | None
    deployment_tags: str
    deployment_labels: str
    deployment_parameters: str
    work_queue_id: bytes | None
    work_queue_name: str | None

    @property
    def is_live(self) -> bool:
        """Whether it is planned at all."""
        return self.active and not self.paused


class _Texts(NamedTuple):
    """What all runs of a schedule have in common, in JSON, and the beginning of their idempotency keys."""

    parameters: str
    tags: str
    labels: str
    author: str
    key: str


class SlotRun(NamedTuple):
    """A run to be made for a slot.

    `passed_over` is the name of the CANCELLED state it gets instead of waiting (Skipped or Missed).
    """

    slot: datetime
    due: datetime
    passed_over: str | None = None
    message: str | None = None


class Settled(NamedTuple):
    """A waiting run that is passed over: its CANCELLED state's name and the reason."""

    id: UUID
    name: str
    message: str


_RUN_COLUMNS = (
    "id, created, updated, name, flow_id, deployment_id, deployment_name, deployment_version, work_queue_id,"
    " work_queue_name, schedule_id, slot, auto_scheduled, attempt, state_id, state_type, state_name,"
    " state_timestamp, parameters, idempotency_key, context, empirical_policy, tags, labels, job_variables,"
    " run_count, expected_start_time, next_scheduled_start_time, end_time, total_run_time, created_by,"
    " log_cut, claim_token"
)
# A slot whose run an operator deleted stays without one.
_INSERT_RUN = f"""
INSERT OR IGNORE INTO flow_run ({_RUN_COLUMNS}) SELECT {marks(_RUN_COLUMNS.split(","))}
WHERE NOT EXISTS (SELECT 1 FROM deleted_slot WHERE schedule_id = ? AND slot = ?)"""
# A slot whose run exists already was ignored by the index: then there is no run for this state either.
_INSERT_STATE = """
INSERT INTO flow_run_state (id, flow_run_id, type, name, timestamp, message, state_details)
SELECT ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM flow_run WHERE id = ?)"""


def insert(store: Store, schedule: PlannedSchedule, runs: Sequence[SlotRun], now: datetime) -> int:
    """Make runs of a schedule's slots (inside a write transaction).

    Slots that have an automatic run are left alone, by the unique index.

    Returns:
        How many slots had none yet.
    """
    if not runs:
        return 0
    parameters = {**json.loads(schedule.deployment_parameters), **json.loads(schedule.parameters)}
    tags = list(dict.fromkeys([AUTO_TAG, *json.loads(schedule.deployment_tags)]))
    labels = {**json.loads(schedule.deployment_labels), "prefect.deployment.id": str(schedule.deployment_id)}
    kind = next(iter(key for key in ("cron", "rrule", "interval") if key in json.loads(schedule.rule)), "")
    author = CreatedBy(id=schedule.id, type="SCHEDULE", display_value=schedule.slug or kind)
    texts = _Texts(
        json.dumps(parameters),
        json.dumps(tags),
        json.dumps(labels),
        author.model_dump_json(),
        f"scheduled {schedule.deployment_id} {schedule.id}",
    )
    rows = [_rows(schedule, run, texts, to_micros(now)) for run in runs]
    connection = store.database.connection()
    before = connection.total_changes
    connection.executemany(_INSERT_RUN, [run for run, _ in rows])
    inserted = int(connection.total_changes - before)
    connection.executemany(_INSERT_STATE, [state for _, state in rows])
    return inserted


def pass_over(store: Store, settled: Iterable[Settled], now: datetime) -> int:
    """Cancel waiting runs (inside a write transaction); answers how many were still waiting."""
    count = 0
    for run in settled:
        state = (StateType.CANCELLED, run.name, run.message)
        count += _change_state(store, run.id.bytes, state, {"flow_run_id": str(run.id)}, now)
    return count


def mark_late(store: Store, now: datetime) -> int:
    """Name the runs Late that have been due for 15 seconds and still wait; answers how many."""
    marked = 0
    before = to_micros(now - LATE_AFTER)
    sql = (
        "SELECT id, deployment_id, next_scheduled_start_time FROM flow_run WHERE state_type = 'SCHEDULED'"
        " AND next_scheduled_start_time <= ? AND state_name = 'Scheduled' LIMIT ?"
    )
    while store.database.execute_sql(sql, (before, 1)).fetchone():
        with store.write():
            rows = store.database.execute_sql(sql, (before, _MARKED_AT_ONCE)).fetchall()
            for key, _, due in rows:
                details = {
                    "flow_run_id": str(UUID(bytes=key)),
                    "scheduled_time": from_micros(due).isoformat(),
                }
                _change_state(store, key, (StateType.SCHEDULED, "Late", None), details, now)
            statistics.refresh(store, {UUID(bytes=row[1]) for row in rows if row[1] is not None})
            marked += len(rows)
    return marked


def _rows(
    schedule: PlannedSchedule, run: SlotRun, texts: _Texts, now: int
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The rows of a run and of its first state."""
    run_id, state_id = new_id(), new_id().bytes
    due = to_micros(run.due)
    waits = run.passed_over is None
    kind = (StateType.SCHEDULED if waits else StateType.CANCELLED).value
    name = run.passed_over or "Scheduled"
    details = f'{{"flow_run_id": "{run_id}", "scheduled_time": "{run.due.isoformat()}"}}'
    return (
        run_id.bytes,
        now,
        now,
        new_run_name(),
        schedule.flow_id,
        schedule.deployment_id.bytes,
        schedule.deployment_name,
        schedule.deployment_version,
        schedule.work_queue_id,
        schedule.work_queue_name,
        schedule.id.bytes,
        to_micros(run.slot),
        1,
        1,
        state_id,
        kind,
        name,
        now,
        texts.parameters,
        f"{texts.key} {run.slot.isoformat()}",
        "{}",
        "{}",
        texts.tags,
        texts.labels,
        "{}",
        0,
        due,
        due if waits else None,
        None if waits else now,
        0,
        texts.author,
        0,
        0,
        schedule.id.bytes,
        to_micros(run.slot),
    ), (state_id, run_id.bytes, kind, name, now, run.message, details, run_id.bytes)


def _change_state(
    store: Store, key: bytes, state: tuple[StateType, str, str | None], details: dict[str, str], now: datetime
) -> int:
    """Give a waiting run another state; does nothing to one that somebody took meanwhile."""
    kind, name, message = state
    state_id, at = new_id().bytes, to_micros(now)
    ends = kind is StateType.CANCELLED
    changed = store.database.execute_sql(
        "UPDATE flow_run SET state_id = ?, state_type = ?, state_name = ?, state_timestamp = ?, updated = ?,"
        " end_time = ?, next_scheduled_start_time = iif(?, NULL, next_scheduled_start_time)"
        f" WHERE id = ? AND state_type = 'SCHEDULED' AND state_name IN ({marks(WAITING)})",
        (state_id, kind.value, name, at, at, at if ends else None, ends, key, *WAITING),
    ).rowcount
    if changed:
        store.database.execute_sql(
            "INSERT INTO flow_run_state (id, flow_run_id, type, name, timestamp, message, state_details)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (state_id, key, kind.value, name, at, message, json.dumps(details)),
        )
    return int(changed)
