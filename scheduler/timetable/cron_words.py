"""Cron in a few words: how often or on which days, at what times, in which zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from scheduler.timetable.word_parts import DAYS, MONTHS, clock, days_of_month, listed, ordinal, times_of_day

_NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTH_NAMES = ("", *(name.upper() for name in MONTHS))
_ITEM = re.compile(r"(\*|[a-z]+|\d{1,2})(?:-([a-z]+|\d{1,2}))?(?:/(\d{1,2}))?", re.IGNORECASE | re.ASCII)
# Compiled when first needed, for the first list on the screen seldom needs them.
_NTH_WEEKDAY = r"(?ia)([a-z]{3}|\d)#(\d)|l(\d)"
_SHORTER = (
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:s|nes|rs|ur)?day\b", r"\1"),
    (r"(\w+) through (\w+)", r"\1-\2"),
    (r"\bminutes\b", "min"),
    (r"\bhours\b", "h"),
    (r"\bseconds\b", "s"),
)


class _Often(NamedTuple):
    """How often within a day: `every 15 min` or nothing for single times, and `08:00-17:45` or the times."""

    words: str
    times: str


@lru_cache(maxsize=16384)
def cron_words(text: str, zone: str, day_or: bool) -> str:
    """A cron rule in words; what has no short ones is described at length, or shown as it is."""
    fields = _NAMES.get(text.strip().lower(), text).split()
    if len(fields) not in (5, 6) or not text.isascii():
        return f"{' '.join(fields)} {zone}".strip()
    short = _short(fields, zone) if len(fields) == 5 else None
    return short or _described(text, fields, zone, day_or)


def _short(fields: Sequence[str], zone: str) -> str | None:
    minutes, hours = _numbers(fields[0], 0, 59), _numbers(fields[1], 0, 23)
    often = _often(minutes, hours) if minutes and hours else None
    days = _days(*("*" if field == "?" else field for field in fields[2:]))
    if often is None or days is None:
        return None
    on, months = days
    if not often.words:
        return " ".join(word for word in (on or "daily", often.times, months, zone) if word)
    # What depends on no hour and no day happens at the same instants in every zone.
    words = [word for word in (on, often.times, months) if word]
    return " ".join([often.words, *words, zone] if words else [often.words])


def _often(minutes: list[int], hours: list[int]) -> _Often | None:
    if times := times_of_day(hours, minutes):
        return _Often("", times)
    if len(minutes) == 1:
        return _every_hours(minutes[0], hours)
    step = _step(minutes, 60)
    if step is None:
        return None
    words = "every minute" if step == 1 else f"every {step} min"
    if len(hours) == 24:
        return _Often(words, f"from :{minutes[0]:02}" if minutes[0] else "")
    if hours[-1] - hours[0] + 1 == len(hours):
        return _Often(words, f"{clock(hours[0], minutes[0])}-{clock(hours[-1], minutes[-1])}")
    return None


def _every_hours(minute: int, hours: list[int]) -> _Often | None:
    steps = {after - before for before, after in pairwise(hours)}
    if len(steps) != 1:
        return None
    step = steps.pop()
    words = "hourly" if step == 1 else f"every {step} h"
    if hours[0] == 0 and _step(hours, 24):
        return _Often(words, f"at :{minute:02}")
    return _Often(words, f"{clock(hours[0], minute)}-{clock(hours[-1], minute)}")


def _step(numbers: Sequence[int], size: int) -> int | None:
    """The n of numbers that come every n, also from the last to the first of the next round."""
    step = size // len(numbers)
    even = size % len(numbers) == 0 and numbers[0] < step
    return step if even and list(numbers) == list(range(numbers[0], size, step)) else None


def _days(day: str, month: str, weekday: str) -> tuple[str, str] | None:
    """On which days, and in which months; null when there are no short words."""
    months = _numbers(month, 1, 12, _MONTH_NAMES)
    if months is None or "*" not in (day, weekday):
        return None
    names = listed((number - 1 for number in months), MONTHS)
    seldom = f"in {names}" if len(months) < 12 else ""
    if weekday != "*":
        on = _on_weekdays(weekday)
        return None if on is None else (on, seldom)
    if day == "*":
        return "", seldom
    numbers = [-1] if day.lower() == "l" else _numbers(day, 1, 31)
    on = days_of_month(numbers) if numbers else None
    if on is None or not numbers:
        return None
    if not seldom:
        return f"monthly {on}", ""
    dated = len(months) == len(numbers) == 1 and numbers[0] > 0
    return (f"yearly {numbers[0]} {names}" if dated else f"{on} of {names}"), ""


def _on_weekdays(field: str) -> str | None:
    """`Mon-Fri`, `monthly 2nd Fri`; empty when it is every day."""
    if found := re.fullmatch(_NTH_WEEKDAY, field):
        days = _numbers(found[1] or found[3], 0, 7, _WEEKDAYS)
        number = int(found[2] or -1)
        return f"monthly {ordinal(number)} {DAYS[(days[0] - 1) % 7]}" if days and number else None
    numbers = _numbers(field, 0, 7, _WEEKDAYS)
    if not numbers:
        return None
    days = sorted({(number - 1) % 7 for number in numbers})
    return "" if len(days) == 7 else listed(days, DAYS)


def _numbers(field: str, low: int, high: int, names: Sequence[str] = ()) -> list[int] | None:
    """The numbers that a field of lists, ranges and steps stands for; null for anything else."""
    numbers: set[int] = set()
    for item in field.split(","):
        found = _ITEM.fullmatch(item)
        first, last, step = found.groups() if found else (None, None, None)
        start = low if first == "*" else _number(first, names)
        alone = high if first == "*" or step else start
        end = _number(last, names) if last else alone
        if names is _WEEKDAYS and last and end == 0:
            end = 7
        if start is None or end is None or not low <= start <= end <= high or step == "0":
            return None
        numbers.update(range(start, end + 1, int(step or 1)))
    return sorted(numbers)


def _number(text: str | None, names: Sequence[str]) -> int | None:
    if text is None or text.isdigit():
        return int(text) if text else None
    return names.index(text.upper()) if text.upper() in names else None


def _described(text: str, fields: list[str], zone: str, day_or: bool) -> str:
    from cron_descriptor import FormatError, Options, get_description  # type: ignore[import-untyped]

    if len(fields) == 6:
        # cron-descriptor has the seconds first.
        fields = [fields[-1], *fields[:-1]]
    try:
        words = str(get_description(" ".join(fields), Options(use_24hour_time_format=True)))
    except (FormatError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return f"{text} {zone}"
    for pattern, short in _SHORTER:
        words = re.sub(pattern, short, words)
    both = "" if day_or or "*" in (fields[-3], fields[-1]) else " (both days)"
    return f"{words[:1].lower()}{words[1:]}{both} {zone}"
