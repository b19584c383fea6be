"""The planner: brings runs into being ahead of time, and settles slots that went by (SEMANTICS section 3).

Deciding is pure (`scheduler.decisions`); this is one look at the whole database. Between two looks nothing is
kept in memory, so that another process can take over at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from scheduler.decisions import decide, fail
from store import heartbeat, pausing, planning, slot_runs
from store.database import Store
from store.errors import SluiceError
from store.planning import Overdue, Plan
from store.slot_runs import PlannedSchedule

DOWNTIME = timedelta(seconds=30)
"""A heartbeat older than this means that nobody was there: process down, machine asleep, clock set. A worker
that is merely busy does not stop the scheduler's heart."""
BEAT_EVERY = timedelta(seconds=10)
RETRY_AFTER = timedelta(minutes=10)
SCHEDULES_AT_ONCE = 50
ROWS_AT_ONCE = 500
_ROUNDS = 3

_log = logging.getLogger(__name__)


class PlanResult(NamedTuple):
    """What one look at the database did, and when the next is due (None: nothing is planned at all)."""

    made: int = 0
    passed_over: int = 0
    failed: int = 0
    late: int = 0
    resumed: int = 0
    woke: bool = False
    next_look: datetime | None = None


def plan(store: Store, now: datetime, stopping: Callable[[], bool] = lambda: False) -> PlanResult:
    """Do everything that is due at `now`.

    After a downtime the slots that went by are judged first. Then pauses that are over end, runs that wait
    too long become Late, and the schedules whose horizon has come near are planned.

    Args:
        store: writable; this process holds the scheduler's lock.
        now: aware, UTC.
        stopping: asked between batches; true ends the look early, which loses nothing.
    """
    last = heartbeat.last_tick(store)
    woke = last is not None and now - last > DOWNTIME
    if last is not None and last - now > DOWNTIME:
        _log.warning("the clock was set back from %s to %s: planning everything anew", last, now)
        heartbeat.rewind(store, now, stopping)
        if stopping():
            return PlanResult()  # without a heartbeat, as below
    look = _Look(store, now, stopping)
    if woke:
        _log.info("nobody was scheduling from %s to %s: judging what was due then", last, now)
        look.judge_downtime()
        if stopping():
            # Perhaps not all is judged: without a heartbeat the next scheduler begins with it again.
            return PlanResult(look.made, look.passed_over, look.failed, woke=True)
    if last is None or abs(now - last) >= BEAT_EVERY:
        heartbeat.beat(store, now)
    resumed = _end_pauses(store, now)
    late = slot_runs.mark_late(store, now)
    look.extend_horizons()
    planning.forget_errors(store)
    return PlanResult(
        look.made, look.passed_over, look.failed, late, resumed, woke, planning.next_look(store)
    )


class _Look:
    """One look at the schedules in batches: decided outside a transaction, applied in a short one."""

    def __init__(self, store: Store, now: datetime, stopping: Callable[[], bool]) -> None:
        self.store = store
        self.now = now
        self.stopping = stopping
        self.beaten = now
        self.made = self.passed_over = self.failed = 0

    def judge_downtime(self) -> None:
        """Decide about everything that was due while nobody was there, before a worker may take it."""
        overdue = planning.overdue_runs(self.store, self.now)
        ids = list(dict.fromkeys([*overdue, *planning.behind_schedules(self.store, self.now)]))
        for start in range(0, len(ids), SCHEDULES_AT_ONCE):
            batch = ids[start : start + SCHEDULES_AT_ONCE]
            for _ in range(_ROUNDS):
                if self.stopping() or not self._look_at(batch, overdue):
                    break

    def extend_horizons(self) -> None:
        """Plan all schedules that are due for it."""
        fruitless = 0
        while fruitless < _ROUNDS and not self.stopping():
            batch = planning.due_schedules(self.store, self.now, SCHEDULES_AT_ONCE)
            if not batch:
                return
            changed = self._look_at(batch, {})
            # Somebody edits all of them right now: the change wakes the scheduler again.
            fruitless = fruitless + 1 if changed == len(batch) else 0
            self._beat()

    def _look_at(self, ids: Sequence[UUID], overdue: Mapping[UUID, Sequence[Overdue]]) -> int:
        """Decide about some schedules and apply it; answers how many changed meanwhile."""
        plans = []
        for schedule in planning.read_schedules(self.store, ids):
            try:
                plans.append(decide(schedule, self.now, overdue.get(schedule.id, ())))
            except Exception as error:  # noqa: BLE001 (one rule that fails must stop no other; it is shown)
                plans.append(self._failed(error, schedule))
        return sum(self._apply(batch) for batch in _short(plans))

    def _apply(self, plans: Sequence[Plan]) -> int:
        try:
            applied = planning.apply(self.store, plans, self.now)
        except Exception as error:
            if len(plans) > 1:
                return sum(self._apply([plan]) for plan in plans)
            if plans[0].error is not None:
                raise
            return self._apply([self._failed(error, plans[0].schedule)])
        self.made += applied.made
        self.passed_over += applied.passed_over
        return applied.changed

    def _failed(self, error: Exception, schedule: PlannedSchedule) -> Plan:
        self.failed += 1
        if not isinstance(error, SluiceError):
            _log.error("schedule %s cannot be planned", schedule.id, exc_info=error)
        return fail(schedule, error, self.now + RETRY_AFTER)

    def _beat(self) -> None:
        """Keep the heart beating through a long look: it is the clock's time here, not that of the look."""
        at = self.store.clock.now()
        if at - self.beaten >= BEAT_EVERY:
            heartbeat.beat(self.store, at)
            self.beaten = at


def _end_pauses(store: Store, now: datetime) -> int:
    end = planning.next_pause_end(store)
    return pausing.resume_due(store, now) if end is not None and end <= now else 0


def _short(plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """The plans in transactions of a few hundred rows: some 30 ms, in which no other thread can write."""
    batch: list[Plan] = []
    rows = 0
    for plan in plans:
        size = len(plan.runs) + len(plan.settled)
        if batch and rows + size > ROWS_AT_ONCE:
            yield batch
            batch, rows = [], 0
        batch.append(plan)
        rows += size
    if batch:
        yield batch
