"""Claims: which runs are due for a worker, who took one, and what process it became.

A claim is one conditional UPDATE that raises the run's token. Every later write of the claimant names the
token, so one that lost its claim changes nothing (fencing).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from store import heartbeat, logs, states
from store.clock import from_micros, to_micros
from store.database import Store
from store.schemas import (
    CollisionStrategy,
    LogCreate,
    State,
    StateCreate,
    StateType,
)
from store.slots import ACTIVE, Bound, active_counts, bound

JUDGED_AFTER = timedelta(seconds=15)
"""How long past due an auto-scheduled run may be claimed as it is. An older one needs the planner's word: it
becomes Late, or is skipped or missed by the catch-up rule (SEMANTICS.md section 3)."""
DOWNTIME = timedelta(seconds=30)
"""A scheduler's heartbeat older than this means that nothing was judged since, not even what is Late."""

WAITING_EACH = 20
AGED_AFTER = timedelta(seconds=60)
"""How long a backfill's run lets newer live runs go first. Then it is in line as if it had come so much
later, so that a backfill advances however busy the deployment is."""


class DueRun(NamedTuple):
    """A run that is due, with what decides whether it may start."""

    id: UUID
    deployment_id: UUID | None
    due: datetime
    waiting: bool
    """Whether it waits for a slot already (AwaitingConcurrencySlot)."""
    is_backfill: bool
    strategy: CollisionStrategy
    limit: Bound | None
    schedule: Bound | None
    queue: Bound | None
    pool: Bound | None


class Launch(NamedTuple):
    """Everything needed to start a claimed run."""

    id: UUID
    name: str
    token: int
    slot: datetime | None
    parameters: dict[str, Any]
    job_variables: dict[str, Any]
    path: str | None
    entrypoint: str | None


class Claimed(NamedTuple):
    """A run that some worker claimed and that is not over."""

    id: UUID
    token: int
    state_type: StateType
    process: dict[str, Any] | None


_OPEN_QUEUES = """
SELECT q.id, q.work_pool_id, q.concurrency_limit, p.concurrency_limit
FROM work_queue q JOIN work_pool p ON p.id = q.work_pool_id
WHERE p.name = ? AND NOT p.is_paused AND NOT q.is_paused"""
_COLUMNS = """
r.id, r.deployment_id, r.next_scheduled_start_time, r.state_name = 'AwaitingConcurrencySlot',
r.backfill_id IS NOT NULL, d.collision_strategy, r.schedule_id, s.max_active_runs,
l.id, l."limit", q.id, q.concurrency_limit, p.id, p.concurrency_limit, q.priority"""
_TABLES = """
flow_run r JOIN work_queue q ON q.id = r.work_queue_id JOIN work_pool p ON p.id = q.work_pool_id
LEFT JOIN deployment d ON d.id = r.deployment_id LEFT JOIN deployment_schedule s ON s.id = r.schedule_id
LEFT JOIN concurrency_limit l ON l.id = d.concurrency_limit_id AND l.active"""
_ARRIVED = """
SELECT {columns} FROM {tables}
WHERE r.state_type = 'SCHEDULED' AND r.next_scheduled_start_time <= ? AND r.work_queue_id IN ({queues})
AND r.state_name <> 'AwaitingConcurrencySlot' AND r.backfill_id IS NULL
AND (NOT r.auto_scheduled OR r.next_scheduled_start_time > ?
    OR r.state_name NOT IN ('Scheduled', 'Late') OR (? AND r.state_name = 'Late'))
ORDER BY q.priority, r.next_scheduled_start_time, r.id LIMIT ?"""
_WAITING = """
SELECT {columns}
FROM (SELECT id, ROW_NUMBER() OVER
        (PARTITION BY deployment_id, schedule_id ORDER BY next_scheduled_start_time, id) AS place
    FROM flow_run INDEXED BY flow_run_waiting
    WHERE state_name = 'AwaitingConcurrencySlot' AND backfill_id IS NULL
    AND next_scheduled_start_time <= ?) w
CROSS JOIN {tables}
WHERE r.id = w.id AND w.place <= ? AND +r.state_type = 'SCHEDULED' AND +r.work_queue_id IN ({queues})"""
# CROSS JOIN and + keep SQLite from beginning with all SCHEDULED runs: 17 ms, not 36, with 10,000 waiting.
_OF_BACKFILLS = """
SELECT {columns}
FROM (SELECT id, next_scheduled_start_time AS due FROM flow_run INDEXED BY flow_run_backfill_due
    WHERE backfill_id IS NOT NULL AND state_type = 'SCHEDULED' AND next_scheduled_start_time <= ?) w
CROSS JOIN {tables}
WHERE r.id = w.id AND +r.work_queue_id IN ({queues}) ORDER BY w.due, r.id LIMIT ?"""


