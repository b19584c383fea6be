"""What an operator may type for a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sluice.times import parse_instant
from store.errors import Invalid

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW + timedelta(hours=2)),
        ("in 30m", NOW + timedelta(minutes=30)),
        ("+1d12h", NOW + timedelta(hours=36)),
        ("1w", NOW + timedelta(days=7)),
        ("90s", NOW + timedelta(seconds=90)),
        ("2026-03-02T18:30+01:00", datetime(2026, 3, 2, 17, 30, tzinfo=UTC)),
        ("2026-03-02T18:30Z", datetime(2026, 3, 2, 18, 30, tzinfo=UTC)),
    ],
)
def test_spans_and_iso(text: str, expected: datetime) -> None:
    assert parse_instant(text, NOW) == expected


def test_a_clock_time_is_the_next_one_here() -> None:
    local = NOW.astimezone()
    later = (local + timedelta(minutes=5)).strftime("%H:%M")
    earlier = (local - timedelta(minutes=5)).strftime("%H:%M")
    assert parse_instant(later, NOW) == NOW + timedelta(minutes=5)
    assert parse_instant(earlier, NOW) == NOW - timedelta(minutes=5) + timedelta(days=1)


def test_tomorrow_begins_at_midnight_here() -> None:
    tomorrow = parse_instant("tomorrow", NOW).astimezone()
    assert (tomorrow.hour, tomorrow.minute) == (0, 0)
    assert NOW < tomorrow <= NOW + timedelta(days=1)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "12:60", "2026-13-01", "9999999999d", "h"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Invalid, match="is not a time: write 2h"):
        parse_instant(text, NOW)
