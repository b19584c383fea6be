"""From rules to instants (SEMANTICS section 2). Pure functions: no clock, no store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from scheduler.timetable.cron import Cron
from scheduler.timetable.interval import Interval, parse_anchor
from scheduler.timetable.recurrence import NOTHING
from scheduler.timetable.rrule import RRule, refusal
from scheduler.timetable.words import describe, describe_kept
from store import schemas
from store.errors import Invalid

if TYPE_CHECKING:
    from store.schemas import ScheduleRule

__all__ = ["check", "describe", "describe_kept", "occurrences"]

SEARCHED = timedelta(days=366 * 60)
"""How far ahead is looked when no end is given: 29 February on a given weekday can be forty years away."""

_FIRST = datetime(1900, 1, 1)  # noqa: DTZ001 (instants are naive inside this package)
_LAST = datetime(9990, 1, 1)  # noqa: DTZ001

_NO_ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)

_Compiled = Interval | Cron | RRule


def occurrences(
    rule: ScheduleRule, *, after: datetime, before: datetime | None, limit: int, anchor: datetime
) -> list[datetime]:
    """The instants of a rule in a window, strictly increasing, whatever window was asked before.

    Args:
        rule: the rule of a schedule.
        after: first instant of the window, inclusive; aware.
        before: last instant of the window, inclusive; aware. None looks 60 years ahead.
        limit: at most so many.
        anchor: when the schedule was made: start of an interval or RRULE that names none. Aware; its
            fraction of a second is dropped.

    Returns:
        Aware datetimes in UTC.

    Raises:
        Invalid: the rule itself cannot be planned.
    """
    start = max(_naive(after), _FIRST)
    end = min(start + SEARCHED if before is None else _naive(before), _LAST)
    found: list[datetime] = []
    if limit < 1 or end < start:
        return found
    previous: datetime | None = None
    for instant in _compiled(rule, anchor).instants(start, end):
        if instant > end:
            break
        if instant != previous:
            found.append(instant.replace(tzinfo=UTC))
            previous = instant
            if len(found) == limit:
                break
    return found


def check(rule: ScheduleRule) -> None:
    """Refuse a rule that cannot be planned.

    Raises:
        Invalid: in words, Prefect's where it has some; `field` names the part of the rule.
    """
    _compiled(rule, _NO_ANCHOR)
    if (
        isinstance(rule, schemas.RRuleSchedule)
        and "DTSTART" not in rule.rrule.upper()
        and not occurrences(
            rule, after=_NO_ANCHOR - timedelta(days=2), before=None, limit=1, anchor=_NO_ANCHOR
        )
    ):
        raise refusal(rule.rrule, NOTHING)


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _compiled(rule: ScheduleRule, anchor: datetime) -> _Compiled:
    anchor = anchor.astimezone(UTC).replace(microsecond=0)
    if isinstance(rule, schemas.CronSchedule):
        made = _cron(rule.cron, rule.timezone, rule.day_or)
    elif isinstance(rule, schemas.RRuleSchedule):
        starts_itself = "DTSTART" in rule.rrule.upper()
        made = _rrule(rule.rrule, rule.timezone, _NO_ANCHOR if starts_itself else anchor)
    else:
        start = anchor if rule.anchor_date is None else parse_anchor(rule.anchor_date)
        made = _interval(rule.interval, f"{start} {start.tzinfo}", start, rule.timezone)
    if isinstance(made, Invalid):
        raise Invalid(str(made), made.field)
    return made


# The caches keep refusals too: a rule that cannot be planned is not worked out again at every look.


@lru_cache(maxsize=16384)
def _cron(text: str, timezone: str | None, day_or: bool) -> _Compiled | Invalid:
    try:
        return Cron(text, timezone, day_or)
    except Invalid as error:
        return error


@lru_cache(maxsize=16384)
def _rrule(text: str, timezone: str | None, anchor: datetime) -> _Compiled | Invalid:
    try:
        return RRule(text, timezone, anchor)
    except Invalid as error:
        return error


@lru_cache(maxsize=16384)
def _interval(step: timedelta, key: str, start: datetime, timezone: str | None) -> _Compiled | Invalid:
    # `key` tells equal instants in different zones apart, which `==` on aware datetimes does not.
    try:
        return Interval(step, start, timezone)
    except Invalid as error:
        return error
