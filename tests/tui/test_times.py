"""Times in a list say much in few cells; exact ones name their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tui.times import ago, clock_time, countdown, day_time, duration, exact

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (41, "in 41s"),
        (60, "in 1m"),
        (299, "in 4m"),
        (3600, "in 1h"),
        (7140, "in 1h59"),
        (43200, "in 12h"),
        (172800, "in 2d"),
        (86400 * 120, "in 120d"),
        (0, "now"),
        (-14, "now"),
        (-15, "late 15s"),
        (-420, "late 7m"),
        (-7140, "late 1h"),
        (-86400 * 3, "late 3d"),
    ],
)
def test_countdown(seconds: int, words: str) -> None:
    assert countdown(NOW + timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(-3, "just now"), (4, "just now"), (90, "1m ago"), (7200, "2h ago")]
)
def test_ago(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "—"),
        (0, "0.0s"),
        (0.0204, "20ms"),
        (0.0001, "1ms"),
        (0.1, "0.1s"),
        (-1, "0.0s"),
        (1.26, "1.3s"),
        (9.97, "10s"),
        (59.6, "1m00s"),
        (64, "1m04s"),
        (3599.7, "1h00m"),
        (7500, "2h05m"),
        (273600, "3d04h"),
    ],
)
def test_duration(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_exact_times_name_their_zone() -> None:
    assert exact(NOW, UTC) == "2026-03-02 12:00:00 UTC"
    assert exact(NOW, ZoneInfo("Europe/Paris")) == "2026-03-02 13:00:00 CET"
    assert clock_time(NOW, ZoneInfo("America/New_York")) == "07:00:00 EST"


def test_days() -> None:
    assert day_time(NOW + timedelta(hours=2), NOW, UTC) == "today 14:00"
    assert day_time(NOW + timedelta(days=1), NOW, UTC) == "Tue 3 Mar 12:00"
    assert day_time(NOW + timedelta(days=400), NOW, UTC) == "Tue 6 Apr 2027 12:00"
