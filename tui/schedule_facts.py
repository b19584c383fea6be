"""What is said about a deployment's schedules, and about the times to come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from store.schemas import CronSchedule, DeploymentSchedule, RRuleSchedule
from tui.masking import masked
from tui.run_facts import value_words
from tui.text import plural
from tui.times import countdown, duration, exact
from tui.widgets.columns import Part
from tui.widgets.fact_list import BAD, DIM, GOOD, STRONG, WARNING, Fact, Heading, Item, fact

NEXT_TIMES = 5
UPCOMING = 24


class Timing(NamedTuple):
    """A schedule in words with its next times, or why it has none."""

    schedule: DeploymentSchedule
    words: str
    times: tuple[datetime, ...]
    error: str = ""


def zone_of(schedule: DeploymentSchedule) -> tzinfo | None:
    """The schedule's own zone; UTC when it names none, null when the name is unknown."""
    try:
        return ZoneInfo(schedule.schedule.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return None


def schedule_facts(timings: Sequence[Timing], now: datetime, zone: tzinfo | None) -> list[Item]:
    """The Schedules tab."""
    if not timings:
        return [
            Fact(
                "", [("There is no schedule: it runs only by hand (r), or when something asks for it.", DIM)]
            )
        ]
    items: list[Item] = []
    for number, timing in enumerate(timings, 1):
        items += _schedule(timing, number, now, zone)
    return items


def _schedule(timing: Timing, number: int, now: datetime, zone: tzinfo | None) -> list[Item]:
    schedule = timing.schedule
    words = timing.words or "It cannot be put into words"
    items: list[Item] = [Heading(f"{schedule.slug or number}  {words}")]
    items.append(Fact("active", [("● yes", GOOD)] if schedule.active else [("○ no", WARNING)]))
    items.append(fact("rule", rule_words(schedule)))
    items.append(fact("zone", schedule.schedule.timezone or "UTC (none is named)"))
    if schedule.parameters:
        items.append(fact("parameters", value_words(masked(schedule.parameters))))
    items += _options(schedule)
    if timing.error:
        items.append(fact("error", timing.error, BAD))
    elif not timing.times:
        items.append(fact("next", "never again", WARNING))
    else:
        note = "" if schedule.active else "\nif it were active"
        items.append(Fact("next", [*times_parts(timing, now, zone), (note, DIM)]))
    return items


def rule_words(schedule: DeploymentSchedule) -> str:
    """The rule as it was written."""
    rule = schedule.schedule
    if isinstance(rule, CronSchedule):
        return f"cron {rule.cron}" + ("" if rule.day_or else " (day and weekday must both match)")
    if isinstance(rule, RRuleSchedule):
        return f"rrule {rule.rrule}"
    anchor = f", from {rule.anchor_date}" if rule.anchor_date else ""
    return f"interval {rule.interval.total_seconds():g} s{anchor}"


def _options(schedule: DeploymentSchedule) -> list[Item]:
    items: list[Item] = []
    if schedule.max_scheduled_runs is not None:
        items.append(fact("ahead", f"at most {plural(schedule.max_scheduled_runs, 'planned run')}"))
    if schedule.max_active_runs is not None:
        items.append(fact("at once", f"at most {plural(schedule.max_active_runs, 'run')} of this schedule"))
    if schedule.catchup:
        items.append(fact("catch up", "runs all that were missed, not only the newest"))
    if schedule.sluice.catchup_window is not None:
        items.append(fact("window", f"missed after {duration(schedule.sluice.catchup_window)}"))
    if schedule.sluice.jitter:
        items.append(fact("jitter", f"up to {duration(schedule.sluice.jitter)}"))
    return items


def times_parts(timing: Timing, now: datetime, zone: tzinfo | None) -> list[Part]:
    """The next times in the schedule's zone and in the operator's, each named, one line each."""
    own = zone_of(timing.schedule)
    parts: list[Part] = []
    for number, when in enumerate(timing.times[:NEXT_TIMES]):
        here, there = exact(when, zone), exact(when, own) if own is not None else ""
        parts.append((("\n" if number else "") + (there or here), STRONG))
        if there and there != here:
            parts.append((f"  =  {here}", ""))
        parts.append((f"  {countdown(when, now)}", DIM))
    return parts


def upcoming_facts(
    timings: Sequence[Timing], now: datetime, zone: tzinfo | None, *, paused: bool, limit: int = UPCOMING
) -> list[Item]:
    """The Upcoming tab: the next times over all active schedules."""
    active = [timing for timing in timings if timing.schedule.active]
    times = sorted({(when, number) for number, timing in enumerate(active) for when in timing.times})[:limit]
    if not times:
        words = "No active schedule has a time to come." if timings else "There is no schedule."
        return [Fact("", [(words, DIM)])]
    zone_name = times[0][0].astimezone(zone).tzname() or ""
    head = "Would run, if it were not paused" if paused else "Next times"
    items: list[Item] = [Heading(f"{head} ({zone_name})")]
    for when, number in times:
        parts: list[Part] = [(f"{exact(when, zone)}", STRONG)]
        if len(active) > 1:
            parts.append((f"  {active[number].schedule.slug or active[number].words}", DIM))
        items.append(Fact(countdown(when, now), parts))
    return items
