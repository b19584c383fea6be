"""RRULE schedules (RFC 5545): dateutil reads and iterates; zones, phase advance and bounds are ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from scheduler.timetable import zones
from store.errors import Invalid

if TYPE_CHECKING:
    from dateutil.rrule import rrule as DateutilRule  # noqa: N812 (a class, named as one)

MAX_LENGTH = 6500
MAX_COUNTED = 100_000
NOTHING = "nothing ever matches it"
_YEARS_COUNTED = 200
_CYCLE_YEARS = 400
_UNITS = {
    "WEEKLY": timedelta(weeks=1),
    "DAILY": timedelta(days=1),
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
    "SECONDLY": timedelta(seconds=1),
}
_FREQUENCIES = ("YEARLY", "MONTHLY", *_UNITS)
_WILDCARD = ("HOURLY", "MINUTELY", "SECONDLY")
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
_FROM_THE_END = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})
_DAY_PARTS = frozenset({"BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYWEEKDAY", "BYEASTER"})
_END = datetime(9999, 12, 31)  # noqa: DTZ001 (labels are naive)


class Part(NamedTuple):
    """One RRULE or EXRULE line, with its COUNT turned into `until`."""

    rule: DateutilRule
    frequency: str
    interval: int
    start: datetime
    until: datetime | None

    def labels(self, first: datetime) -> Iterator[datetime]:
        """Labels at or after `first`, from a start advanced in phase: no walk over the past."""
        if self.until is not None and first > self.until:
            return
        rule = self.rule.replace(dtstart=self._advanced(first))
        for label in rule:
            if self.until is not None and label > self.until:
                return
            if label >= first:
                yield label

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


class RRule:
    """A compiled recurrence rule: RRULE, EXRULE, RDATE and EXDATE lines evaluated on labels of one zone.

    A rule of which every RRULE is DAILY or longer fires like fixed-time cron, any other like wildcard cron.
    `timezone` wins over a TZID (the label stays); a time that ends in Z is an instant and is converted.

    Args:
        text: lines separated by whitespace, or a bare `FREQ=...`.
        timezone: IANA name; default the TZID of DTSTART, else UTC.
        anchor: instant from which a rule without DTSTART starts.

    Raises:
        Invalid: in Prefect's words, followed by the reason.
    """

    def __init__(self, text: str, timezone: str | None, anchor: datetime) -> None:
        if len(text) > MAX_LENGTH:
            raise refusal(text[:40] + "...", f"max length is {MAX_LENGTH}, got {len(text)}")
        named = re.search(r";TZID=([^:;\s]+)", text, re.IGNORECASE)
        self.zone = zones.zone(timezone or (named.group(1) if named else None))
        default = zones.local(anchor.astimezone(UTC).replace(tzinfo=None, microsecond=0), self.zone)
        try:
            self._read(_on_labels(text, self.zone), default)
        except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
            raise refusal(text, str(error)) from error

    def instants(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """Instants not before `after`, in order; the caller stops."""
        if self.wildcard:
            return zones.each_pass(self._labels, self.zone, after, before)
        return zones.once(self._labels, self.zone, after)

    def _read(self, text: str, default: datetime) -> None:
        start: datetime | None = None
        rules: list[str] = []
        exrules: list[str] = []
        dates: set[datetime] = set()
        self._excluded: set[datetime] = set()
        for line in text.split():
            name, _, value = line.rpartition(":")
            name, *extra = (name or "RRULE").upper().split(";")
            if name == "DTSTART":
                (start,) = _dates(value)
            elif name == "RDATE":
                dates.update(_dates(value))
            elif name == "EXDATE":
                self._excluded.update(_dates(value))
            elif name in ("RRULE", "EXRULE"):
                (rules if name == "RRULE" else exrules).append(value)
            else:
                raise ValueError(f"unsupported property: {name}")
            if any(not item.startswith(("VALUE=DATE", "X-")) for item in extra):
                raise ValueError(f"unsupported parameter: {';'.join(extra)}")
        if not rules and not dates:
            raise ValueError("it has no RRULE and no RDATE")
        self._parts = [_part(value, start or default) for value in rules]
        self._exparts = [_part(value, start or default) for value in exrules]
        self._dates = sorted(dates)
        self.wildcard = any(part.frequency in _WILDCARD for part in self._parts)
        # One that starts when its schedule is made may rightly be over by then; this one never began.
        if start and not any(kept for _, kept in islice(self._judged(min([start, *dates])), MAX_COUNTED)):
            raise ValueError(NOTHING)

    def _labels(self, first: datetime) -> Iterator[datetime]:
        return (label for label, kept in self._judged(first) if kept)

    def _judged(self, first: datetime) -> Iterator[tuple[datetime, bool]]:
        """Every label that an RRULE or RDATE names, and whether no EXRULE or EXDATE takes it away."""
        exceptions = merge(*(part.labels(first) for part in self._exparts))
        exception = next(exceptions, None)
        dates = (label for label in self._dates if label >= first)
        for label in merge(*(part.labels(first) for part in self._parts), dates):
            while exception is not None and exception < label:
                exception = next(exceptions, None)
            yield label, label != exception and label not in self._excluded


def refusal(text: str, reason: str) -> Invalid:
    """The error for a rule, in Prefect's words and on one line."""
    shown = " ".join(text.split())
    return Invalid(
        f'Invalid RRule string "{shown if len(shown) <= 200 else shown[:200] + "..."}": {reason}', "rrule"
    )