def due_runs(store: Store, pool: str, now: datetime, limit: int) -> list[DueRun]:
    """Runs of a pool that are due, in the order in which they should start.

    Left out are those of paused or full pools and queues. By queue priority; then those that wait for a slot
    already, first come first; then by due time. A backfill's runs come last of their priority until they have
    waited for a minute, then they are in line with those that wait.

    Args:
        limit: how many newly due ones at most; of those that wait, the first 20 of each schedule come along.
    """
    with store.read():
        queues = _open_queues(store, pool)
        if not queues:
            return []
        marks = ", ".join("?" * len(queues))
        words = {"columns": _COLUMNS, "tables": _TABLES, "queues": marks}
        instant = to_micros(now)
        last = heartbeat.last_tick(store)
        judged = (to_micros(now - JUDGED_AFTER), last is None or now - last <= DOWNTIME)
        arrived = store.database.execute_sql(_ARRIVED.format(**words), (instant, *queues, *judged, limit))
        rows = arrived.fetchall()
        waiting = store.database.execute_sql(_WAITING.format(**words), (instant, WAITING_EACH, *queues))
        rows.extend(waiting)
        rows.extend(store.database.execute_sql(_OF_BACKFILLS.format(**words), (instant, *queues, limit)))
    rows.sort(key=lambda row: _turn(row, instant))
    return [_due_run(row) for row in rows]


def next_due(store: Store, pool: str, after: datetime | None = None) -> datetime | None:
    """When the next run of a pool is due, strictly after an instant; None when nothing is planned."""
    queues = _open_queues(store, pool)
    if not queues:
        return None
    sql = (
        "SELECT next_scheduled_start_time FROM flow_run WHERE state_type = 'SCHEDULED'"
        f" AND next_scheduled_start_time > ? AND work_queue_id IN ({', '.join('?' * len(queues))})"
        " ORDER BY next_scheduled_start_time LIMIT 1"
    )
    row = store.database.execute_sql(sql, (to_micros(after) if after else -1, *queues)).fetchone()
    return from_micros(row[0]) if row else None


def claim(store: Store, flow_run_id: UUID, worker: str, now: datetime) -> int | None:
    """Take a SCHEDULED run: it becomes PENDING in the worker's name.

    Returns:
        The token of this claim, or None when the run is no longer SCHEDULED.
    """
    sql = (
        "UPDATE flow_run SET claim_token = claim_token + 1, claimed_by = ?, process = NULL, exit_code = NULL"
        " WHERE id = ? AND state_type = 'SCHEDULED' RETURNING claim_token"
    )
    with store.write():
        row = store.database.execute_sql(sql, (worker, flow_run_id.bytes)).fetchone()
        if row is None:
            return None
        states.write(store, flow_run_id, StateCreate(type=StateType.PENDING, timestamp=now))
        return int(row[0])


