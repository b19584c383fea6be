"""Slots of concurrency limits: how many are taken, by which runs, and who could make room."""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple
from uuid import UUID

from store.database import Store
from store.schemas import ACTIVE_STATES, CollisionStrategy

ACTIVE = ", ".join(f"'{state.value}'" for state in sorted(ACTIVE_STATES))
"""The active state types as a list of SQL literals."""

BACKFILLS = "backfills"

Bound = tuple[tuple[str, bytes], int]
"""A limit that a run counts toward: (what kind, whose) and how many may be active at once."""


class Situation(NamedTuple):
    """What the rules of state transitions ask of a run. `retry_delay` in seconds."""

    state_id: UUID | None
    run_count: int
    retries: int
    retry_delay: float
    strategy: CollisionStrategy
    queued: bool
    """Whether it is a backfill's and its turn has not come."""


class Collision(NamedTuple):
    """Whether the concurrency limit of a run's deployment is full, and what then happens to the run."""

    full: bool
    strategy: CollisionStrategy


_ACTIVE_KEYS = f"""
SELECT d.concurrency_limit_id, r.schedule_id, r.work_queue_id, q.work_pool_id,
  iif(r.backfill_id IS NOT NULL, d.concurrency_limit_id, NULL)
FROM flow_run r
LEFT JOIN deployment d ON d.id = r.deployment_id
LEFT JOIN work_queue q ON q.id = r.work_queue_id
WHERE r.state_type IN ({ACTIVE})"""


def active_counts(store: Store) -> Counter[tuple[str, bytes]]:
    """How many runs are PENDING, RUNNING or CANCELLING, by limit, schedule, queue and pool.

    Those of backfills are counted by limit once more, as `backfills`.
    """
    counts: Counter[tuple[str, bytes]] = Counter()
    for row in store.database.execute_sql(_ACTIVE_KEYS):
        for kind, key in zip(("limit", "schedule", "queue", "pool", BACKFILLS), row, strict=True):
            if key is not None:
                counts[kind, bytes(key)] += 1
    return counts


def bound(kind: str, key: bytes | None, capacity: int | None) -> Bound | None:
    """The limit of one kind and owner; None when there is none."""
    return ((kind, bytes(key)), capacity) if key is not None and capacity is not None else None


def is_filled_by_backfills(active: Counter[tuple[str, bytes]], limit: Bound) -> bool:
    """Whether a full limit would have room but for the runs of backfills.

    What collides with those waits, whatever the strategy: a backfill never costs a live run its start.
    """
    (_, key), capacity = limit
    return active[limit[0]] - active[BACKFILLS, key] < capacity


def waiting_of(store: Store, deployment_id: UUID) -> list[UUID]:
    """The runs of a deployment that wait for a slot and that a collision may displace: not a backfill's."""
    sql = (
        "SELECT id FROM flow_run WHERE deployment_id = ? AND state_type = 'SCHEDULED'"
        " AND state_name = 'AwaitingConcurrencySlot' AND backfill_id IS NULL"
    )
    return [UUID(bytes=row[0]) for row in store.database.execute_sql(sql, (deployment_id.bytes,))]


def oldest_active(store: Store, deployment_id: UUID) -> UUID | None:
    """The run of a deployment that is active longest and not asked to end yet; never a backfill's."""
    sql = (
        "SELECT id FROM flow_run WHERE deployment_id = ? AND state_type IN ('PENDING', 'RUNNING')"
        " AND backfill_id IS NULL ORDER BY coalesce(start_time, state_timestamp), id LIMIT 1"
    )
    row = store.database.execute_sql(sql, (deployment_id.bytes,)).fetchone()
    return UUID(bytes=row[0]) if row else None


def read_situation(store: Store, flow_run_id: UUID) -> Situation | None:
    """What the rules of state transitions ask of a run; None for an unknown one."""
    sql = (
        "SELECT r.state_id, r.run_count, r.empirical_policy, d.collision_strategy, r.backfill_id IS NOT NULL"
        " AND r.state_type = 'SCHEDULED' AND r.next_scheduled_start_time IS NULL"
        " FROM flow_run r LEFT JOIN deployment d ON d.id = r.deployment_id WHERE r.id = ?"
    )
    row = store.database.execute_sql(sql, (flow_run_id.bytes,)).fetchone()
    if row is None:
        return None
    policy = json.loads(row[2] or "{}")
    return Situation(
        state_id=UUID(bytes=row[0]) if row[0] else None,
        run_count=row[1],
        retries=policy.get("retries") or 0,
        retry_delay=policy.get("retry_delay") or 0,
        strategy=CollisionStrategy(row[3] or CollisionStrategy.ENQUEUE),
        queued=bool(row[4]),
    )


def collision(store: Store, flow_run_id: UUID, strategy: CollisionStrategy) -> Collision:
    """Whether the concurrency limit of a run's deployment has no slot left for it, and what then happens.

    Args:
        strategy: the deployment's. A backfill's run waits in any case.
    """
    sql = (
        'SELECT l.id, l."limit", r.backfill_id IS NOT NULL FROM flow_run r'
        " JOIN deployment d ON d.id = r.deployment_id"
        " JOIN concurrency_limit l ON l.id = d.concurrency_limit_id AND l.active WHERE r.id = ?"
    )
    row = store.database.execute_sql(sql, (flow_run_id.bytes,)).fetchone()
    if row is None:
        return Collision(False, strategy)
    active = active_counts(store)
    limit: Bound = (("limit", bytes(row[0])), row[1])
    waits = row[2] or is_filled_by_backfills(active, limit)
    return Collision(active[limit[0]] >= limit[1], CollisionStrategy.ENQUEUE if waits else strategy)
