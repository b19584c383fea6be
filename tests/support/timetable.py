"""Short ways to write rules and instants, and a slow second opinion on daylight saving."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.timetable import occurrences
from store.schemas import CronSchedule, IntervalSchedule, RRuleSchedule, ScheduleRule

MADE = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    """An instant written without zone, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(text: str, zone: str | None = None, **fields: bool) -> CronSchedule:
    return CronSchedule(cron=text, timezone=zone, **fields)


def rrule(text: str, zone: str | None = None) -> RRuleSchedule:
    return RRuleSchedule(rrule=text, timezone=zone)


def interval(zone: str | None = None, anchor: str | None = None, **step: float) -> IntervalSchedule:
    return IntervalSchedule(interval=timedelta(**step), anchor_date=anchor, timezone=zone)


def between(
    rule: ScheduleRule, after: datetime, before: datetime | None, limit: int = 10**9
) -> list[datetime]:
    return occurrences(rule, after=after, before=before, limit=limit, anchor=MADE)


def shown(rule: ScheduleRule, after: str, limit: int, zone: str = "UTC") -> list[str]:
    """The first instants from `after` (UTC) on, as a clock in `zone` shows them, with the offset."""
    found = between(rule, utc(after), None, limit)
    return [instant.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M%z") for instant in found]


def changes(zone: str, year: int) -> list[datetime]:
    """The instants, to the minute, at which the clocks of a zone change in a year."""
    where, found = ZoneInfo(zone), []
    instant = datetime(year, 1, 1, tzinfo=UTC)
    offset = instant.astimezone(where).utcoffset()
    while instant.year == year:
        instant += 10 * MINUTE
        if instant.astimezone(where).utcoffset() != offset:
            offset = instant.astimezone(where).utcoffset()
            found.append(instant)
    return found


def watched(
    matches: Callable[[datetime], bool], zone: str, after: datetime, before: datetime, *, fixed: bool
) -> Iterator[datetime]:
    """Somebody who watches a clock on the wall minute by minute and rings when its label matches.

    A fixed-time ringer stays silent while the clock shows times for the second time, and makes up at once for
    labels that the clock jumped over.
    """
    where = ZoneInfo(zone)
    instant = after
    while instant <= before:
        label = instant.astimezone(where)
        previous = (instant - MINUTE).astimezone(where)
        jumped = []
        missing = previous.replace(tzinfo=None) + MINUTE
        while fixed and missing < label.replace(tzinfo=None):
            jumped.append(missing)
            missing += MINUTE
        if (matches(label.replace(tzinfo=None)) and not (fixed and label.fold)) or any(map(matches, jumped)):
            yield instant
        instant += MINUTE
