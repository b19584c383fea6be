"""RFC 5545 rules in a few words, in the order that cron's have: days, times, zone, then when it ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from scheduler.timetable.word_parts import DAYS, MONTHS, days_of_month, listed, ordinal, times_of_day

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_UNITS = {
    "SECONDLY": ("every second", "s"),
    "MINUTELY": ("every minute", "min"),
    "HOURLY": ("hourly", "h"),
    "DAILY": ("daily", "days"),
    "WEEKLY": ("weekly", "weeks"),
    "MONTHLY": ("monthly", "months"),
    "YEARLY": ("yearly", "years"),
}
_WITHIN_DAYS = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
_KNOWN = frozenset(
    {
        *("FREQ", "INTERVAL", "WKST", "UNTIL", "COUNT"),
        *("BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR", "BYMINUTE", "BYSECOND"),
    }
)
# Compiled when first needed, for the first list on the screen may have no such rule.
_START = r"(?ia)DTSTART[^:\s]*:(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?(?!\S)"
_WEEKDAY = r"(?a)([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)"
_WEEK = list(range(7))
_WORKING_DAYS = list(range(5))


class _Start(NamedTuple):
    """What a DTSTART tells about the days and times of a rule that names none."""

    year: int
    month: int
    day: int
    hour: int
    minute: int

    @property
    def weekday(self) -> int:
        """From 0, Monday."""
        return date(self.year, self.month, self.day).weekday()


class _Weekdays(NamedTuple):
    """BYDAY and BYSETPOS: days from 0 (Monday), and which of them in the month (empty: each)."""

    days: list[int]
    which: list[int]


def rrule_words(text: str, timezone: str | None) -> str:
    """A rule in words; several lines, and parts that have no short words, are shown as they are."""
    named = re.search(r"TZID=([^:;\s]+)", text, re.IGNORECASE)
    zone = timezone or (named[1] if named else "UTC")
    lines = text.split()
    rules = [line.rpartition(":")[2] for line in lines if not line.upper().startswith("DTSTART")]
    short = None
    if len(rules) == 1 and text.isascii():
        short = _short(rules[0].upper(), _start(text, zone), zone)
    return short or f"{' '.join(lines)} {zone}"


def _start(text: str, zone: str) -> _Start | None:
    """The DTSTART; null without one, and for an instant that another zone's clocks show differently."""
    found = re.search(_START, text)
    if not found or (found[6] and zone != "UTC"):
        return None
    start = _Start(*(int(number or 0) for number in found.groups()[:5]))
    try:
        date(start.year, start.month, start.day)
    except ValueError:
        return None
    return start


@lru_cache(maxsize=16384)
def _short(rule: str, start: _Start | None, zone: str) -> str | None:
    fields = {name: value for name, _, value in (pair.partition("=") for pair in rule.split(";"))}
    frequency, interval = fields.get("FREQ", ""), fields.get("INTERVAL", "1")
    if frequency not in _UNITS or fields.keys() - _KNOWN or fields.get("BYSECOND", "0") not in ("0", "00"):
        return None
    ends = _ends(fields)
    if ends is None or not re.fullmatch(r"[1-9]\d{0,8}", interval):
        return None
    words = _within_days if frequency in _WITHIN_DAYS else _over_days
    said = words(fields, frequency, int(interval), start, zone)
    return said and ", ".join([said, *ends])


def _ends(fields: Mapping[str, str]) -> list[str] | None:
    ends = []
    if "COUNT" in fields:
        count = fields["COUNT"]
        if not re.fullmatch(r"\d{1,9}", count):
            return None
        ends.append("once" if int(count) == 1 else f"{int(count)} times")
    if "UNTIL" in fields:
        until = re.match(r"(\d{4})(\d\d)(\d\d)(?:T|$)", fields["UNTIL"])
        if until is None:
            return None
        ends.append(f"until {'-'.join(until.groups())}")
    return ends


def _every(frequency: str, interval: int) -> str:
    adverb, unit = _UNITS[frequency]
    return adverb if interval == 1 else f"every {interval} {unit}"


def _within_days(
    fields: Mapping[str, str], frequency: str, interval: int, start: _Start | None, zone: str
) -> str | None:
    """`every 10 min`, `hourly at :40 Mon-Fri`."""
    named = fields.keys() & {"BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR"}
    weekdays = _weekdays(fields)
    if named or weekdays is None or weekdays.which or ("BYMINUTE" in fields and frequency != "HOURLY"):
        return None
    words = [_every(frequency, interval)]
    if frequency == "HOURLY" and (start or "BYMINUTE" in fields):
        minutes = _numbers(fields.get("BYMINUTE", str(start.minute if start else 0)), 59)
        if minutes is None or len(minutes) != 1:
            return None
        words.append(f"at :{minutes[0]:02}")
    if weekdays.days:
        words.append(listed(weekdays.days, DAYS))
    # What depends on no clock and no day happens at the same instants in every zone.
    return " ".join([*words, zone] if len(words) > 1 else words)


