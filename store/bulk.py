"""Whole histories of ended runs, inserted at once: for the demo and for bringing in another system's past."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from store import statistics
from store.clock import to_micros
from store.database import Store
from store.errors import NotFound
from store.ids import new_id
from store.schemas import TERMINAL_STATES, CreatedBy, StateType


class PastState(NamedTuple):
    """One state of an ended run."""

    type: StateType
    name: str
    timestamp: datetime
    message: str | None = None


class PastLine(NamedTuple):
    """One log line of an ended run."""

    timestamp: datetime
    level: int
    logger: str
    message: str


class PastRun(NamedTuple):
    """An ended run of a deployment that exists.

    `states` are in order of time and the last one is terminal. A `slot` makes it an automatic run of
    `schedule_id`.
    """

    id: UUID
    name: str
    deployment_id: UUID
    created: datetime
    expected_start_time: datetime
    states: Sequence[PastState]
    lines: Sequence[PastLine] = ()
    schedule_id: UUID | None = None
    slot: datetime | None = None
    parameters: dict[str, Any] = {}
    tags: Sequence[str] = ()
    created_by: CreatedBy | None = None
    exit_code: int | None = None


class _Deployment(NamedTuple):
    flow_id: bytes
    name: str
    version: str | None
    queue_id: bytes | None
    queue_name: str | None


_RUN_COLUMNS = (
    "id, created, updated, name, flow_id, deployment_id, deployment_name, deployment_version, work_queue_id,"
    " work_queue_name, schedule_id, slot, auto_scheduled, attempt, state_id, state_type, state_name,"
    " state_timestamp, parameters, idempotency_key, context, empirical_policy, tags, labels, job_variables,"
    " run_count, expected_start_time, start_time, end_time, total_run_time, created_by, exit_code, log_cut,"
    " claim_token"
)
_STATE_COLUMNS = "id, flow_run_id, type, name, timestamp, message, state_details"
_LINE_COLUMNS = "flow_run_id, name, level, timestamp, message"


def insert_past_runs(store: Store, runs: Sequence[PastRun]) -> None:
    """Insert ended runs with their states and log lines in one transaction, and refresh the statistics.

    Raises:
        NotFound: a run's deployment does not exist.
        ValueError: a run's last state is not terminal; a live run belongs to the scheduler.
    """
    with store.write():
        deployments = {
            row[0]: _Deployment(*row[1:])
            for row in store.database.execute_sql(
                "SELECT id, flow_id, name, version, work_queue_id, work_queue_name FROM deployment"
            )
        }
        run_rows: list[tuple[Any, ...]] = []
        state_rows: list[tuple[Any, ...]] = []
        line_rows: list[tuple[Any, ...]] = []
        for run in runs:
            found = deployments.get(run.deployment_id.bytes)
            if found is None:
                raise NotFound("Deployment", run.deployment_id)
            states = list(_state_rows(run))
            run_rows.append(_run_row(run, found, states[-1][0]))
            state_rows += states
            line_rows += _line_rows(run)
        _insert(store, "flow_run", _RUN_COLUMNS, run_rows)
        _insert(store, "flow_run_state", _STATE_COLUMNS, state_rows)
        _insert(store, "log", _LINE_COLUMNS, sorted(line_rows, key=lambda row: row[3]))
        statistics.refresh(store, {run.deployment_id for run in runs})


def settle_schedules(store: Store, until: datetime) -> None:
    """Move every schedule's watermark to `until`: slots up to then are neither caught up nor missed."""
    with store.write():
        store.database.execute_sql(
            "UPDATE deployment_schedule SET planned_until = ?, plan_again_at = 0", (to_micros(until),)
        )


def _insert(store: Store, table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns.split(",")))
    store.database.connection().executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _run_row(run: PastRun, deployment: _Deployment, state_id: bytes) -> tuple[Any, ...]:
    last = run.states[-1]
    if last.type not in TERMINAL_STATES:
        raise ValueError(f"run {run.name} ends {last.name}, which is not a terminal state")
    starts = [state.timestamp for state in run.states if state.type is StateType.RUNNING]
    return (
        run.id.bytes,
        to_micros(run.created),
        to_micros(last.timestamp),
        run.name,
        deployment.flow_id,
        run.deployment_id.bytes,
        deployment.name,
        deployment.version,
        deployment.queue_id,
        deployment.queue_name,
        run.schedule_id.bytes if run.schedule_id else None,
        to_micros(run.slot) if run.slot else None,
        run.slot is not None,
        1,
        state_id,
        last.type.value,
        last.name,
        to_micros(last.timestamp),
        json.dumps(run.parameters),
        _idempotency_key(run),
        "{}",
        "{}",
        json.dumps(list(run.tags)),
        "{}",
        "{}",
        len(starts),
        to_micros(run.expected_start_time),
        to_micros(starts[0]) if starts else None,
        to_micros(last.timestamp),
        _total_run_time(run.states),
        run.created_by.model_dump_json() if run.created_by else None,
        run.exit_code,
        False,
        1,
    )


def _idempotency_key(run: PastRun) -> str | None:
    """The planner's own key, so that nothing makes this slot's run again (SEMANTICS.md section 3)."""
    if run.slot is None:
        return None
    return f"scheduled {run.deployment_id} {run.schedule_id} {run.slot.isoformat()}"


def _total_run_time(states: Sequence[PastState]) -> int:
    """Microseconds in RUNNING states."""
    return sum(
        to_micros(after.timestamp) - to_micros(state.timestamp)
        for state, after in pairwise(states)
        if state.type is StateType.RUNNING
    )


def _state_rows(run: PastRun) -> Iterator[tuple[Any, ...]]:
    due = json.dumps({"flow_run_id": str(run.id), "scheduled_time": run.expected_start_time.isoformat()})
    other = json.dumps({"flow_run_id": str(run.id)})
    for state in run.states:
        details = due if state.type in (StateType.SCHEDULED, StateType.PENDING) else other
        timestamp = to_micros(state.timestamp)
        yield new_id().bytes, run.id.bytes, state.type.value, state.name, timestamp, state.message, details


def _line_rows(run: PastRun) -> Iterator[tuple[Any, ...]]:
    for line in run.lines:
        yield run.id.bytes, line.logger, line.level, to_micros(line.timestamp), line.message
