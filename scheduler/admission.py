"""Which due runs start now: limits of pool, queue, deployment and schedule, and what a collision does.

Collisions follow the deployment's strategy (SEMANTICS.md section 4). A backfill's run always waits, and is
never cancelled by a strategy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from scheduler.orchestration import LIMIT_REACHED, SUPERSEDED, awaiting_slot
from store import claims, slots, states
from store.claims import DueRun, Launch
from store.database import Store
from store.schemas import CollisionStrategy, StateCreate, StateType
from store.slots import Bound

CANDIDATES = 200
"""How many due runs one look considers; further ones are considered at the next."""
REPLACED = "Cancelled: a newer run takes its place."
SCHEDULE_BUSY = "The schedule's max_active_runs is reached."


class Ruling(NamedTuple):
    """What happens to a due run: it starts (`full` is None), or collides with that full limit."""

    run: DueRun
    full: Bound | None
    strategy: CollisionStrategy = CollisionStrategy.ENQUEUE


def judge(runs: Sequence[DueRun], active: Counter[tuple[str, bytes]], room: int) -> list[Ruling]:
    """Decide which due runs start and which collide; those that just go on waiting are left out.

    Args:
        runs: in the order in which they should start.
        active: how many runs are active now, by limit, schedule, queue and pool.
        room: how many more runs the worker itself can hold.
    """
    active = active.copy()
    in_line: set[tuple[str, bytes]] = set()
    rulings = []

    def is_full(bound: Bound | None) -> bool:
        return bound is not None and (active[bound[0]] >= bound[1] or bound[0] in in_line)

    for run in runs:
        full = next((bound for bound in (run.limit, run.schedule) if is_full(bound)), None)
        if full is not None:
            strategy = strategy_of(run, full, active)
            if not run.waiting:
                rulings.append(Ruling(run, full, strategy))
            if run.waiting or strategy is not CollisionStrategy.CANCEL_NEW:
                in_line.add(full[0])
        elif room > 0 and not is_full(run.queue) and not is_full(run.pool):
            room -= 1
            active.update(bound[0] for bound in (run.limit, run.schedule, run.queue, run.pool) if bound)
            if run.is_backfill and run.limit is not None:
                active[slots.BACKFILLS, run.limit[0][1]] += 1
            rulings.append(Ruling(run, None))
    return rulings


def strategy_of(run: DueRun, full: Bound, active: Counter[tuple[str, bytes]]) -> CollisionStrategy:
    """What a collision does: the deployment's strategy.

    In any case it waits for a schedule's limit, for a limit filled by runs of backfills, and as one of these.
    """
    always_waits = full is not run.limit or run.is_backfill or run.deployment_id is None
    if always_waits or slots.is_filled_by_backfills(active, full):
        return CollisionStrategy.ENQUEUE
    return run.strategy


def admit(store: Store, pool: str, worker: str, now: datetime, room: int) -> list[Launch]:
    """Claim the due runs of a pool that may start, and settle the collisions of the others.

    Args:
        room: how many more runs the worker itself can hold.

    Returns:
        The claimed runs, PENDING now, in the order in which to start them.
    """
    if not _rulings(store, pool, now, room):
        return []  # found by reading alone: a write that changes nothing would wake everybody
    admitted = []
    with store.write():
        for ruling in _rulings(store, pool, now, room):
            if ruling.full is not None:
                _collide(store, ruling.run, ruling.full, ruling.strategy)
            elif (token := claims.claim(store, ruling.run.id, worker, now)) is not None:
                admitted.append(claims.read_launch(store, ruling.run.id, token))
    return admitted


def _rulings(store: Store, pool: str, now: datetime, room: int) -> list[Ruling]:
    runs = claims.due_runs(store, pool, now, CANDIDATES)
    return judge(runs, slots.active_counts(store), room) if runs else []


def _collide(store: Store, run: DueRun, full: Bound, strategy: CollisionStrategy) -> None:
    """Settle the collision of a newly due run with a full limit."""
    scheduled = {StateType.SCHEDULED}
    if strategy is CollisionStrategy.CANCEL_NEW:
        cancelled = StateCreate(type=StateType.CANCELLED, message=LIMIT_REACHED)
        states.write(store, run.id, cancelled, expect_type=scheduled)
        return
    if strategy is CollisionStrategy.ENQUEUE_ONE and run.deployment_id is not None:
        superseded = StateCreate(type=StateType.CANCELLED, message=SUPERSEDED)
        for waiting in slots.waiting_of(store, run.deployment_id):
            states.write(store, waiting, superseded, expect_type=scheduled)
    if strategy is CollisionStrategy.CANCEL_RUNNING and run.deployment_id is not None:
        oldest = slots.oldest_active(store, run.deployment_id)
        if oldest is not None:
            states.write(store, oldest, StateCreate(type=StateType.CANCELLING, message=REPLACED))
    message = LIMIT_REACHED if full is run.limit else SCHEDULE_BUSY
    states.write(store, run.id, awaiting_slot(run.due, message), expect_type=scheduled)
