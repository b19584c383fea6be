"""One RRULE line (RFC 5545): read by dateutil, begun near the window asked for, and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dateutil.rrule import rrule as DateutilRule  # noqa: N812 (a class, named as one)

MAX_COUNTED = 100_000
NOTHING = "nothing ever matches it"
WILDCARD = ("HOURLY", "MINUTELY", "SECONDLY")
"""Frequencies that follow the clock on the wall, as wildcard cron does."""

_YEARS_COUNTED = 200
_YEARS_SEARCHED = 60
_CYCLE_YEARS = 400
_UNITS = {
    "WEEKLY": timedelta(weeks=1),
    "DAILY": timedelta(days=1),
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
    "SECONDLY": timedelta(seconds=1),
}
_FREQUENCIES = ("YEARLY", "MONTHLY", *_UNITS)
_RANGES = {
    "BYSECOND": range(60),
    "BYMINUTE": range(60),
    "BYHOUR": range(24),
    "BYMONTH": range(1, 13),
    "BYMONTHDAY": range(1, 32),
    "BYYEARDAY": range(1, 367),
    "BYWEEKNO": range(1, 54),
    "BYSETPOS": range(1, 367),
}
_FROM_THEEND = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})
_DAY_PARTS = frozenset({"BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYWEEKDAY"})
_DAY_FILTERS = (*sorted(_DAY_PARTS), "BYMONTH", "WKST")
END = datetime(9999, 12, 31)  # noqa: DTZ001 (labels are naive)
_LAST = datetime(9990, 1, 1)  # noqa: DTZ001
"""Nearer to the end of its calendar dateutil stumbles over the year 10000."""


class Recurrence(NamedTuple):
    """A compiled RRULE or EXRULE line. Its COUNT is turned into `until`.

    Of a rule below DAILY that is limited to certain days, `days` finds the days and `rule` the times, limited
    to none: dateutil would step through the hours, minutes or seconds of all days in between.
    """

    rule: DateutilRule
    days: DateutilRule | None
    frequency: str
    interval: int
    start: datetime
    until: datetime | None

    def labels(self, first: datetime) -> Iterator[datetime]:
        """Labels at or after `first`, in order."""
        first = max(first, self.start)
        for label in self._since(first) if self.days is None else self._on_days(first, self.days):
            if label > (self.until or _LAST):
                return
            yield label

    def _since(self, first: datetime) -> Iterator[datetime]:
        """Labels of `rule` at or after `first`, from a start advanced in phase: no walk over the past."""
        if self.until is not None and first > self.until:
            return
        for label in self.rule.replace(dtstart=self._advanced(first)):
            if label >= first:
                yield label

    def _on_days(self, first: datetime, days: DateutilRule) -> Iterator[datetime]:
        """Labels of `rule` at or after `first` that fall on one of `days`."""
        source: Iterator[datetime] = iter(())
        label: datetime | None = None
        for midnight in days.replace(dtstart=_midnight(first.date())):
            day = midnight.date()
            if label is None or label.date() < day:
                source = self._since(max(first, midnight))
                label = next(source, None)
            if label is None:
                return
            while label is not None and label.date() == day:
                yield label
                label = next(source, None)
            if self.until is not None and midnight > self.until:
                return

    def _advanced(self, first: datetime) -> datetime:
        """The latest start of a period at least one whole period before `first`, in the phase of `start`.

        The period in between makes up for periods that dateutil begins in their middle (a week from its
        Wednesday, say): what it finds there lies before `first` and is dropped.
        """
        if self.frequency == "YEARLY":
            steps = (first.year - self.start.year) // self.interval - 1
            year = self.start.year + steps * self.interval
            return self.start.replace(year=year, month=1, day=1) if steps > 0 else self.start
        if self.frequency == "MONTHLY":
            months = (first.year - self.start.year) * 12 + first.month - self.start.month
            steps = months // self.interval - 1
            year, month = divmod(self.start.year * 12 + self.start.month - 1 + steps * self.interval, 12)
            return self.start.replace(year=year, month=month + 1, day=1) if steps > 0 else self.start
        period = self.interval * _UNITS[self.frequency]
        steps = (first - self.start) // period - 1
        return self.start + steps * period if steps > 0 else self.start


def read_recurrence(text: str, start: datetime) -> Recurrence:
    """A rule line, checked: `FREQ=...;...`.

    Args:
        text: the line without `RRULE:`, all its times labels of one zone.
        start: its DTSTART, a label.

    Raises:
        ValueError: in words, or dateutil's; so are its KeyError, IndexError, TypeError and OverflowError.
    """
    fields = _fields(text)
    frequency, interval = fields["FREQ"], int(fields.get("INTERVAL", "1"))
    count = int(fields.pop("COUNT")) if "COUNT" in fields else None
    until = min(read_dates(fields.pop("UNTIL"))) if "UNTIL" in fields else None
    if interval < 1 or (count is not None and count < 1):
        raise ValueError("INTERVAL and COUNT must be at least 1")
    _check_positions(fields, frequency)
    simple = not any(name.startswith("BY") for name in fields)
    days = _take_days(fields, start) if frequency in WILDCARD else None
    _name_the_day(fields, frequency, start)
    found = Recurrence(_parsed(fields, start), days, frequency, interval, start, until)
    _must_match_sometime(found)
    if count is None:
        return found
    last = _last_counted(found._replace(until=None), count, simple)
    return found._replace(until=last if until is None else min(until, last))


def read_dates(values: str) -> list[datetime]:
    """RFC 5545 or ISO dates; never dateutil's guesses, which fill what is missing from today's date.

    Raises:
        ValueError: not dates, or with an offset.
    """
    found = [datetime.fromisoformat(value) for value in values.split(",")]
    for value in found:
        if value.tzinfo is not None:
            raise ValueError(f"a time with an offset ({value.isoformat()}); write it in UTC (Z) or use TZID")
    return found


def _fields(text: str) -> dict[str, str]:
    """NAME=VALUE pairs of a rule line, with the checks that dateutil leaves out or answers in riddles."""
    fields: dict[str, str] = {}
    for pair in text.strip(";").upper().split(";"):
        name, equals, content = pair.partition("=")
        if not equals or name in fields:
            raise ValueError(f"{pair!r} is not of the form NAME=VALUE, or is there twice")
        fields[name] = content
        allowed = _RANGES.get(name)
        for item in content.split(",") if allowed else ():
            number = int(item)
            if (abs(number) if name in _FROM_THEEND else number) not in (allowed or ()):
                raise ValueError(f"{name}={item} is out of range")
    if fields.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"FREQ must be one of {', '.join(_FREQUENCIES)}")
    if "BYEASTER" in fields:
        raise ValueError("BYEASTER is not part of RFC 5545")
    return fields


def _check_positions(fields: dict[str, str], frequency: str) -> None:
    """Refuse a BYSETPOS that no hour, minute or second has: dateutil would look in each of them."""
    if frequency not in WILDCARD or "BYSETPOS" not in fields:
        return
    within = {"HOURLY": ("BYMINUTE", "BYSECOND"), "MINUTELY": ("BYSECOND",), "SECONDLY": ()}[frequency]
    size = 1
    for name in within:
        size *= len(set(fields.get(name, "0").split(",")))
    if all(abs(int(position)) > size for position in fields["BYSETPOS"].split(",")):
        raise ValueError(NOTHING)


def _take_days(fields: dict[str, str], start: datetime) -> DateutilRule | None:
    """Take what limits the days out of the fields of a rule, as a daily rule; None when nothing does."""
    taken = {name: fields.pop(name) for name in _DAY_FILTERS if name in fields}
    if not taken.keys() - {"WKST"}:
        return None
    return _parsed({"FREQ": "DAILY", **taken}, _midnight(start.date()))


def _name_the_day(fields: dict[str, str], frequency: str, start: datetime) -> None:
    """Write down what dateutil would derive from the start, which `_advanced` moves to another day."""
    if frequency in ("YEARLY", "MONTHLY") and not _DAY_PARTS & fields.keys():
        fields["BYMONTHDAY"] = str(start.day)
        if frequency == "YEARLY":
            fields.setdefault("BYMONTH", str(start.month))


def _parsed(fields: dict[str, str], start: datetime) -> DateutilRule:
    from dateutil.rrule import rrule, rrulestr

    rule = rrulestr(";".join(f"{name}={content}" for name, content in fields.items()), dtstart=start)
    if not isinstance(rule, rrule):
        raise ValueError("one rule on a line, please")
    return rule


def _must_match_sometime(found: Recurrence) -> None:
    """Refuse a rule that no date matches.

    Left alone, dateutil looks on until the year 9999, period by period. The calendar repeats every 400
    years, so the same rule begun close to that end shows the same dates, and a vain search ends soon.
    """
    dated = found.rule if found.days is None else found.days
    begun = found.start if found.days is None else _midnight(found.start.date())
    cycles = (END.year - begun.year) // _CYCLE_YEARS
    late = begun.replace(year=begun.year + cycles * _CYCLE_YEARS)
    if next(iter(dated.replace(dtstart=late)), None) is None:
        raise ValueError(NOTHING)
    if found.days is not None:
        # There are such days, and times; here they must meet (every 168 hours from a Monday, on Tuesdays).
        searched = found._replace(until=found.start + timedelta(days=366 * _YEARS_SEARCHED))
        if next(searched.labels(found.start), None) is None:
            raise ValueError(NOTHING)


def _last_counted(found: Recurrence, count: int, simple: bool) -> datetime:
    """The label with number `count`: with it known, no evaluation needs to count from the start again."""
    if simple and found.frequency in _UNITS:
        return found.start + (count - 1) * found.interval * _UNITS[found.frequency]
    if count > MAX_COUNTED:
        raise ValueError(f"COUNT is above {MAX_COUNTED:,}; use UNTIL")
    last = found.start
    for last in islice(found.labels(found.start), count):
        if last.year > found.start.year + _YEARS_COUNTED:
            return END
    return last


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