def _over_days(
    fields: Mapping[str, str], frequency: str, interval: int, start: _Start | None, zone: str
) -> str | None:
    """`Mon-Fri 09:00`, `monthly 1st Mon 08:30`, `every 2 weeks on Mon 07:00`."""
    days, times = _days(fields, frequency, interval, start), _times(fields, start)
    months = _numbers(fields.get("BYMONTH", ""), 12)
    if days is None or times is None or months is None:
        return None
    if interval > 1:
        when = f"{_every(frequency, interval)} on {days}" if days else _every(frequency, interval)
    elif days and _is_each_week(fields, frequency):
        when = days
    else:
        when = f"{_every(frequency, interval)} {days}".strip()
    seldom = f"in {listed((n - 1 for n in months), MONTHS)}" if months and frequency != "YEARLY" else ""
    return " ".join(word for word in (when, times, seldom, zone) if word)


def _is_each_week(fields: Mapping[str, str], frequency: str) -> bool:
    """Whether its days are those of each week, so that their names alone say how often it is."""
    weekdays = _weekdays(fields)
    by_month = frequency == "MONTHLY" and not (weekdays and weekdays.days and not weekdays.which)
    return frequency != "YEARLY" and not by_month


def _days(fields: Mapping[str, str], frequency: str, interval: int, start: _Start | None) -> str | None:
    """On which days, empty when that goes without saying; null when there are no short words."""
    weekdays, dates = _weekdays(fields), _numbers(fields.get("BYMONTHDAY", ""), 31)
    if weekdays is None or dates is None or (weekdays.days and dates):
        return None
    if frequency == "YEARLY":
        return _days_of_year(fields, weekdays, dates, start)
    if frequency == "MONTHLY":
        return _days_of_month(weekdays, dates, interval, start)
    if dates or weekdays.which or (frequency == "DAILY" and interval > 1 and weekdays.days):
        return None
    if frequency == "WEEKLY" and not weekdays.days and start:
        return DAYS[start.weekday]
    return listed(weekdays.days, DAYS)


def _days_of_month(weekdays: _Weekdays, dates: list[int], interval: int, start: _Start | None) -> str | None:
    if weekdays.which:
        return _nth(weekdays)
    if weekdays.days:
        return listed(weekdays.days, DAYS) if interval == 1 else None
    if not dates and start:
        dates = [start.day]
    return days_of_month(dates) if dates else ""


def _days_of_year(
    fields: Mapping[str, str], weekdays: _Weekdays, dates: list[int], start: _Start | None
) -> str | None:
    months = _numbers(fields.get("BYMONTH", ""), 12)
    if not fields.keys() & {"BYMONTH", "BYMONTHDAY", "BYDAY"}:
        return f"{start.day} {MONTHS[start.month - 1]}" if start else ""
    if not months or len(months) > 1:
        return None
    name = MONTHS[months[0] - 1]
    if weekdays.days:
        nth = _nth(weekdays) if weekdays.which else None
        return nth and f"{nth} of {name}"
    days = dates or ([start.day] if start else [])
    if not days:
        return f"in {name}"
    return f"{days[0]} {name}" if len(days) == 1 and days[0] > 0 else None


def _nth(weekdays: _Weekdays) -> str | None:
    """`1st Mon`, `last working day`, `1st, 3rd Fri`."""
    which = ", ".join(map(ordinal, sorted(weekdays.which, key=lambda number: (number < 0, number))))
    named = {tuple(_WEEK): "day", tuple(_WORKING_DAYS): "working day"}
    if len(weekdays.days) == 1:
        return f"{which} {DAYS[weekdays.days[0]]}"
    noun = named.get(tuple(weekdays.days))
    return noun and f"{which} {noun}"


def _weekdays(fields: Mapping[str, str]) -> _Weekdays | None:
    """BYDAY with BYSETPOS; null when they are combined in a way that has no short words."""
    positions = _numbers(fields.get("BYSETPOS", ""), 31)
    found = [re.fullmatch(_WEEKDAY, item) for item in fields.get("BYDAY", "").split(",")]
    if "BYDAY" not in fields:
        return None if positions is None or positions else _Weekdays([], [])
    days = sorted({_CODES.index(item[2]) for item in found if item})
    numbered = [int(item[1]) for item in found if item and item[1]]
    mixed = numbered and (len(numbered) < len(found) or len(days) > 1 or positions or 0 in numbered)
    # BYSETPOS counts times too, if a day has several.
    among_times = positions and "," in fields.get("BYHOUR", "") + fields.get("BYMINUTE", "")
    if None in found or positions is None or mixed or among_times:
        return None
    return _Weekdays(days, numbered or positions)


def _times(fields: Mapping[str, str], start: _Start | None) -> str | None:
    """`06:30, 12:30`, empty when no time is named; null when there are no short words."""
    if start is None and "BYMINUTE" in fields and "BYHOUR" not in fields:
        return None
    if start is None and "BYHOUR" not in fields:
        return ""
    hours = _numbers(fields.get("BYHOUR", str(start.hour if start else 0)), 23)
    if not hours:
        return None
    if start is None and "BYMINUTE" not in fields:
        # The minute is that of the moment when the schedule was made.
        return f"in hour {', '.join(map(str, hours))}"
    minutes = _numbers(fields.get("BYMINUTE", str(start.minute if start else 0)), 59)
    return times_of_day(hours, minutes) if minutes else None


def _numbers(text: str, most: int) -> list[int] | None:
    """A list of numbers up to `most` either way; empty for no text, null for anything else."""
    if not text:
        return []
    if not re.fullmatch(r"[+-]?\d{1,2}(,[+-]?\d{1,2})*", text):
        return None
    numbers = sorted({int(number) for number in text.split(",")})
    return numbers if max(map(abs, numbers)) <= most else None