def _on_labels(text: str, where: tzinfo) -> str:
    """The rule with all its times as labels of `where`: TZID dropped, times in UTC converted."""

    def converted(found: re.Match[str]) -> str:
        instant = datetime.strptime(found.group(1).upper(), "%Y%m%dT%H%M%S")  # noqa: DTZ007 (UTC, naive)
        return zones.local(instant, where).strftime("%Y%m%dT%H%M%S")

    text = re.sub(r";TZID=[^:;\s]+", "", text, flags=re.IGNORECASE)
    return re.sub(r"\b(\d{8}T\d{6})Z\b", converted, text, flags=re.IGNORECASE)


def _dates(values: str) -> list[datetime]:
    """RFC 5545 or ISO dates; never dateutil's guesses, which fill what is missing from today's date."""
    found = [datetime.fromisoformat(value) for value in values.split(",")]
    for value in found:
        if value.tzinfo is not None:
            raise ValueError(f"a time with an offset ({value.isoformat()}); write it in UTC (Z) or use TZID")
    return found


def _part(value: str, start: datetime) -> Part:
    """One rule line, checked, with what dateutil would derive from its start made explicit."""
    fields = _fields(value)
    frequency = fields["FREQ"]
    interval = int(fields.get("INTERVAL", "1"))
    count = int(fields.pop("COUNT")) if "COUNT" in fields else None
    until = min(_dates(fields.pop("UNTIL"))) if "UNTIL" in fields else None
    if interval < 1 or (count is not None and count < 1):
        raise ValueError("INTERVAL and COUNT must be at least 1")
    simple = not any(name.startswith("BY") for name in fields)
    if frequency in ("YEARLY", "MONTHLY") and not _DAY_PARTS & fields.keys():
        fields["BYMONTHDAY"] = str(start.day)
        if frequency == "YEARLY":
            fields.setdefault("BYMONTH", str(start.month))
    rule = _parsed(";".join(f"{name}={content}" for name, content in fields.items()), start)
    _must_match_sometime(rule, start)
    part = Part(rule, frequency, interval, start, until)
    if count is None:
        return part
    last = _last_counted(part, count, simple)
    return part._replace(until=last if until is None else min(until, last))


def _fields(value: str) -> dict[str, str]:
    """NAME=VALUE pairs of a rule line, with the checks that dateutil leaves out or answers in riddles."""
    fields: dict[str, str] = {}
    for pair in value.strip(";").upper().split(";"):
        name, equals, content = pair.partition("=")
        if not equals or name in fields:
            raise ValueError(f"{pair!r} is not of the form NAME=VALUE, or is there twice")
        fields[name] = content
        allowed = _RANGES.get(name)
        for item in content.split(",") if allowed else ():
            number = int(item)
            if (abs(number) if name in _FROM_THE_END else number) not in (allowed or ()):
                raise ValueError(f"{name}={item} is out of range")
    if fields.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"FREQ must be one of {', '.join(_FREQUENCIES)}")
    if "BYEASTER" in fields:
        raise ValueError("BYEASTER is not part of RFC 5545")
    return fields


def _parsed(line: str, start: datetime) -> DateutilRule:
    from dateutil.rrule import rrule, rrulestr

    rule = rrulestr(line, dtstart=start)
    if not isinstance(rule, rrule):
        raise ValueError("one rule on a line, please")
    return rule


def _must_match_sometime(rule: DateutilRule, start: datetime) -> None:
    """Refuse a rule that no date matches.

    Left alone, dateutil looks on until the year 9999, day by day. The calendar repeats every 400 years, so
    the same rule begun close to that end shows the same dates, and its vain search is a few centuries long.
    """
    cycles = (_END.year - start.year) // _CYCLE_YEARS
    late = start.replace(year=start.year + cycles * _CYCLE_YEARS)
    if next(iter(rule.replace(dtstart=late)), None) is None:
        raise ValueError(NOTHING)


def _last_counted(part: Part, count: int, simple: bool) -> datetime:
    """The label with number `count`: with it known, no evaluation needs to count from the start again."""
    if simple and part.frequency in _UNITS:
        return part.start + (count - 1) * part.interval * _UNITS[part.frequency]
    if count > MAX_COUNTED:
        raise ValueError(f"COUNT is above {MAX_COUNTED:,}; use UNTIL")
    last = part.start
    for last in islice(part.rule, count):
        if last.year > part.start.year + _YEARS_COUNTED:
            return _END
    return last