def adopt(store: Store, flow_run_id: UUID, token: int, worker: str) -> int | None:
    """Take over an active run from a worker that is gone. Answers the new token; None when it moved on."""
    sql = (
        "UPDATE flow_run SET claim_token = claim_token + 1, claimed_by = ?"
        f" WHERE id = ? AND claim_token = ? AND state_type IN ({ACTIVE}) RETURNING claim_token"
    )
    with store.write():
        row = store.database.execute_sql(sql, (worker, flow_run_id.bytes, token)).fetchone()
    return int(row[0]) if row else None


def read_launch(store: Store, flow_run_id: UUID, token: int) -> Launch:
    """What a claimed run starts with: its deployment's job variables overlaid by its own, `env` by key."""
    sql = (
        "SELECT r.name, r.slot, r.parameters, r.job_variables, d.job_variables, d.path, d.entrypoint"
        " FROM flow_run r LEFT JOIN deployment d ON d.id = r.deployment_id WHERE r.id = ?"
    )
    row = store.database.execute_sql(sql, (flow_run_id.bytes,)).fetchone()
    name, slot, parameters, own, deployments, path, entrypoint = row
    return Launch(
        id=flow_run_id,
        name=name,
        token=token,
        slot=from_micros(slot) if slot is not None else None,
        parameters=json.loads(parameters),
        job_variables=_overlay(json.loads(deployments or "{}"), json.loads(own or "{}")),
        path=path,
        entrypoint=entrypoint,
    )


def has_lost_its_deployment(store: Store, flow_run_id: UUID) -> bool:
    """Whether a run's deployment was deleted: what it would run, and where, is known no more."""
    sql = (
        "SELECT 1 FROM flow_run r WHERE r.id = ? AND r.deployment_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM deployment d WHERE d.id = r.deployment_id)"
    )
    return store.database.execute_sql(sql, (flow_run_id.bytes,)).fetchone() is not None


def record_start(
    store: Store, flow_run_id: UUID, token: int, process: dict[str, Any], started: datetime
) -> State | None:
    """Keep the identity of a claimed run's process and make the run RUNNING, in one transaction.

    Args:
        process: boot_id, pid and start_ticks of the runner, pgid of the run itself; `log_offset`, in bytes of
            the spool, is kept beside them.

    Returns:
        The RUNNING state; None when the run is not this claim's, or no longer PENDING (it may be asked to
        end: then the process is kept nevertheless).
    """
    sql = (
        "UPDATE flow_run SET process = json_patch(coalesce(process, '{}'), ?), infrastructure_pid = ?"
        " WHERE id = ? AND claim_token = ? RETURNING run_count"
    )
    with store.write():
        values = (json.dumps(process), str(process["pgid"]), flow_run_id.bytes, token)
        row = store.database.execute_sql(sql, values).fetchone()
        if row is None:
            return None
        running = StateCreate(
            type=StateType.RUNNING, name="Retrying" if row[0] else "Running", timestamp=started
        )
        return states.write(store, flow_run_id, running, expect_type={StateType.PENDING}, expect_token=token)


def record_logs(store: Store, flow_run_id: UUID, token: int, lines: Sequence[LogCreate], offset: int) -> bool:
    """Append log lines of a claimed run, and how far its spool is stored, in one transaction.

    Args:
        offset: bytes of the spool that are stored now; a worker that takes over goes on from there.

    Returns:
        Whether the run is still this claim's; if not, nothing is written.
    """
    sql = (
        "UPDATE flow_run SET process = json_set(coalesce(process, '{}'), '$.log_offset', ?)"
        " WHERE id = ? AND claim_token = ?"
    )
    with store.write():
        if store.database.execute_sql(sql, (offset, flow_run_id.bytes, token)).rowcount == 0:
            return False
        logs.write_logs(store, lines)
    return True


