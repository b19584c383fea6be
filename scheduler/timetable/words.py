"""Rules in a few words, for a column of a list. Never raises: what it cannot put so, it shows as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scheduler.timetable.interval import parse_anchor
from store import schemas
from store.errors import Invalid

if TYPE_CHECKING:
    from store.schemas import ScheduleRule

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RRULE_DAYS = {"SU": "Sun", "MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat"}
_RRULE_UNITS = {
    "SECONDLY": ("s", "every second"),
    "MINUTELY": ("min", "every minute"),
    "HOURLY": ("h", "hourly"),
    "DAILY": ("d", "daily"),
    "WEEKLY": ("weeks", "weekly"),
    "MONTHLY": ("months", "monthly"),
    "YEARLY": ("years", "yearly"),
}
_NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MOST_TIMES = 4


def describe(rule: ScheduleRule) -> str:
    """A rule in short words, e.g. `every 15 min` or `daily at 09:00 Europe/Paris`.

    The zone is named wherever the words hold a time of day or a day; UTC when the rule has none.
    """
    if isinstance(rule, schemas.IntervalSchedule):
        return _interval(rule.interval, rule.anchor_date, rule.timezone)
    if isinstance(rule, schemas.CronSchedule):
        return _cron(rule.cron, rule.timezone or "UTC", rule.day_or)
    return _rrule(rule.rrule, rule.timezone)


def describe_kept(rule: Mapping[str, Any]) -> str:
    """The words of a rule as the store keeps it (JSON, an interval in seconds).

    Lists show thousands of them, and the first list is painted before pydantic is loaded.
    """
    timezone = rule.get("timezone")
    if "interval" in rule:
        return _interval(timedelta(seconds=rule["interval"]), rule.get("anchor_date"), timezone)
    if "cron" in rule:
        return _cron(rule["cron"], timezone or "UTC", rule.get("day_or", True))
    return _rrule(rule["rrule"], timezone)


def _interval(interval: timedelta, anchor_date: Any, timezone: str | None) -> str:
    seconds = interval.total_seconds()
    if seconds <= 0 or seconds != int(seconds):
        return f"every {seconds:g} s"
    left, words = int(seconds), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, left = divmod(left, size)
        if number:
            words.append(f"{number} {unit}")
    single = {"1 d": "day", "1 h": "hour", "1 min": "minute", "1 s": "second"}
    text = "every " + (single.get(words[0], words[0]) if len(words) == 1 else " ".join(words))
    # From a day on the time of day is kept in the zone, so both matter; below they do not.
    return text if seconds < 86400 else f"{text} {_anchored(anchor_date, timezone, seconds % 86400 == 0)}"


def _anchored(anchor_date: Any, timezone: str | None, same_time: bool) -> str:
    """The time of day, if every date has the same and the rule names it, and the zone."""
    try:
        anchor = None if anchor_date is None else parse_anchor(anchor_date)
    except Invalid:
        anchor = None
    if anchor is None:
        return timezone or "UTC"
    zone = timezone or str(anchor.tzinfo or "UTC")
    # An anchor in another zone than the schedule's shows another time there: then none is named.
    shown = same_time and (timezone is None or anchor.tzinfo is None)
    return f"at {anchor:%H:%M} {zone}" if shown else zone


@lru_cache(maxsize=16384)
def _cron(text: str, zone: str, day_or: bool) -> str:
    fields = _NAMES.get(text.strip().lower(), text).split()
    if len(fields) not in (5, 6) or not text.isascii():
        return f"{' '.join(fields)} {zone}".strip()
    short = _short_cron(fields, zone) if len(fields) == 5 else None
    return short or _described(text, fields, zone, day_or)


def _short_cron(fields: list[str], zone: str) -> str | None:
    minute, hour, day, month, weekday = fields
    if (day, month, weekday) == ("*", "*", "*"):
        frequent = _frequent(minute, hour, zone)
        if frequent:
            return frequent
    times = _times(minute, hour)
    if times is None:
        return None
    if (day, month) == ("*", "*"):
        if weekday == "*":
            return f"daily at {times} {zone}"
        days = _named(weekday, _DAYS, 0)
        return f"at {times} on {days} {zone}" if days else None
    if weekday != "*" or not (day.isdigit() or day.lower() == "l"):
        return None
    number = "the last day" if day.lower() == "l" else f"day {int(day)}"
    if month == "*":
        return f"monthly on {number} at {times} {zone}"
    months = _named(month, _MONTHS, 1)
    return f"on {number} of {months} at {times} {zone}" if months else None


def _frequent(minute: str, hour: str, zone: str) -> str | None:
    step = _step(minute, 60)
    if step and hour == "*":
        return "every minute" if step == 1 else f"every {step} min"
    if not (minute.isdigit() and int(minute) < 60):
        return None
    past = f"at :{int(minute):02}"
    if hour == "*":
        return f"hourly {past} {zone}"
    step = _step(hour, 24)
    return f"every {step} h {past} {zone}" if step else None


def _step(field: str, size: int) -> int | None:
    """The n of `*/n` if it divides the field evenly, 1 for `*`."""
    if field == "*":
        return 1
    found = re.fullmatch(r"\*/(\d+)", field, re.ASCII)
    step = int(found.group(1)) if found else 0
    return step if step and size % step == 0 else None


def _times(minute: str, hour: str) -> str | None:
    if not re.fullmatch(r"\d+(,\d+)*", minute, re.ASCII) or not re.fullmatch(r"\d+(,\d+)*", hour, re.ASCII):
        return None
    times = sorted({(int(h), int(m)) for h in hour.split(",") for m in minute.split(",")})
    if len(times) > _MOST_TIMES or any(h > 23 or m > 59 for h, m in times):
        return None
    return ", ".join(f"{h:02}:{m:02}" for h, m in times)


def _named(field: str, names: tuple[str, ...], first: int) -> str | None:
    """A list or range of numbers or names of days or months, in names; None for anything else."""
    parts = []
    for item in field.split(","):
        ends = [_name(end, names, first) for end in item.split("-")]
        if len(ends) > 2 or None in ends:
            return None
        parts.append("-".join(end for end in ends if end))
    return ", ".join(parts)


def _name(text: str, names: tuple[str, ...], first: int) -> str | None:
    if text.isdigit():
        number = int(text) - first
        if names is _DAYS:
            number %= 7 if number == 7 else 8
        return names[number] if 0 <= number < len(names) else None
    return text.capitalize() if text.capitalize() in names else None


def _described(text: str, fields: list[str], zone: str, day_or: bool) -> str:
    from cron_descriptor import FormatError, Options, get_description  # type: ignore[import-untyped]

    if len(fields) == 6:
        # cron-descriptor has the seconds first.
        fields = [fields[-1], *fields[:-1]]
    try:
        words = str(get_description(" ".join(fields), Options(use_24hour_time_format=True)))
    except (FormatError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return f"{text} {zone}"
    both = "" if day_or or "*" in (fields[-3], fields[-1]) else " (both days)"
    return f"{words[:1].lower()}{words[1:]}{both} {zone}"


def _rrule(text: str, timezone: str | None) -> str:
    lines = text.split()
    named = re.search(r"TZID=([^:;\s]+)", text, re.IGNORECASE)
    zone = timezone or (named.group(1) if named else "UTC")
    start = re.search(r"DTSTART[^:]*:\d{8}T(\d\d)(\d\d)", text, re.IGNORECASE)
    rules = [line.rpartition(":")[2] for line in lines if not line.upper().startswith("DTSTART")]
    short = _short_rrule(rules[0], start.groups() if start else None) if len(rules) == 1 else None
    return f"{short or ' '.join(lines)} {zone}"


@lru_cache(maxsize=16384)
def _short_rrule(text: str, start: tuple[str, str] | None) -> str | None:
    fields = dict(pair.partition("=")[::2] for pair in text.upper().split(";"))
    frequency = fields.get("FREQ", "")
    known = {"FREQ", "INTERVAL", "WKST", "BYDAY", "UNTIL", "COUNT"}
    by_day = frequency in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
    if by_day:
        known |= {"BYHOUR", "BYMINUTE"}
    if frequency == "MONTHLY":
        known |= {"BYMONTHDAY"}
    if frequency not in _RRULE_UNITS or fields.keys() - known:
        return None
    unit, single = _RRULE_UNITS[frequency]
    interval = fields.get("INTERVAL", "1")
    words = [single if interval == "1" else f"every {interval} {unit}"]
    days = [_RRULE_DAYS.get(day, "") for day in fields.get("BYDAY", "").split(",")]
    if "BYDAY" in fields:
        words.append("on " + ", ".join(days))
    if "BYMONTHDAY" in fields:
        words.append(f"on day {fields['BYMONTHDAY']}")
    times = None
    if by_day and (start or "BYHOUR" in fields):
        hour, minute = start or ("00", "00")
        times = _times(fields.get("BYMINUTE", minute), fields.get("BYHOUR", hour))
        words.append(f"at {times}")
    if "UNTIL" in fields:
        until = fields["UNTIL"]
        words.append(f"until {until[:4]}-{until[4:6]}-{until[6:8]}")
    if "COUNT" in fields:
        words.append(f"{fields['COUNT']} times")
    odd = ("BYDAY" in fields and "" in days) or ("BYHOUR" in fields and times is None)
    return None if odd else " ".join(words)
