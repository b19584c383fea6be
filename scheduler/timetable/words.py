"""Rules in a few words, for a column of a list. Never raises: what it cannot put so, it shows as it is.

How often or on which days comes first, then the times, then the zone: `Mon-Fri 06:00 Europe/Paris`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from scheduler.timetable.cron_words import cron_words
from scheduler.timetable.interval import parse_anchor
from scheduler.timetable.rrule_words import rrule_words
from scheduler.timetable.word_parts import DAYS
from store import schemas
from store.errors import Invalid

if TYPE_CHECKING:
    from store.schemas import ScheduleRule

_DAY, _WEEK = 86400, 7 * 86400
_SINGLE = {1: "every second", 60: "every minute", 3600: "hourly", _DAY: "daily", _WEEK: "weekly"}


def describe(rule: ScheduleRule) -> str:
    """A rule in short words, e.g. `every 15 min` or `daily 09:00 Europe/Paris`.

    The zone is named wherever the words hold a time of day or a day; UTC when the rule has none.
    """
    if isinstance(rule, schemas.IntervalSchedule):
        return _interval(rule.interval, rule.anchor_date, rule.timezone)
    if isinstance(rule, schemas.CronSchedule):
        return cron_words(rule.cron, rule.timezone or "UTC", rule.day_or)
    return rrule_words(rule.rrule, rule.timezone)


def describe_kept(rule: Mapping[str, Any]) -> str:
    """The words of a rule as the store keeps it (JSON, an interval in seconds).

    Lists show thousands of them, and the first list is painted before pydantic is loaded.
    """
    timezone = rule.get("timezone")
    if "interval" in rule:
        return _interval(timedelta(seconds=rule["interval"]), rule.get("anchor_date"), timezone)
    if "cron" in rule:
        return cron_words(rule["cron"], timezone or "UTC", rule.get("day_or", True))
    return rrule_words(rule["rrule"], timezone)


def _interval(interval: timedelta, anchor_date: Any, timezone: str | None) -> str:
    seconds = interval.total_seconds()
    if seconds <= 0 or seconds != int(seconds):
        return f"every {seconds:g} s"
    # From a day on the time of day is kept in the zone, so both matter; below they do not.
    return _every(int(seconds)) if seconds < _DAY else _of_days(int(seconds), anchor_date, timezone)


def _of_days(seconds: int, anchor_date: Any, timezone: str | None) -> str:
    """`daily 09:00 Europe/Paris`, `Mon 09:00 UTC`, `every 2 weeks on Mon 09:00 UTC`."""
    every = _every(seconds)
    try:
        anchor = None if anchor_date is None else parse_anchor(anchor_date)
    except Invalid:
        anchor = None
    if anchor is None:
        return f"{every} {timezone or 'UTC'}"
    zone = timezone or str(anchor.tzinfo or "UTC")
    # An anchor in another zone than the schedule's shows another time there: then none is named.
    if seconds % _DAY or not (timezone is None or anchor.tzinfo is None):
        return f"{every} {zone}"
    time = f"{anchor:%H:%M} {zone}"
    if seconds % _WEEK:
        return f"{every} {time}"
    day = DAYS[anchor.weekday()]
    return f"{day} {time}" if seconds == _WEEK else f"{every} on {day} {time}"


def _every(seconds: int) -> str:
    """`hourly`, `every 2 weeks`, `every 1 h 30 min`."""
    if seconds in _SINGLE:
        return _SINGLE[seconds]
    for size, unit in ((_WEEK, "weeks"), (_DAY, "days")):
        if seconds % size == 0:
            return f"every {seconds // size} {unit}"
    left, words = seconds, []
    for size, unit in ((_DAY, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, left = divmod(left, size)
        if number:
            words.append(f"{number} {unit}")
    return "every " + " ".join(words)
