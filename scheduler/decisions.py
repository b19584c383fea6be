"""What to do about one schedule at one moment: pure, time is a parameter (SEMANTICS section 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from scheduler import timetable
from store.clock import to_micros
from store.planning import NEVER, Overdue, Plan
from store.schedules import rule_from_json
from store.schemas import ScheduleRule
from store.slot_runs import LATE_AFTER, PlannedSchedule, Settled, SlotRun

MIN_RUNS = 3
MIN_TIME = timedelta(hours=1)
MAX_RUNS = 100
MAX_TIME = timedelta(days=100)
LEAD = timedelta(minutes=5)
"""Horizons are planned so much longer than promised: the next look then need not come exactly when a run is
due, when everything else happens, and plans several runs at once."""

DEFAULT_WINDOW = timedelta(hours=24)
CAUGHT_UP_AT_MOST = 1000
ROWS_PASSED_OVER = 500
_COUNTED = 200_000
_FIRST_TRY = 8
_TICK = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)


class Horizon(NamedTuple):
    """The slots to come that are to have runs, the one after them, and when to look again."""

    slots: list[datetime]
    following: datetime | None
    plan_again_at: datetime


class Verdict(NamedTuple):
    """Why a slot that went by gets no run: the name of its CANCELLED state, and the reason."""

    name: str
    message: str


class Missing(NamedTuple):
    """Slots between the watermark and now that have no run yet, and how many older ones are only counted."""

    slots: list[datetime]
    older: int
    oldest: datetime | None


def decide(schedule: PlannedSchedule, now: datetime, overdue: Sequence[Overdue] = ()) -> Plan:
    """Plan a schedule: judge the slots that went by, extend its horizon, and say when to look again.

    Args:
        schedule: as stored.
        now: aware, UTC.
        overdue: waiting runs past due that are to be judged too: those found after a downtime. A worker that
            is merely busy is no reason to drop a run.

    Raises:
        Invalid: the rule cannot be planned.
    """
    if not schedule.is_live:
        verdicts = judge({run.slot: run.due for run in overdue}, now, schedule)
        return Plan(schedule, NEVER, schedule.planned_until, settled=_settled(overdue, verdicts))
    rule = _rule(schedule.rule)
    missing = _missing(rule, schedule, now)
    ahead = horizon(rule, schedule.anchor, schedule.id, now, schedule.max_scheduled_runs)
    slots = [*missing.slots, *ahead.slots]
    due = _due_times(schedule, [*slots, *([ahead.following] if ahead.following else [])])
    gone = {slot: due[slot] for slot in missing.slots if due[slot] <= now}
    verdicts = judge({**gone, **{run.slot: run.due for run in overdue}}, now, schedule)
    runs = [_slot_run(slot, due[slot], verdicts.get(slot), missing) for slot in slots]
    until = max([schedule.planned_until, now, *slots[-1:]])
    return Plan(
        schedule,
        ahead.plan_again_at,
        until,
        [run for run in runs if run.slot > schedule.planned_until],
        _settled(overdue, verdicts),
    )


def fail(schedule: PlannedSchedule, error: Exception, plan_again_at: datetime) -> Plan:
    """Leave a schedule that cannot be planned as it is, with the reason."""
    reason = str(error) or type(error).__name__
    named = f"{schedule.slug}: {reason}" if schedule.slug else reason
    return Plan(schedule, plan_again_at, schedule.planned_until, error=named)


def horizon(
    rule: ScheduleRule, anchor: datetime, schedule_id: UUID, now: datetime, most: int | None
) -> Horizon:
    """The slots after `now` that are to have runs.

    At least 3 runs and 1 hour ahead (Prefect's min_runs and min_time), at most 100 runs and 100 days, at most
    `most` runs. It depends on the time alone, not on the runs that exist: one that was deleted stays gone.
    """
    cap = min(MAX_RUNS, most or MAX_RUNS)
    until, end = now + LEAD, now + MAX_TIME
    found: list[datetime] = []
    for limit in (min(cap, _FIRST_TRY), cap):
        found = timetable.occurrences(rule, after=now + _TICK, before=end, limit=limit + 1, anchor=anchor)
        enough = _enough(found[:limit], until)
        if enough:
            slots = found[:enough]
            short_from = min(slots[-MIN_RUNS], slots[-1] - MIN_TIME)
            return Horizon(slots, next(iter(found[enough:]), None), short_from - _spread(schedule_id))
        if len(found) <= limit:
            return Horizon(found, None, _beyond(rule, anchor, end))
    return Horizon(found[:cap], found[cap], found[cap // 4])


def judge(
    gone: Mapping[datetime, datetime], now: datetime, schedule: PlannedSchedule
) -> dict[datetime, Verdict]:
    """The slots among those that went by that get no run, each with the reason.

    Those older than the catch-up window are missed; of the others the newest runs, or with `catchup` the
    newest 1,000. A run that is not even Late (15 s) is never missed, so that a window of 0 means: never late.

    Args:
        gone: slot to due time, all past due and none of them run.
        now: aware, UTC.
        schedule: its catchup and catchup_window.
    """
    window = DEFAULT_WINDOW if schedule.catchup_window is None else timedelta(seconds=schedule.catchup_window)
    verdicts = {}
    waiting = []
    for slot in sorted(gone):
        lateness = now - gone[slot]
        if lateness > max(window, LATE_AFTER):
            verdicts[slot] = Verdict(
                "Missed",
                f"Due {_span(lateness)} ago when Sluice came back: "
                + (
                    f"longer than the catch-up window of {_span(window)}."
                    if window
                    else "it must never run late."
                ),
            )
        else:
            waiting.append(slot)
    kept = CAUGHT_UP_AT_MOST if schedule.catchup else 1
    for slot in waiting[:-kept]:
        reason = (
            f"Only the newest {CAUGHT_UP_AT_MOST:,} slots are caught up."
            if schedule.catchup
            else f"The newer slot of {waiting[-1]:%Y-%m-%d %H:%M:%S} UTC takes its place: catch-up is off."
        )
        verdicts[slot] = Verdict("Skipped", reason)
    return verdicts


def jitter(schedule_id: UUID, slot: datetime, most: timedelta) -> timedelta:
    """A delay of whole milliseconds below `most`, always the same for a slot."""
    steps = most // _MILLISECOND
    if steps < 1:
        return timedelta(0)
    digest = blake2b(schedule_id.bytes + to_micros(slot).to_bytes(8, "big", signed=True), digest_size=8)
    return int.from_bytes(digest.digest(), "big") % steps * _MILLISECOND


@lru_cache(maxsize=16384)
def _rule(text: str) -> ScheduleRule:
    return rule_from_json(json.loads(text))


def _missing(rule: ScheduleRule, schedule: PlannedSchedule, now: datetime) -> Missing:
    after = schedule.planned_until + _TICK
    if after > now:
        return Missing([], 0, None)
    slots = timetable.occurrences(rule, after=after, before=now, limit=_COUNTED, anchor=schedule.anchor)
    counted, oldest = len(slots), next(iter(slots), None)
    if counted == _COUNTED:
        # A rule of seconds and a long absence: the newest day is enough to choose from.
        recent = max(after, now - DEFAULT_WINDOW)
        slots = timetable.occurrences(rule, after=recent, before=now, limit=_COUNTED, anchor=schedule.anchor)
    kept = slots[-(CAUGHT_UP_AT_MOST if schedule.catchup else 1) - ROWS_PASSED_OVER :]
    return Missing(kept, counted - len(kept), oldest)


def _slot_run(slot: datetime, due: datetime, verdict: Verdict | None, missing: Missing) -> SlotRun:
    if verdict is None:
        return SlotRun(slot, due)
    message = verdict.message
    if missing.older and slot == missing.slots[0] and missing.oldest:
        counted = f"{'at least ' if missing.older + len(missing.slots) >= _COUNTED else ''}{missing.older:,}"
        message += (
            f" This stands for {counted} older slots too, from {missing.oldest:%Y-%m-%d %H:%M:%S} UTC on."
        )
    return SlotRun(slot, due, verdict.name, message)


def _settled(overdue: Sequence[Overdue], verdicts: Mapping[datetime, Verdict]) -> list[Settled]:
    return [Settled(run.id, *verdicts[run.slot]) for run in overdue if run.slot in verdicts]


def _due_times(schedule: PlannedSchedule, slots: Sequence[datetime]) -> dict[datetime, datetime]:
    """Slot to due time: the slot plus jitter, which never reaches the next slot."""
    due = {slot: slot for slot in slots}
    most = timedelta(seconds=schedule.jitter or 0)
    if most:
        for slot, following in pairwise(slots):
            due[slot] = slot + jitter(schedule.id, slot, min(most, following - slot))
        if slots:
            due[slots[-1]] = slots[-1] + jitter(schedule.id, slots[-1], most)
    return due


def _enough(slots: Sequence[datetime], until: datetime) -> int:
    """How many of the slots make a horizon that holds until that moment; 0 when all are not enough."""
    later = sum(1 for slot in slots if slot <= until)
    for number in range(later + MIN_RUNS, len(slots) + 1):
        if slots[number - 1] >= until + MIN_TIME:
            return number
    return 0


def _beyond(rule: ScheduleRule, anchor: datetime, end: datetime) -> datetime:
    """When the first slot after the longest horizon comes within it."""
    later = timetable.occurrences(rule, after=end + _TICK, before=None, limit=1, anchor=anchor)
    return later[0] - MAX_TIME if later else NEVER


def _spread(schedule_id: UUID) -> timedelta:
    """Between 10 seconds and 4 minutes, so that many schedules are not looked at in the same moment."""
    return timedelta(seconds=10 + schedule_id.int % 230)


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds == size and size < 86400):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
