"""Times and durations in the few cells that a list has. Exact times name their zone."""

from __future__ import annotations

from datetime import datetime, tzinfo

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
GRACE_SECONDS = 15
"""A run is called late when this many seconds have passed since it was due (SEMANTICS.md section 4)."""


def _span(seconds: int) -> str:
    """Whole seconds in at most five cells: `42s`, `9m`, `1h59`, `23h`, `1d04h`, `10d`."""
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 10 * _HOUR:
        hours, rest = divmod(seconds, _HOUR)
        return f"{hours}h{rest // _MINUTE:02}" if rest >= _MINUTE else f"{hours}h"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    return f"{seconds // _DAY}d"


def countdown(when: datetime, now: datetime) -> str:
    """`in 4m` before, `now` when due, `late 2m` after; at most eight cells up to 999 days."""
    seconds = int((when - now).total_seconds())
    if seconds > 0:
        return f"in {_span(seconds)}"
    if seconds > -GRACE_SECONDS:
        return "now"
    late = -seconds if -seconds < _HOUR else -seconds // _HOUR * _HOUR
    return f"late {_span(late)}"


def ago(when: datetime, now: datetime) -> str:
    """`2h ago`; `just now` for the last five seconds and for a clock that ran ahead."""
    seconds = int((now - when).total_seconds())
    return "just now" if seconds < 5 else f"{_span(seconds)} ago"


def duration(seconds: float | None) -> str:
    """A duration in at most six cells: `24ms`, `0.4s`, `12s`, `1m04s`, `2h05m`, `3d04h`; `—` when unknown."""
    if seconds is None:
        return "—"
    if 0 < seconds < 0.095:
        return f"{max(1, round(seconds * 1000))}ms"
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"


def exact(when: datetime, zone: tzinfo | None) -> str:
    """`2026-03-02 12:00:00 UTC`: the instant in a zone (null: the machine's), which is named."""
    local = when.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"


def clock_time(when: datetime, zone: tzinfo | None) -> str:
    """`12:00:00 UTC`, for the header."""
    local = when.astimezone(zone)
    return f"{local:%H:%M:%S} {local.tzname()}"


def day_time(when: datetime, now: datetime, zone: tzinfo | None) -> str:
    """`today 12:00`, `Tue 3 Mar 08:30`, with the year when it is another one; the caller names the zone."""
    local, today = when.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"today {local:%H:%M}"
    day = f"{local:%a} {local.day} {local:%b}"
    return f"{day} {local:%H:%M}" if local.year == today.year else f"{day} {local.year} {local:%H:%M}"
