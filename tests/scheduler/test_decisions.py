"""Deciding about one schedule at one moment: horizons, slots that went by, jitter."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from support.timetable import cron, interval, rrule, utc

from scheduler import decisions
from scheduler.decisions import decide, horizon, judge
from store.planning import NEVER, Overdue
from store.schedules import rule_to_json
from store.schemas import ScheduleRule
from store.slot_runs import PlannedSchedule

NOON = utc("2026-03-02T12:00")
KEY = UUID(int=7)
DAY = timedelta(days=1)


def schedule(rule: ScheduleRule | None = None, **fields: object) -> PlannedSchedule:
    import json

    values = {
        "id": KEY,
        "deployment_id": UUID(int=8),
        "slug": None,
        "rule": json.dumps(rule_to_json(rule or cron("0 * * * *"))),
        "anchor": NOON,
        "planned_until": NOON,
        "active": True,
        "paused": False,
        "max_scheduled_runs": None,
        "catchup": False,
        "catchup_window": None,
        "jitter": None,
        "planning_error": None,
        "parameters": "{}",
        "flow_id": b"",
        "deployment_name": "d",
        "deployment_version": None,
        "deployment_tags": "[]",
        "deployment_labels": "{}",
        "deployment_parameters": "{}",
        "work_queue_id": None,
        "work_queue_name": None,
    }
    return PlannedSchedule(**{**values, **fields})  # type: ignore[arg-type]


def ahead(rule: ScheduleRule, now: datetime = NOON, most: int | None = None) -> decisions.Horizon:
    return horizon(rule, NOON, KEY, now, most)


@pytest.mark.parametrize(
    ("rule", "count", "last"),
    [
        (cron("0 9 * * *"), 3, "2026-03-05T09:00"),
        (cron("0 * * * *"), 3, "2026-03-02T15:00"),
        (cron("*/15 * * * *"), 5, "2026-03-02T13:15"),
        (cron("* * * * *"), 65, "2026-03-02T13:05"),
        (interval(seconds=30), 100, "2026-03-02T12:50"),
        (cron("0 0 1 * *"), 3, "2026-06-01T00:00"),
        (rrule("DTSTART:20260101T000000\nRRULE:FREQ=MINUTELY;UNTIL=20260302T120200"), 2, "2026-03-02T12:02"),
    ],
)
def test_a_horizon_holds_three_runs_and_an_hour_but_not_over_a_hundred(
    rule: ScheduleRule, count: int, last: str
) -> None:
    found = ahead(rule)
    assert len(found.slots) == count
    assert found.slots[-1] == utc(last)
    assert found.plan_again_at > NOON


@pytest.mark.parametrize("most", [1, 2, 3, 7, 50])
def test_max_scheduled_runs_caps_the_horizon(most: int) -> None:
    found = ahead(cron("* * * * *"), most=most)
    assert len(found.slots) == most
    assert found.plan_again_at in found.slots


@pytest.mark.parametrize(
    "rule",
    [
        cron("* * * * *"),
        cron("*/7 * * * *"),
        cron("0 9 * * *"),
        cron("0 9 * * 1-5", "Europe/Paris"),
        interval(minutes=50),
        rrule("DTSTART:20260101T000000\nRRULE:FREQ=HOURLY;INTERVAL=5"),
    ],
)
def test_the_horizon_never_falls_short_between_two_looks(rule: ScheduleRule) -> None:
    now = NOON
    for _ in range(40):
        found = ahead(rule, now)
        just_before = found.plan_again_at - timedelta(milliseconds=1)
        left = [slot for slot in found.slots if slot > just_before]
        assert len(left) >= 3
        assert left[-1] >= just_before + timedelta(hours=1)
        assert found.plan_again_at >= now + timedelta(minutes=1)
        now = found.plan_again_at


def test_nothing_is_planned_further_than_a_hundred_days_ahead() -> None:
    found = ahead(cron("0 0 1 1 *"))
    assert found.slots == []
    assert found.plan_again_at == utc("2027-01-01T00:00") - 100 * DAY


def test_a_rule_that_is_over_is_never_looked_at_again() -> None:
    assert ahead(rrule("DTSTART:20200101T000000\nRRULE:FREQ=DAILY;COUNT=3")).plan_again_at == NEVER


def test_a_paused_or_inactive_schedule_is_not_planned() -> None:
    for fields in ({"paused": True}, {"active": False}):
        plan = decide(schedule(cron("* * * * *"), planned_until=NOON - DAY, **fields), NOON)
        assert (plan.runs, plan.plan_again_at, plan.planned_until) == ((), NEVER, NOON - DAY)


def fates(plan: decisions.Plan) -> dict[str, list[str]]:
    """Slots at or before noon, as HH:MM, by fate; those that are to run under `run`."""
    found: dict[str, list[str]] = {}
    for run in plan.runs:
        if run.slot <= NOON:
            found.setdefault(run.passed_over or "run", []).append(f"{run.slot:%H:%M}")
    return found


WINDOW = 7200
DOWNTIMES = [
    # minutes before noon until which all was planned, catchup -> what becomes of the hourly slots since
    (0, False, {}),
    (30, False, {"run": ["12:00"]}),
    (90, False, {"Skipped": ["11:00"], "run": ["12:00"]}),
    (150, False, {"Skipped": ["10:00", "11:00"], "run": ["12:00"]}),
    (210, False, {"Missed": ["09:00"], "Skipped": ["10:00", "11:00"], "run": ["12:00"]}),
    (0, True, {}),
    (30, True, {"run": ["12:00"]}),
    (150, True, {"run": ["10:00", "11:00", "12:00"]}),
    (330, True, {"Missed": ["07:00", "08:00", "09:00"], "run": ["10:00", "11:00", "12:00"]}),
]


@pytest.mark.parametrize(("minutes", "catchup", "expected"), DOWNTIMES)
def test_what_becomes_of_slots_that_went_by(
    minutes: int, catchup: bool, expected: dict[str, list[str]]
) -> None:
    known = schedule(planned_until=NOON - timedelta(minutes=minutes), catchup=catchup, catchup_window=WINDOW)
    plan = decide(known, NOON)
    assert fates(plan) == expected
    assert plan.planned_until == utc("2026-03-02T15:00")


@pytest.mark.parametrize(
    ("lateness", "fate"),
    [(WINDOW - 1, None), (WINDOW, None), (WINDOW + 1, "Missed"), (10 * WINDOW, "Missed")],
)
@pytest.mark.parametrize("catchup", [False, True])
def test_the_window_belongs_to_itself(lateness: int, fate: str | None, catchup: bool) -> None:
    slot = NOON - timedelta(seconds=lateness)
    verdicts = judge({slot: slot}, NOON, schedule(catchup=catchup, catchup_window=WINDOW))
    assert {name for name, _ in verdicts.values()} == ({fate} if fate else set())


def test_the_default_window_is_a_day() -> None:
    old, recent = NOON - DAY - timedelta(seconds=1), NOON - DAY
    assert list(judge({old: old, recent: recent}, NOON, schedule())) == [old]


@pytest.mark.parametrize(("lateness", "missed"), [(0, False), (15, False), (16, True), (3600, True)])
def test_a_window_of_zero_means_never_late(lateness: int, missed: bool) -> None:
    slot = NOON - timedelta(seconds=lateness)
    assert bool(judge({slot: slot}, NOON, schedule(catchup_window=0))) is missed


def test_the_newest_thousand_are_caught_up() -> None:
    gone = {NOON - timedelta(seconds=n): NOON - timedelta(seconds=n) for n in range(1, 1203)}
    verdicts = judge(gone, NOON, schedule(catchup=True))
    assert len(verdicts) == 202
    assert max(verdicts) == NOON - timedelta(seconds=1001)
    assert {name for name, _ in verdicts.values()} == {"Skipped"}


def test_reasons_are_whole_sentences() -> None:
    old = NOON - 3 * DAY
    gone = {slot: slot for slot in (old, NOON - timedelta(hours=2), NOON - timedelta(hours=1))}
    verdicts = judge(gone, NOON, schedule())
    assert verdicts[old].message == (
        "Due 3 d ago when Sluice came back: longer than the catch-up window of 24 h."
    )
    assert verdicts[NOON - timedelta(hours=2)].message == (
        "The newer slot of 2026-03-02 11:00:00 UTC takes its place: catch-up is off."
    )


def test_waiting_runs_are_judged_together_with_slots_that_have_none() -> None:
    ten, eleven = utc("2026-03-02T10:00"), utc("2026-03-02T11:00")
    waiting = [Overdue(UUID(int=1), ten, ten), Overdue(UUID(int=2), eleven, eleven)]
    plan = decide(schedule(planned_until=eleven), NOON, waiting)
    assert fates(plan) == {"run": ["12:00"]}
    assert [(run.id.int, run.name) for run in plan.settled] == [(1, "Skipped"), (2, "Skipped")]
    alone = decide(schedule(planned_until=NOON), NOON, waiting)
    assert [(run.id.int, run.name) for run in alone.settled] == [(1, "Skipped")]


def test_older_slots_than_rows_are_kept_for_are_counted_in_the_oldest_row() -> None:
    plan = decide(schedule(cron("* * * * *"), planned_until=NOON - 10 * DAY), NOON)
    passed = [run for run in plan.runs if run.passed_over]
    assert len(passed) == decisions.ROWS_PASSED_OVER
    older = 10 * 24 * 60 - 1 - len(passed)
    assert passed[0].message is not None
    assert f"This stands for {older:,} older slots too, from 2026-02-20 12:01:00 UTC on." in passed[0].message
    assert [run.slot for run in plan.runs if run.slot <= NOON and not run.passed_over] == [NOON]


def test_a_month_of_seconds_is_judged_in_bounded_time() -> None:
    plan = decide(schedule(interval(seconds=1), planned_until=NOON - 30 * DAY, catchup=True), NOON)
    passed = [run for run in plan.runs if run.passed_over]
    assert len(passed) == decisions.ROWS_PASSED_OVER
    assert "at least" in (passed[0].message or "")
    assert sum(1 for run in plan.runs if run.slot <= NOON and not run.passed_over) == 1000


def test_jitter_is_fixed_for_a_slot_and_stays_below_the_next() -> None:
    known = schedule(cron("* * * * *"), jitter=3600)
    plan = decide(known, NOON)
    assert [run.due for run in decide(known, NOON).runs] == [run.due for run in plan.runs]
    for run, following in pairwise(plan.runs):
        assert run.slot <= run.due < following.slot
    assert len({run.due - run.slot for run in plan.runs}) > 50
    other = decide(schedule(cron("* * * * *"), jitter=3600, id=UUID(int=9)), NOON)
    assert [run.due for run in other.runs] != [run.due for run in plan.runs]


def test_jitter_does_not_depend_on_when_the_slot_was_planned() -> None:
    early = decide(schedule(jitter=600), NOON)
    later = decide(schedule(jitter=600, planned_until=NOON), NOON + timedelta(hours=1, minutes=30))
    due = {run.slot: run.due for run in early.runs}
    assert {run.slot: run.due for run in later.runs if run.slot in due} == {
        slot: at for slot, at in due.items() if slot > NOON
    }
    assert all(at < slot + timedelta(minutes=10) for slot, at in due.items())


def test_a_slot_whose_jitter_is_still_to_come_has_not_gone_by() -> None:
    known = schedule(jitter=3599, planned_until=NOON - timedelta(minutes=30), catchup_window=0)
    plan = decide(known, NOON)
    noon = next(run for run in plan.runs if run.slot == NOON)
    assert noon.due > NOON
    assert noon.passed_over is None
