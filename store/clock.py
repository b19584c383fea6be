"""Time as a parameter: code takes a Clock, tests give a frozen one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Wall time for what is kept, monotonic time for intervals."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class FrozenClock:
    """A clock for tests that moves only when told to.

    Args:
        start: the aware instant it shows first.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._ticks = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._ticks

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._now += timedelta(seconds=seconds)
        self._ticks += seconds

    def set(self, instant: datetime) -> None:
        """Make the wall clock jump, as NTP or an operator would; monotonic time does not move."""
        self._now = instant.astimezone(UTC)


def to_micros(value: datetime) -> int:
    """Integer microseconds since the epoch. A naive value is a programming error.

    Raises:
        ValueError: when `value` has no zone.
    """
    if value.tzinfo is None:
        raise ValueError(f"naive datetime {value!r}: every stored time needs a zone")
    return (value - EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The aware UTC datetime of integer microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=value)
