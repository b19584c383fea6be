"""Cron schedules: croniter reads the rule and finds its odd days; the rest, and daylight saving, is ours."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from scheduler.timetable import zones
from store.errors import Invalid

if TYPE_CHECKING:
    from croniter import croniter as Croniter  # noqa: N812 (a class, named as one)

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_RANDOM_OR_HASHED = re.compile(r"[rh]([(/,\-].*)?", re.IGNORECASE)
_YEARS_BETWEEN = 50
"""croniter's own limit: 29 February on a given weekday can be forty years away."""
_FIELDS = (
    "minute (0-59)",
    "hour (0-23)",
    "day of the month (1-31)",
    "month (1-12, jan-dec)",
    "day of the week (0-7, sun-sat)",
    "second (0-59)",
)
_PROBE = datetime(2000, 1, 1)  # noqa: DTZ001 (labels are naive)


class Cron:
    """A compiled cron rule: what croniter accepts in five fields, or in six with seconds last.

    Daylight saving as in Debian's cron: a rule with neither minute nor hour starting with `*` is *fixed* and
    fires once per label; any other follows the clock on the wall.

    Args:
        text: the rule, or a name such as `@daily`.
        timezone: IANA name; none is UTC.
        day_or: whether day of month and day of week, both given, are alternatives (Prefect's default).

    Raises:
        Invalid: with Prefect's words, and the reason where croniter's own check would let the rule through.
    """

    def __init__(self, text: str, timezone: str | None, day_or: bool) -> None:
        self.zone = zones.zone(timezone)
        parsed = _parse(text, day_or)
        fields = [str(field) for field in parsed.expressions]
        self.fixed = not (fields[0].startswith("*") or fields[1].startswith("*"))
        expanded: list[list[Any]] = parsed.expanded
        self.minutes = _values(expanded[0], range(60))
        self.hours = _values(expanded[1], range(24))
        self.seconds = _values(expanded[5], range(60)) if len(expanded) > 5 else (0,)
        self._plain = _PlainDays.of(parsed, day_or)
        self._odd = _read(" ".join(["0", "0", *fields[2:5]]), day_or)
        if next(self._days(_PROBE.date()), None) is None:
            raise Invalid(f'Invalid cron string: "{text}": no date ever matches it', "cron")

    def instants(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """Instants not before `after`, in order; the caller stops."""
        if self.fixed:
            return zones.once(self._labels, self.zone, after)
        return zones.each_pass(self._labels, self.zone, after, before)

    def _labels(self, start: datetime) -> Iterator[datetime]:
        """All labels at or after `start`: an answer that depends on nothing else, hence path-independent."""
        if start.microsecond:
            start = start.replace(microsecond=0) + _SECOND
        first = start.date()
        for day in self._days(first):
            yield from self._times(day, start) if day == first else self._whole_day(day)

    def _whole_day(self, day: date) -> Iterator[datetime]:
        year, month, number = day.year, day.month, day.day
        for hour in self.hours:
            for minute in self.minutes:
                for second in self.seconds:
                    yield datetime(year, month, number, hour, minute, second)  # noqa: DTZ001 (a label)

    def _times(self, day: date, start: datetime) -> Iterator[datetime]:
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (a label)
        for hour in self.hours:
            if hour < start.hour:
                continue
            for minute in self.minutes:
                if hour == start.hour and minute < start.minute:
                    continue
                for second in self.seconds:
                    label = midnight.replace(hour=hour, minute=minute, second=second)
                    if label >= start:
                        yield label

    def _days(self, first: date) -> Iterator[date]:
        """The days at or after `first` that match; ends where none is found for fifty years."""
        if self._plain is not None:
            yield from self._plain.since(first)
            return
        from croniter import CroniterBadDateError

        # A croniter carries its position: each iteration gets a copy, so that threads share nothing.
        finder = copy.copy(self._odd)
        finder.set_current(datetime(first.year, first.month, first.day) - _SECOND)  # noqa: DTZ001
        while True:
            try:
                yield finder.get_next(datetime).date()
            except CroniterBadDateError:
                return


class _PlainDays(NamedTuple):
    """Days given by numbers alone. Without `L`, `W` or `#` a look at the day tells, ten times as fast."""

    months: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    @classmethod
    def of(cls, parsed: Croniter, day_or: bool) -> _PlainDays | None:
        """The plain days of a rule as croniter read it; None when it has others."""
        days, months, weekdays = parsed.expanded[2:5]
        special = (
            parsed.nth_weekday_of_month or "l" in days or any("w" in str(f) for f in parsed.expressions[2:3])
        )
        if special:
            return None
        return cls(
            frozenset(_values(months, range(1, 13))),
            frozenset(_values(days, range(1, 32))),
            frozenset(_values(weekdays, range(7))),
            day_or and days[0] != "*" and weekdays[0] != "*",
        )

    def since(self, day: date) -> Iterator[date]:
        """The days at or after `day`; ends where none is found for fifty years."""
        last = day.year + _YEARS_BETWEEN
        while day.year <= last:
            if day.month not in self.months:
                day = (day.replace(day=1) + 32 * _DAY).replace(day=1)
                continue
            in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
            if (in_month or in_week) if self.either else (in_month and in_week):
                yield day
                last = day.year + _YEARS_BETWEEN
            day += _DAY


def _parse(text: str, day_or: bool) -> Croniter:
    fields = text.split()
    for field in fields:
        if any(_RANDOM_OR_HASHED.fullmatch(part) for part in field.split(",")):
            raise Invalid(f'Random and Hashed expressions are unsupported, received: "{text}"', "cron")
    if text.strip().lower() == "@reboot":
        raise Invalid(f'Invalid cron string: "{text}": a start of the machine is no time', "cron")
    if len(fields) == 7:
        raise Invalid(
            f'Invalid cron string: "{text}": seven fields (a year); give five, or six with seconds last',
            "cron",
        )
    try:
        return _read(text.strip(), day_or)
    except (ValueError, KeyError, IndexError) as error:
        reason = _reason(fields, day_or)
        raise Invalid(f'Invalid cron string: "{text}"{reason and ": " + reason}', "cron") from error


def _reason(fields: list[str], day_or: bool) -> str:
    """What croniter objects to, where one thing alone tells; else empty."""
    if not fields or fields[0].startswith("@"):
        return ""
    if len(fields) not in (5, 6):
        count = "one field" if len(fields) == 1 else f"{len(fields)} fields"
        return f"{count}; give five, or six with seconds last"
    for index, field in enumerate(fields):
        alone = ["*"] * len(fields)
        alone[index] = field
        try:
            _read(" ".join(alone), day_or)
        except (ValueError, KeyError, IndexError):
            return f"`{field}` is no {_FIELDS[index]}"
    return ""


def _read(text: str, day_or: bool) -> Croniter:
    # Imported here because croniter takes 30 ms to import, which the first screen need not wait for.
    from croniter import croniter

    return croniter(text, _PROBE, day_or=day_or)


def _values(field: Sequence[Any], whole: range) -> tuple[int, ...]:
    return tuple(whole) if field == ["*"] else tuple(int(value) for value in field)
