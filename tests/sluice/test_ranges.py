"""What an operator may type for a range of past time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sluice.exits import UsageProblem
from sluice.ranges import find_zone, parse_range

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
TICK = timedelta(microseconds=1)


def utc(day: int, hour: int = 0, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        ("-7d", None, NOW - timedelta(days=7), NOW),
        ("-1d12h", "-90m", NOW - timedelta(hours=36), NOW - timedelta(minutes=90)),
        ("-1W", "now", NOW - timedelta(days=7), NOW),
        ("yesterday", "yesterday", utc(28, 23, month=2), utc(1, 23) - TICK),
        ("yesterday", None, utc(28, 23, month=2), NOW),
        ("today", "today", utc(1, 23), utc(2, 23) - TICK),
        ("2026-02-01", "2026-02-07", utc(31, 23, month=1), utc(7, 23, month=2) - TICK),
        ("2026-02-01T06:00", "2026-02-01T07:00", utc(1, 5, month=2), utc(1, 6, month=2)),
        ("2026-02-01 06:00", "2026-02-01T07:00Z", utc(1, 5, month=2), utc(1, 7, month=2)),
        ("2026-02-01T06:00+05:30", "NOW", utc(1, 0, 30, month=2), NOW),
    ],
)
def test_from_and_to(first: str, last: str | None, start: datetime, end: datetime) -> None:
    assert parse_range(first, last, None, NOW, PARIS) == (start, end)


@pytest.mark.parametrize(
    ("whole", "start", "end"),
    [
        ("2026-02-01..2026-02-07", utc(1, month=2), utc(8, month=2) - TICK),
        ("2026-02-01", utc(1, month=2), utc(2, month=2) - TICK),
        ("yesterday", utc(1), utc(2) - TICK),
        ("-2d..-1d", NOW - timedelta(days=2), NOW - timedelta(days=1)),
        ("2026-02-01 .. now", utc(1, month=2), NOW),
    ],
)
def test_both_as_one(whole: str, start: datetime, end: datetime) -> None:
    assert parse_range(None, None, whole, NOW, UTC) == (start, end)


def test_a_day_is_as_long_as_it_is_there() -> None:
    start, end = parse_range(None, None, "2025-10-26", NOW, PARIS)
    assert end - start == timedelta(hours=25) - TICK
    start, end = parse_range(None, None, "2025-03-30", NOW, PARIS)
    assert end - start == timedelta(hours=23) - TICK


@pytest.mark.parametrize(
    ("first", "last", "whole", "message"),
    [
        (None, None, None, "say from when on: --from -7d, yesterday"),
        (None, "now", None, "say from when on"),
        (None, None, "..2026-02-01", "say from when on"),
        (None, None, "2026-02-01..", "say from when on"),
        ("-1d", None, "yesterday", "give --range, or --from and --to, not both"),
        ("soon", None, None, "'soon' is not a time: write -7d, yesterday, today, now, 2026-11-01"),
        ("2026-02-30", None, None, "'2026-02-30' is not a time"),
        ("-99999999w", None, None, "is not a time"),
        ("-1d", "-2d", None, r"the range ends \(-2d\) before it starts \(-1d\)"),
        ("2026-04-01", None, None, r"the range ends \(now\) before it starts \(2026-04-01\)"),
    ],
)
def test_what_is_no_range_is_refused(
    first: str | None, last: str | None, whole: str | None, message: str
) -> None:
    with pytest.raises(UsageProblem, match=message):
        parse_range(first, last, whole, NOW, UTC)


def test_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_zone("Asia/Tokyo").name == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "America/Havana")
    assert find_zone(None) == ("America/Havana", ZoneInfo("America/Havana"))
    for wrong in ("Mars/Olympus", "../etc", ""):
        if wrong:
            with pytest.raises(UsageProblem, match="there is no such zone"):
                find_zone(wrong)
