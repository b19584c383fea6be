"""Backfills: making their runs, reading, pausing, resuming and cancelling them.

What is planned is decided in `scheduler.backfill` from `store.backfill_facts`; whose turn it is, in
`store.backfill_queue`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store import backfill_queue, schemas, statistics
from store.backfill_facts import Facts, Slot
from store.chunks import marks
from store.clock import to_micros
from store.database import Store
from store.errors import NotFound, Refused
from store.ids import new_id
from store.models import Backfill
from store.names import new_run_name
from store.schemas import backfills as shapes
from store.schemas.backfills import BackfillPlan, BackfillProgress, BackfillState
from store.slot_runs import PlannedSchedule

BACKFILL_TAG = "backfill"


class NewRun(NamedTuple):
    """A run that a backfill makes, but for what all of its schedule's runs share."""

    slot: Slot
    attempt: int
    rerun_of: UUID | None
    parameters: str
    """In JSON."""


_RUN_COLUMNS = (
    "id, created, updated, name, flow_id, deployment_id, deployment_name, deployment_version, work_queue_id,"
    " work_queue_name, schedule_id, slot, backfill_id, attempt, rerun_of, state_id, state_timestamp,"
    " parameters, tags, labels, expected_start_time, created_by"
)
_INSERT_RUNS = f"""
INSERT INTO flow_run ({_RUN_COLUMNS}, auto_scheduled, state_type, state_name, context, empirical_policy,
  job_variables, run_count, total_run_time, log_cut, claim_token)
SELECT {_RUN_COLUMNS}, 0, 'SCHEDULED', 'AwaitingConcurrencySlot', '{{}}', '{{}}', '{{}}', 0, 0, 0, 0
FROM temp.backfill_run"""
_INSERT_STATES = """
INSERT INTO flow_run_state (id, flow_run_id, type, name, timestamp, message, state_details)
SELECT state_id, id, 'SCHEDULED', 'AwaitingConcurrencySlot', created, ?, state_details
FROM temp.backfill_run"""


# --- Making one


class Prepared(NamedTuple):
    """A backfill with its rows, all but inserted."""

    id: UUID
    deployment_id: UUID
    columns: dict[str, Any]
    runs: list[tuple[Any, ...]]


def prepare(store: Store, plan: BackfillPlan, facts: Facts, runs: Sequence[NewRun], who: str) -> Prepared:
    """Make the rows of a backfill; best before the transaction, which is then as short as it can be.

    Args:
        plan: what is carried out.
        facts: what it was made from.
        runs: those that it makes.
        who: user@host or `api:<token name>`.
    """
    now, key, request = store.clock.now(), new_id(), plan.request
    columns = {
        "id": key,
        "created": now,
        "updated": now,
        "created_by": {"id": None, "type": "USER", "display_value": who},
        "deployment_id": request.deployment_id,
        "deployment_name": plan.deployment_name,
        "range_start": request.range_start,
        "range_end": request.range_end,
        "schedules": [str(schedule.id) for schedule in plan.schedules],
        "run_order": request.order.value,
        "max_runs": request.max_runs,
        "max_active": request.max_active,
        "parameters": request.parameters,
        "slot_parameter": request.slot_parameter,
        "reprocess": request.reprocess.value,
        "state": BackfillState.RUNNING.value,
        "digest": plan.digest,
        "total": len(runs),
    }
    author = schemas.CreatedBy(id=key, type="BACKFILL", display_value=f"backfill {key}").model_dump_json()
    shared = {
        schedule.id: (schedule, *_tags_and_labels(schedule))
        for schedule in facts.schedules
        if schedule.id in (request.schedules or ())
    }
    rows = [_row_of(run, key, shared[run.slot.schedule_id], author, now) for run in runs]
    return Prepared(key, request.deployment_id, columns, rows)


@contextmanager
def staged(store: Store, prepared: Prepared) -> Iterator[None]:
    """Hold the rows of a backfill in a table of this connection's own, ready to be inserted in the block.

    From there SQLite copies them by itself, three times as fast as it takes them from Python: 10,000 runs
    keep the database for a quarter of a second.
    """
    connection = store.database.connection()
    connection.execute(f"CREATE TEMP TABLE backfill_run ({_RUN_COLUMNS}, state_details)")
    try:
        values = marks([*_RUN_COLUMNS.split(","), "state_details"])
        connection.executemany(f"INSERT INTO temp.backfill_run VALUES ({values})", prepared.runs)
        yield
    finally:
        connection.execute("DROP TABLE temp.backfill_run")


def insert(store: Store, prepared: Prepared) -> None:
    """Make a backfill with all its `staged` runs, and let the first go (inside a write transaction)."""
    Backfill.create(**prepared.columns)
    store.database.execute_sql(_INSERT_RUNS)
    store.database.execute_sql(_INSERT_STATES, (backfill_queue.TURN,))
    backfill_queue.advance(store, prepared.id)
    statistics.refresh(store, [prepared.deployment_id])


def _row_of(
    run: NewRun, backfill_id: UUID, shared: tuple[PlannedSchedule, str, str], author: str, now: datetime
) -> tuple[Any, ...]:
    """The row of a run, and the details of its first state."""
    run_id, at = new_id(), to_micros(now)
    schedule, tags, labels = shared
    return (
        run_id.bytes,
        at,
        at,
        new_run_name(),
        schedule.flow_id,
        schedule.deployment_id.bytes,
        schedule.deployment_name,
        schedule.deployment_version,
        schedule.work_queue_id,
        schedule.work_queue_name,
        schedule.id.bytes,
        to_micros(run.slot.at),
        backfill_id.bytes,
        run.attempt,
        run.rerun_of.bytes if run.rerun_of else None,
        new_id().bytes,
        at,
        run.parameters,
        tags,
        labels,
        at,
        author,
        f'{{"flow_run_id": "{run_id}", "scheduled_time": "{now.isoformat()}"}}',
    )


