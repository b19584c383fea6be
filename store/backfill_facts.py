"""What a backfill's plan is made from: a deployment's schedules, and what their slots have had so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store import planning, schemas
from store.clock import from_micros, to_micros
from store.database import Store
from store.errors import NotFound
from store.slot_runs import PlannedSchedule

_ENDED = frozenset(str(kind.value) for kind in schemas.TERMINAL_STATES)


class Slot(NamedTuple):
    """A slot: which schedule, and when."""

    schedule_id: UUID
    at: datetime


class SlotRun(NamedTuple):
    """The run of a slot that counts: one that is not over, else the last one."""

    id: UUID
    name: str
    state_type: str
    state_name: str
    attempt: int

    @property
    def over(self) -> bool:
        """Whether it has its last state."""
        return self.state_type in _ENDED

    @property
    def passed_over(self) -> bool:
        """Whether it never was to run: its slot went by during a downtime."""
        return self.state_type == "CANCELLED" and self.state_name in ("Skipped", "Missed")


class Facts(NamedTuple):
    """What a plan is made from, read in one snapshot."""

    deployment_name: str
    schedules: list[PlannedSchedule]
    runs: dict[Slot, SlotRun]
    mark: list[tuple[Any, ...]]
    """Tells cheaply whether any of these runs changed, came or went."""


_RUNS = """
SELECT slot, id, name, state_type, state_name, attempt FROM flow_run
WHERE schedule_id = ? AND slot BETWEEN ? AND ? AND {kind} ORDER BY slot, id"""
# Two indexes, each for its half: flow_run_slot and flow_run_slot_again.
_KINDS = ("auto_scheduled = 1 AND slot IS NOT NULL", "auto_scheduled = 0 AND slot IS NOT NULL")

_MARK = """
SELECT schedule_id, state_name, count(*), max(updated), max(id) FROM flow_run
WHERE schedule_id = ? AND slot BETWEEN ? AND ? AND {kind} GROUP BY state_name"""


def read_facts(store: Store, deployment_id: UUID, start: datetime, end: datetime) -> Facts:
    """The deployment's schedules, and what each slot in the range has had so far (both ends included).

    Raises:
        NotFound: there is no such deployment.
    """
    with store.read():
        row = store.database.execute_sql(
            "SELECT f.name || '/' || d.name FROM deployment d JOIN flow f ON f.id = d.flow_id WHERE d.id = ?",
            (deployment_id.bytes,),
        ).fetchone()
        if row is None:
            raise NotFound("Deployment", deployment_id)
        keys = store.database.execute_sql(
            "SELECT id FROM deployment_schedule WHERE deployment_id = ?", (deployment_id.bytes,)
        )
        found = planning.read_schedules(store, [UUID(bytes=key) for (key,) in keys])
        found.sort(key=lambda schedule: schedule.id)
        mark = _mark(store, found, start, end)
        runs: dict[Slot, SlotRun] = {}
        for schedule in found:
            runs.update(_slot_runs(store, schedule.id, to_micros(start), to_micros(end)))
    return Facts(row[0], found, runs, mark)


def are_still_so(store: Store, facts: Facts, start: datetime, end: datetime) -> bool:
    """Whether `read_facts` of the same range would answer the same; takes a fraction of its time."""
    ids = [schedule.id for schedule in facts.schedules]
    found = sorted(planning.read_schedules(store, ids), key=lambda schedule: schedule.id)
    return found == facts.schedules and _mark(store, found, start, end) == facts.mark


def _mark(
    store: Store, schedules: Sequence[PlannedSchedule], start: datetime, end: datetime
) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for schedule in schedules
        for kind in _KINDS
        for row in store.database.execute_sql(
            _MARK.format(kind=kind), (schedule.id.bytes, to_micros(start), to_micros(end))
        )
    ]


def _slot_runs(store: Store, schedule_id: UUID, start: int, end: int) -> dict[Slot, SlotRun]:
    """For each slot the run that counts."""
    best: dict[int, Sequence[Any]] = {}
    for kind in _KINDS:
        values = (schedule_id.bytes, start, end)
        for row in store.database.execute_sql(_RUNS.format(kind=kind), values):
            before = best.get(row[0])
            if before is None or _rank(row) > _rank(before):
                best[row[0]] = row
    return {
        Slot(schedule_id, from_micros(at)): SlotRun(UUID(bytes=key), name, kind, state, attempt)
        for at, key, name, kind, state, attempt in best.values()
    }


def _rank(row: Sequence[Any]) -> tuple[bool, bytes]:
    """A run that is not over counts before those that are; among equals the younger one."""
    return row[3] not in _ENDED, bytes(row[1])
