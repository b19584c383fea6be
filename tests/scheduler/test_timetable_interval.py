"""Interval schedules against dates written by hand."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from support.timetable import between, interval, shown, utc

from scheduler.timetable import check, occurrences
from store.errors import Invalid


def test_steps_in_elapsed_time_from_the_schedules_creation() -> None:
    made = utc("2026-03-02T12:07:30.250")
    rule = interval(minutes=15)
    found = occurrences(rule, after=utc("2026-03-02T12:08"), before=None, limit=2, anchor=made)
    assert found == [utc("2026-03-02T12:22:30"), utc("2026-03-02T12:37:30")]


def test_both_ends_of_a_window_belong_to_it() -> None:
    rule = interval(hours=1)
    found = between(rule, utc("2026-03-02T12:00"), utc("2026-03-02T14:00"))
    assert found == [utc("2026-03-02T12:00"), utc("2026-03-02T13:00"), utc("2026-03-02T14:00")]


def test_dates_before_the_anchor_belong_to_the_schedule() -> None:
    rule = interval(hours=1, anchor="2030-01-01T00:20:00+00:00")
    assert shown(rule, "2026-03-02T12:00", 1) == ["03-02 12:20+0000"]


def test_a_naive_anchor_is_in_the_schedules_zone() -> None:
    rule = interval("Europe/Paris", "2026-01-01T09:00:00", hours=12)
    assert shown(rule, "2026-01-01T00:00", 2) == ["01-01 08:00+0000", "01-01 20:00+0000"]


def test_the_zone_defaults_to_the_anchors() -> None:
    rule = interval(None, "2026-01-01T09:00:00+02:00", days=1)
    assert shown(rule, "2026-06-01T00:00", 1) == ["06-01 07:00+0000"]


@pytest.mark.parametrize(
    ("zone", "offsets"),
    [
        ("Europe/Paris", {"+0100", "+0200"}),
        ("America/New_York", {"-0500", "-0400"}),
        ("Australia/Lord_Howe", {"+1100", "+1030"}),
    ],
)
def test_a_daily_interval_keeps_one_local_hour_all_year(zone: str, offsets: set[str]) -> None:
    rule = interval(zone, "2026-01-01T09:00:00", days=1)
    found = occurrences(
        rule, after=utc("2026-01-01T12:00"), before=None, limit=365, anchor=utc("2026-01-01T00:00")
    )
    local = [instant.astimezone(ZoneInfo(zone)) for instant in found]
    assert {(label.hour, label.minute) for label in local} == {(9, 0)}
    assert len({label.date() for label in local}) == 365
    assert {label.strftime("%z") for label in local} == offsets


def test_twelve_hours_are_elapsed_time_and_move_with_the_change() -> None:
    rule = interval("Europe/Paris", "2026-03-28T09:00:00", hours=12)
    assert shown(rule, "2026-03-28T08:00", 4, "Europe/Paris") == [
        "03-28 09:00+0100",
        "03-28 21:00+0100",
        "03-29 10:00+0200",
        "03-29 22:00+0200",
    ]


def test_a_daily_label_in_a_gap_moves_to_its_end_and_one_in_a_fold_is_the_first() -> None:
    spring = interval("Europe/Paris", "2026-03-01T02:30:00", days=1)
    assert shown(spring, "2026-03-28T00:00", 3, "Europe/Paris") == [
        "03-28 02:30+0100",
        "03-29 03:00+0200",
        "03-30 02:30+0200",
    ]
    autumn = interval("Europe/Paris", "2026-10-01T02:30:00", days=1)
    assert shown(autumn, "2026-10-25T00:00", 2, "Europe/Paris") == ["10-25 02:30+0200", "10-26 02:30+0100"]


def test_thirty_six_hours_step_in_wall_time() -> None:
    rule = interval("Europe/Paris", "2026-03-28T09:00:00", hours=36)
    assert shown(rule, "2026-03-28T00:00", 3, "Europe/Paris") == [
        "03-28 09:00+0100",
        "03-29 21:00+0200",
        "03-31 09:00+0200",
    ]


@pytest.mark.parametrize("seconds", [0, -60])
def test_an_interval_must_be_above_zero(seconds: int) -> None:
    with pytest.raises(Invalid, match="must be above 0") as caught:
        check(interval(seconds=seconds))
    assert caught.value.field == "interval"


@pytest.mark.parametrize("anchor", ["yesterday", "", "2026-13-01", 5, ["2026-01-01"]])
def test_an_anchor_must_be_a_date(anchor: object) -> None:
    rule = interval(hours=1)
    with pytest.raises(Invalid, match="Invalid anchor_date") as caught:
        check(rule.model_copy(update={"anchor_date": anchor}))
    assert caught.value.field == "anchor_date"


def test_parts_of_a_second_are_kept() -> None:
    rule = interval(seconds=0.25, anchor="2026-01-01T00:00:00Z")
    found = between(rule, utc("2026-03-02T12:00"), None, 3)
    assert found[2] - found[0] == timedelta(milliseconds=500)
