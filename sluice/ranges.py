"""From what an operator types to a range of past time, both ends included."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sluice.exits import UsageProblem
from sluice.zone import machine_zone

_AGO = re.compile(r"-((?:\d+\s*[smhdw]\s*)+)", re.IGNORECASE)
_PART = re.compile(r"(\d+)\s*([smhdw])", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
FORMS = "-7d, yesterday, today, now, 2026-11-01 or 2026-11-01T06:00+01:00"


class Zone(NamedTuple):
    """A zone and what it is called."""

    name: str
    tz: tzinfo


class Range(NamedTuple):
    """First and last instant, aware, UTC."""

    start: datetime
    end: datetime


def find_zone(name: str | None) -> Zone:
    """The zone of that IANA name; null: the machine's.

    Raises:
        UsageProblem: there is none of that name.
    """
    wanted = name or machine_zone()
    if wanted is None:
        local = datetime.now(UTC).astimezone().tzinfo or UTC
        return Zone(str(local), local)
    try:
        return Zone(wanted, ZoneInfo(wanted))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageProblem(
            f"--zone {wanted!r}: there is no such zone; give an IANA name such as Europe/Paris"
        ) from error


def parse_range(first: str | None, last: str | None, whole: str | None, now: datetime, zone: tzinfo) -> Range:
    """The range meant.

    Args:
        first: where it starts (`--from`): a day begins with its midnight.
        last: where it ends (`--to`); a day is meant up to its end. Null: now.
        whole: both as one (`--range`): `2026-11-01..2026-11-07`, or one day.
        now: what relative forms count from.
        zone: of days, and of times that name none.

    Raises:
        UsageProblem: a time that is none; too few or too many of the three; an end before its start.
    """
    if whole is not None:
        if first is not None or last is not None:
            raise UsageProblem("give --range, or --from and --to, not both")
        first, dots, last = whole.partition("..")
        last = last if dots else first
    if not first or last == "":
        raise UsageProblem(f"say from when on: --from {FORMS}; or --range 2026-11-01..2026-11-07")
    start = _parse(first, now, zone, to_end=False)
    end = _parse(last, now, zone, to_end=True) if last is not None else now
    if end < start:
        raise UsageProblem(f"the range ends ({last or 'now'}) before it starts ({first})")
    return Range(start, end)


def _parse(text: str, now: datetime, zone: tzinfo, *, to_end: bool) -> datetime:
    wanted = text.strip().lower()
    if wanted == "now":
        return now
    try:
        if ago := _AGO.fullmatch(wanted):
            seconds = sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(ago[1]))
            return now - timedelta(seconds=seconds)
        day = _day(wanted, now.astimezone(zone).date())
        if day is not None:
            return _midnight(day + _DAY, zone) - _TICK if to_end else _midnight(day, zone)
        instant = datetime.fromisoformat(text.strip())
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageProblem(f"{text!r} is not a time: write {FORMS}") from None


def _day(text: str, today: date) -> date | None:
    if text in ("today", "yesterday"):
        return today if text == "today" else today - _DAY
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
