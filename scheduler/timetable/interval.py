"""Interval schedules: every so many seconds from an anchor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from scheduler.timetable import zones
from store.errors import Invalid

WALL_TIME_FROM = timedelta(hours=24)


class Interval:
    """A compiled interval rule.

    Under 24 hours it steps in elapsed time; from 24 hours on in wall time of its zone, so that 09:00 stays
    09:00 all year. The anchor only sets the phase: dates before it belong to the schedule too, as in Prefect.

    Args:
        step: more than zero.
        anchor: aware, or naive in the schedule's zone.
        timezone: IANA name; default the anchor's zone, else UTC.

    Raises:
        Invalid: unknown zone, step not above zero.
    """

    def __init__(self, step: timedelta, anchor: datetime, timezone: str | None) -> None:
        if step <= timedelta(0):
            raise Invalid(
                f"Invalid interval: {step.total_seconds():g} seconds; it must be above 0", "interval"
            )
        self.step = step
        self.zone: tzinfo = zones.zone(timezone) if timezone else anchor.tzinfo or UTC
        self.label = anchor.astimezone(self.zone).replace(tzinfo=None) if anchor.tzinfo else anchor
        self.start = (
            anchor.astimezone(UTC).replace(tzinfo=None)
            if anchor.tzinfo
            else zones.first_pass(self.label, self.zone)
        )

    def instants(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """Instants not before `after`, in order; the caller stops."""
        if self.step >= WALL_TIME_FROM:
            return zones.once(self._labels, self.zone, after)
        return _steps(self.start, self.step, after)

    def _labels(self, start: datetime) -> Iterator[datetime]:
        return _steps(self.label, self.step, start)


def parse_anchor(value: Any) -> datetime:
    """An anchor_date as sent: ISO 8601 text, a datetime or a date (its midnight); naive ones stay naive.

    Raises:
        Invalid: anything else.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            pass
    raise Invalid(
        f"Invalid anchor_date: {value!r} is no date in ISO 8601, for example 2026-01-31T09:00:00+01:00",
        "anchor_date",
    )


def _steps(origin: datetime, step: timedelta, start: datetime) -> Iterator[datetime]:
    number = -((origin - start) // step)
    while True:
        yield origin + number * step
        number += 1