def _tags_and_labels(schedule: PlannedSchedule) -> tuple[str, str]:
    """Tags and labels of a schedule's runs, in JSON."""
    tags = list(dict.fromkeys([BACKFILL_TAG, *json.loads(schedule.deployment_tags)]))
    labels = {**json.loads(schedule.deployment_labels), "prefect.deployment.id": str(schedule.deployment_id)}
    return json.dumps(tags), json.dumps(labels)


# --- Reading


def read(store: Store, backfill_id: UUID) -> shapes.Backfill:
    """One backfill with its progress.

    Raises:
        NotFound: there is none with this id.
    """
    with store.read():
        row = _row(backfill_id)
        return _schema(row, backfill_queue.count(store, [row.id])[row.id])


def read_all(
    store: Store, deployment_id: UUID | None = None, limit: int = 200, *, open_only: bool = False
) -> list[shapes.Backfill]:
    """Backfills, newest first: of one deployment, or of all.

    Args:
        limit: at most so many.
        open_only: only those that are not over.
    """
    with store.read():
        query = Backfill.select().order_by(Backfill.id.desc()).limit(limit)
        if deployment_id is not None:
            query = query.where(Backfill.deployment_id == deployment_id)
        if open_only:
            query = query.where(Backfill.ended.is_null())
        rows = list(query)
        counts = backfill_queue.count(store, [row.id for row in rows])
        return [_schema(row, counts[row.id]) for row in rows]


def _row(backfill_id: UUID) -> Any:
    row = Backfill.get_or_none(Backfill.id == backfill_id)
    if row is None:
        raise NotFound("Backfill", backfill_id)
    return row


def _schema(row: Any, counts: Mapping[str, int]) -> shapes.Backfill:
    return shapes.Backfill(
        id=row.id,
        created=row.created,
        updated=row.updated,
        created_by=row.created_by,
        deployment_id=row.deployment_id,
        deployment_name=row.deployment_name,
        range_start=row.range_start,
        range_end=row.range_end,
        schedules=row.schedules,
        order=row.run_order,
        max_runs=row.max_runs,
        max_active=row.max_active,
        parameters=row.parameters,
        slot_parameter=row.slot_parameter,
        reprocess=row.reprocess,
        state=row.state,
        message=row.message,
        ended=row.ended,
        digest=row.digest,
        progress=_progress(row, counts),
    )


def _progress(row: Any, present: Mapping[str, int]) -> BackfillProgress:
    """From the runs that are there; from what was kept at the end, once some of them were deleted."""
    kept: Mapping[str, int] = row.counts or {}
    counts = present if sum(present.values()) >= sum(kept.values()) else kept
    return BackfillProgress(
        total=row.total,
        queued=counts.get("QUEUED", 0),
        waiting=counts.get("SCHEDULED", 0),
        running=sum(counts.get(kind, 0) for kind in ("PENDING", "RUNNING", "CANCELLING", "PAUSED")),
        completed=counts.get("COMPLETED", 0),
        failed=counts.get("FAILED", 0),
        crashed=counts.get("CRASHED", 0),
        cancelled=counts.get("CANCELLED", 0),
        deleted=row.total - sum(counts.values()),
    )


# --- Its life


def pause(store: Store, backfill_id: UUID) -> shapes.Backfill:
    """Let no more runs go; those that have not started go back into the queue, those that run go on.

    Raises:
        NotFound: unknown backfill.
        Refused: it is not RUNNING.
    """
    with store.write():
        row = _in_state(backfill_id, "pause", "RUNNING")
        _set_state(store, row, "PAUSED")
        backfill_queue.withdraw(store, backfill_id)
        statistics.refresh(store, [row.deployment_id])
        return read(store, backfill_id)


def resume(store: Store, backfill_id: UUID) -> shapes.Backfill:
    """Let runs go again.

    Raises:
        NotFound: unknown backfill.
        Refused: it is not PAUSED.
    """
    with store.write():
        row = _in_state(backfill_id, "resume", "PAUSED")
        _set_state(store, row, "RUNNING")
        backfill_queue.advance(store, backfill_id)
        statistics.refresh(store, [row.deployment_id])
        return read(store, backfill_id)


def cancel_queue(store: Store, backfill_id: UUID) -> list[UUID]:
    """Cancel a backfill: runs that have not started are CANCELLED (inside a write transaction).

    It is CANCELLING until those that run are over.

    Returns:
        The runs that are going on, for the caller to end or to leave.

    Raises:
        NotFound: unknown backfill.
        Refused: it is over.
    """
    row = _in_state(backfill_id, "cancel", "RUNNING", "PAUSED", "CANCELLING")
    _set_state(store, row, "CANCELLING")
    backfill_queue.cancel_waiting(store, backfill_id)
    backfill_queue.advance(store, backfill_id)
    statistics.refresh(store, [row.deployment_id])
    live = store.database.execute_sql(
        "SELECT id FROM flow_run WHERE backfill_id = ? AND state_type IN ('PENDING', 'RUNNING', 'PAUSED')",
        (backfill_id.bytes,),
    )
    return [UUID(bytes=key) for (key,) in live]


def _in_state(backfill_id: UUID, verb: str, *states: str) -> Any:
    row = _row(backfill_id)
    if row.state not in states:
        raise Refused(
            f"backfill {backfill_id} of {row.deployment_name} is {row.state}: there is nothing to {verb}"
        )
    return row


def _set_state(store: Store, row: Any, state: str) -> None:
    moved = Backfill.update(state=state, updated=store.clock.now())
    moved.where(Backfill.id == row.id).execute()
