"""The queue of a backfill: its runs wait without a due time, and only those let go can be claimed.

Whatever gives a run its last state calls `advance` in the same transaction, so that the next one is let go,
or the backfill is over, at the very moment in which the state is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from store.chunks import chunked, marks
from store.clock import to_micros
from store.database import Store
from store.ids import new_id

TURN = "Waits for its turn in the backfill."
"""Message of a queued run's state. Its name is AwaitingConcurrencySlot: it waits for `max_active`."""
CANCELLED = "Cancelled with its backfill."
DEPLOYMENT_GONE = "Its deployment was deleted."

_ANY_TIME = -(2**63)
_ORDERS = {"oldest": "slot, schedule_id", "newest": "slot DESC, schedule_id DESC"}

# The conditions follow the index flow_run_backfill_progress, so that none of them reads a row. A range is
# looked up in it, IS NOT NULL would not be.
_LET_GO = """
SELECT (SELECT count(*) FROM flow_run WHERE backfill_id = :id
    AND state_type IN ('PENDING', 'RUNNING', 'CANCELLING', 'PAUSED'))
  + (SELECT count(*) FROM flow_run WHERE backfill_id = :id AND state_type = 'SCHEDULED'
    AND next_scheduled_start_time >= :any_time)"""
_NEXT = """
UPDATE flow_run SET next_scheduled_start_time = ?, updated = ? WHERE id IN (
  SELECT id FROM flow_run WHERE backfill_id = ? AND state_type = 'SCHEDULED'
  AND next_scheduled_start_time IS NULL ORDER BY {order} LIMIT ?)"""
_WITHDRAW = """
UPDATE flow_run SET next_scheduled_start_time = NULL, updated = ? WHERE backfill_id = ?
AND state_type = 'SCHEDULED' AND next_scheduled_start_time >= ? AND run_count = 0"""
_KIND = "iif(state_type = 'SCHEDULED' AND next_scheduled_start_time IS NULL, 'QUEUED', state_type)"
_NOT_STARTED = "backfill_id = ? AND state_type = 'SCHEDULED'"


class _Backfill(NamedTuple):
    state: str
    order: str
    max_active: int


def advance(store: Store, backfill_id: UUID) -> None:
    """Let the next runs of a backfill go as far as `max_active` allows, and end it when nothing is left.

    Call inside the write transaction that ended, deleted or queued one of its runs.
    """
    found = store.database.execute_sql(
        "SELECT state, run_order, max_active FROM backfill WHERE id = ?", (backfill_id.bytes,)
    ).fetchone()
    if found is None or found[0] not in ("RUNNING", "PAUSED", "CANCELLING"):
        return
    backfill = _Backfill(*found)
    values = {"id": backfill_id.bytes, "any_time": _ANY_TIME}
    let_go = int(store.database.execute_sql(_LET_GO, values).fetchone()[0])
    if backfill.state == "RUNNING" and let_go < backfill.max_active:
        now = to_micros(store.clock.now())
        sql = _NEXT.format(order=_ORDERS[backfill.order])
        room = backfill.max_active - let_go
        let_go += store.database.execute_sql(sql, (now, now, backfill_id.bytes, room)).rowcount
    if let_go == 0 and not _has_queue(store, backfill_id):
        end(store, backfill_id, "CANCELLED" if backfill.state == "CANCELLING" else "COMPLETED")


def advance_all(store: Store, ids: Iterable[UUID]) -> None:
    """`advance` for each, e.g. those whose runs were deleted (inside a write transaction)."""
    for backfill_id in ids:
        advance(store, backfill_id)


def withdraw(store: Store, backfill_id: UUID) -> int:
    """Put the runs that were let go and have not started back into the queue; answers how many."""
    now = to_micros(store.clock.now())
    return int(store.database.execute_sql(_WITHDRAW, (now, backfill_id.bytes, _ANY_TIME)).rowcount)


def cancel_waiting(store: Store, backfill_id: UUID, message: str = CANCELLED) -> int:
    """Make every run CANCELLED that has not started, or waits for its retry (inside a write transaction)."""
    now = to_micros(store.clock.now())
    rows = store.database.execute_sql(f"SELECT id FROM flow_run WHERE {_NOT_STARTED}", (backfill_id.bytes,))
    states = [(new_id().bytes, key, f'{{"flow_run_id": "{UUID(bytes=key)}"}}') for (key,) in rows.fetchall()]
    connection = store.database.connection()
    connection.execute("CREATE TEMP TABLE cancelled_run (state_id, run_id PRIMARY KEY, details)")
    connection.executemany("INSERT INTO temp.cancelled_run VALUES (?, ?, ?)", states)
    connection.execute(
        "UPDATE flow_run SET state_id = c.state_id, state_type = 'CANCELLED', state_name = 'Cancelled',"
        " state_timestamp = :now, updated = :now, end_time = :now, next_scheduled_start_time = NULL"
        " FROM temp.cancelled_run c WHERE flow_run.id = c.run_id",
        {"now": now},
    )
    connection.execute(
        "INSERT INTO flow_run_state (id, flow_run_id, type, name, timestamp, message, state_details)"
        " SELECT state_id, run_id, 'CANCELLED', 'Cancelled', ?, ?, details FROM temp.cancelled_run",
        (now, message),
    )
    connection.execute("DROP TABLE temp.cancelled_run")
    return len(states)


def end(store: Store, backfill_id: UUID, state: str, message: str | None = None) -> None:
    """Give a backfill its last state and keep its counts, for the time when its runs are gone."""
    now = to_micros(store.clock.now())
    store.database.execute_sql(
        "UPDATE backfill SET state = ?, updated = ?, ended = ?, message = coalesce(?, message), counts = ?"
        " WHERE id = ?",
        (state, now, now, message, json.dumps(count(store, [backfill_id])[backfill_id]), backfill_id.bytes),
    )


def end_of_deployments(store: Store, ids: Sequence[UUID]) -> None:
    """Cancel the backfills of deployments that are being deleted (inside a write transaction).

    Their runs that have not started go, like every run that has not; those that run go on, and stay.
    """
    for chunk in chunked(ids):
        rows = store.database.execute_sql(
            f"SELECT id FROM backfill WHERE deployment_id IN ({marks(chunk)})"
            " AND state IN ('RUNNING', 'PAUSED', 'CANCELLING')",
            chunk,
        ).fetchall()
        for (key,) in rows:
            store.database.execute_sql(f"DELETE FROM flow_run WHERE {_NOT_STARTED} AND run_count = 0", (key,))
            end(store, UUID(bytes=key), "CANCELLED", DEPLOYMENT_GONE)


def count(store: Store, ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many runs each backfill has in each state type, and `QUEUED` for those that are not let go."""
    found: dict[UUID, dict[str, int]] = {key: {} for key in ids}
    for chunk in chunked(ids):
        rows: Sequence[Any] = store.database.execute_sql(
            f"SELECT backfill_id, {_KIND}, count(*) FROM flow_run WHERE backfill_id IN ({marks(chunk)})"
            " GROUP BY 1, 2",
            chunk,
        ).fetchall()
        for key, kind, runs in rows:
            found[UUID(bytes=key)][kind] = runs
    return found


def _has_queue(store: Store, backfill_id: UUID) -> bool:
    sql = f"SELECT 1 FROM flow_run WHERE {_NOT_STARTED} LIMIT 1"
    return store.database.execute_sql(sql, (backfill_id.bytes,)).fetchone() is not None
