"""From what an operator types to an instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from store.errors import Invalid

_SPAN = re.compile(r"(?:in\s+|\+)?((?:\d+\s*[smhdw]\s*)+)", re.IGNORECASE)
_PART = re.compile(r"(\d+)\s*([smhdw])", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def parse_instant(text: str, now: datetime) -> datetime:
    """The instant meant, aware, UTC.

    Args:
        text: `2h`, `1d12h`, `in 30m`; `18:30` (the next one); `tomorrow`; or ISO 8601. Without a zone, the
            machine's is meant.
        now: what relative forms count from.

    Raises:
        Invalid: it is none of these.
    """
    wanted = text.strip()
    if span := _SPAN.fullmatch(wanted):
        seconds = sum(int(count) * _SECONDS[unit.lower()] for count, unit in _PART.findall(span[1]))
        return _add(now, seconds, text)
    if clock := _CLOCK.fullmatch(wanted):
        return _next_clock_time(int(clock[1]), int(clock[2]), now, text)
    if wanted.lower() == "tomorrow":
        day = (now.astimezone() + timedelta(days=1)).date()
        return datetime.combine(day, time()).astimezone().astimezone(UTC)
    try:
        return datetime.fromisoformat(wanted).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _not_a_time(text) from None


def _add(now: datetime, seconds: int, text: str) -> datetime:
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        raise _not_a_time(text) from None


def _next_clock_time(hour: int, minute: int, now: datetime, text: str) -> datetime:
    try:
        wanted = time(hour, minute)
    except ValueError:
        raise _not_a_time(text) from None
    today = now.astimezone().date()
    candidates = [datetime.combine(today + timedelta(days=days), wanted).astimezone() for days in (0, 1)]
    return next(instant for instant in candidates if instant > now).astimezone(UTC)


def _not_a_time(text: str) -> Invalid:
    return Invalid(
        f"{text!r} is not a time: write 2h, 1d12h, 18:30, tomorrow, 2026-03-02 or 2026-03-02T18:30+01:00",
        "until",
    )