def record_end(
    store: Store,
    flow_run_id: UUID,
    token: int,
    state: StateCreate,
    *,
    exit_code: int | None = None,
    log_cut: bool = False,
) -> State | None:
    """Give a claimed run the state that it ended with, and what its process left.

    A run that is CANCELLING ends CANCELLED, whatever the state.

    Args:
        exit_code: of the process; minus the signal's number when a signal ended it.

    Returns:
        The state; None when the run is not this claim's, or got another final state meanwhile.
    """
    sql = (
        "UPDATE flow_run SET exit_code = ?, log_cut = ? WHERE id = ? AND claim_token = ?"
        f" AND state_type IN ({ACTIVE}) RETURNING state_type"
    )
    with store.write():
        row = store.database.execute_sql(sql, (exit_code, log_cut, flow_run_id.bytes, token)).fetchone()
        if row is None:
            return None
        if row[0] == StateType.CANCELLING:
            state = state.model_copy(update={"type": StateType.CANCELLED, "name": None})
        return states.write(store, flow_run_id, state, expect_token=token)


def claimed_runs(store: Store, worker_prefix: str) -> list[Claimed]:
    """The active runs whose claimant's name begins so."""
    sql = (
        "SELECT id, claim_token, state_type, process FROM flow_run"
        f" WHERE state_type IN ({ACTIVE}) AND substr(claimed_by, 1, ?) = ? ORDER BY id"
    )
    rows = store.database.execute_sql(sql, (len(worker_prefix), worker_prefix))
    return [
        Claimed(UUID(bytes=key), token, StateType(kind), json.loads(process) if process else None)
        for key, token, kind, process in rows
    ]


def read_claims(store: Store, ids: Sequence[UUID]) -> dict[UUID, Claimed]:
    """The present state and token of these runs, whatever they became; deleted ones are absent."""
    found: dict[UUID, Claimed] = {}
    sql = "SELECT claim_token, state_type FROM flow_run WHERE id = ?"
    for key in ids:
        row = store.database.execute_sql(sql, (key.bytes,)).fetchone()
        if row is not None:
            found[key] = Claimed(key, row[0], StateType(row[1]), None)
    return found


def _open_queues(store: Store, pool: str) -> list[bytes]:
    """The queues of a pool that may start runs now: neither paused nor full, nor is their pool."""
    rows = store.database.execute_sql(_OPEN_QUEUES, (pool,)).fetchall()
    if all(row[2] is None and row[3] is None for row in rows):
        return [bytes(row[0]) for row in rows]
    counts = active_counts(store)
    return [
        bytes(queue)
        for queue, owner, limit, pool_limit in rows
        if (limit is None or counts["queue", bytes(queue)] < limit)
        and (pool_limit is None or counts["pool", bytes(owner)] < pool_limit)
    ]


def _turn(row: tuple[Any, ...], now: int) -> tuple[Any, ...]:
    """What puts due runs in order; `now` in microseconds since the epoch."""
    key, _, due, waiting, of_backfill, *_, priority = row
    if not of_backfill:
        return (priority, 0 if waiting else 1, due, key)
    aged = due + AGED_AFTER // timedelta(microseconds=1)
    return (priority, 0 if aged <= now else 2, aged, key)


def _due_run(row: tuple[Any, ...]) -> DueRun:
    (key, deployment, due, waiting, backfill, strategy, schedule, max_active, *limits, _priority) = row
    limit_id, limit, queue, queue_limit, pool, pool_limit = limits
    return DueRun(
        id=UUID(bytes=key),
        deployment_id=UUID(bytes=deployment) if deployment else None,
        due=from_micros(due),
        waiting=bool(waiting),
        is_backfill=bool(backfill),
        strategy=CollisionStrategy(strategy or CollisionStrategy.ENQUEUE),
        limit=bound("limit", limit_id, limit),
        schedule=bound("schedule", schedule, max_active),
        queue=bound("queue", queue, queue_limit),
        pool=bound("pool", pool, pool_limit),
    )


def _overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = {**base, **over}
    if isinstance(base.get("env"), dict) and isinstance(over.get("env"), dict):
        merged["env"] = {**base["env"], **over["env"]}
    return merged
