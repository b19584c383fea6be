"""Cron schedules against dates written by hand, and their daylight saving against a watched clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.timetable import between, changes, cron, shown, utc, watched

from scheduler.timetable import check
from store.errors import Invalid

PARIS = "Europe/Paris"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/15 * * * *", ["03-02 12:00+0000", "03-02 12:15+0000"]),
        ("0 9 * * *", ["03-03 09:00+0000", "03-04 09:00+0000"]),
        ("0 9 * * mon-fri", ["03-03 09:00+0000", "03-04 09:00+0000"]),
        ("0 9 * * 6,7", ["03-07 09:00+0000", "03-08 09:00+0000"]),
        ("0 0 L * *", ["03-31 00:00+0000", "04-30 00:00+0000"]),
        ("0 0 * * fri#2", ["03-13 00:00+0000", "04-10 00:00+0000"]),
        ("0 0 * * L5", ["03-27 00:00+0000", "04-24 00:00+0000"]),
        ("5 4 1 jan,jul *", ["07-01 04:05+0000", "01-01 04:05+0000"]),
        ("@hourly", ["03-02 12:00+0000", "03-02 13:00+0000"]),
        ("@weekly", ["03-08 00:00+0000", "03-15 00:00+0000"]),
        ("0 0 29 2 *", ["02-29 00:00+0000", "02-29 00:00+0000"]),
        ("0 0 31 * *", ["03-31 00:00+0000", "05-31 00:00+0000"]),
    ],
)
def test_finds_the_next_dates(text: str, expected: list[str]) -> None:
    assert shown(cron(text), "2026-03-02T12:00", 2) == expected


def test_six_fields_have_the_seconds_last() -> None:
    found = between(cron("30 12 * * * */20"), utc("2026-03-02T12:30:01"), None, 4)
    assert [f"{instant:%d %H:%M:%S}" for instant in found] == [
        "02 12:30:20",
        "02 12:30:40",
        "03 12:30:00",
        "03 12:30:20",
    ]


def test_day_or_says_whether_both_days_must_match() -> None:
    either = cron("0 0 13 * fri")
    both = cron("0 0 13 * fri", day_or=False)
    assert shown(either, "2026-03-02T00:00", 3) == [
        "03-06 00:00+0000",
        "03-13 00:00+0000",
        "03-20 00:00+0000",
    ]
    assert shown(both, "2026-03-02T00:00", 2) == ["03-13 00:00+0000", "11-13 00:00+0000"]


def test_both_ends_of_a_window_belong_to_it_and_a_part_of_a_second_does_not() -> None:
    rule = cron("* * * * *")
    found = between(rule, utc("2026-03-02T12:00"), utc("2026-03-02T12:01"))
    assert found == [utc("2026-03-02T12:00"), utc("2026-03-02T12:01")]
    found = between(rule, utc("2026-03-02T12:00:00.000001"), utc("2026-03-02T12:01"))
    assert found == [utc("2026-03-02T12:01")]


def test_an_empty_window_or_no_limit_finds_nothing() -> None:
    assert between(cron("* * * * *"), utc("2026-03-02T12:01"), utc("2026-03-02T12:00")) == []
    assert between(cron("* * * * *"), utc("2026-03-02T12:00"), None, 0) == []


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        # The gap in Paris: 29 March, 02:00 to 03:00.
        ("30 2 * * *", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:30+0200"]),
        ("0 2 * * *", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("0,20,40 2,3 * * *", "2026-03-29T00:00", ["03-29 03:00+0200", "03-29 03:20+0200"]),
        ("*/30 2 * * *", "2026-03-28T12:00", ["03-30 02:00+0200", "03-30 02:30+0200"]),
        ("*/30 * * * *", "2026-03-29T00:30", ["03-29 01:30+0100", "03-29 03:00+0200"]),
        ("15 * * * *", "2026-03-29T00:15", ["03-29 01:15+0100", "03-29 03:15+0200"]),
        ("15 */2 * * *", "2026-03-28T23:15", ["03-29 00:15+0100", "03-29 04:15+0200"]),
        # The fold in Paris: 25 October, 02:00 to 03:00 twice.
        ("30 2 * * *", "2026-10-25T00:00", ["10-25 02:30+0200", "10-26 02:30+0100"]),
        ("0 2,3 * * *", "2026-10-24T23:00", ["10-25 02:00+0200", "10-25 03:00+0100"]),
        ("*/30 2 * * *", "2026-10-25T00:30", ["10-25 02:30+0200", "10-25 02:00+0100"]),
        ("0 * * * *", "2026-10-25T00:00", ["10-25 02:00+0200", "10-25 02:00+0100"]),
    ],
)
def test_fixed_rules_fire_once_and_wildcards_follow_the_clock(
    text: str, after: str, expected: list[str]
) -> None:
    assert shown(cron(text, PARIS), after, 2, PARIS) == expected


def test_half_an_hour_of_change_on_lord_howe() -> None:
    zone = "Australia/Lord_Howe"
    gap = shown(cron("15 2 * * *", zone), "2026-10-03T00:00", 2, zone)
    assert gap == ["10-04 02:30+1100", "10-05 02:15+1100"]
    fold = shown(cron("*/15 * * * *", zone), "2026-04-04T14:30", 5, zone)
    assert fold == [
        "04-05 01:30+1100",
        "04-05 01:45+1100",
        "04-05 01:30+1030",
        "04-05 01:45+1030",
        "04-05 02:00+1030",
    ]


def test_midnight_that_does_not_exist_in_havana_is_one_o_clock() -> None:
    zone = "America/Havana"
    assert shown(cron("0 0 * * *", zone), "2026-03-07T12:00", 2, zone) == [
        "03-08 01:00-0400",
        "03-09 00:00-0400",
    ]


MATCHERS = {
    "*/10 * * * *": lambda label: label.minute % 10 == 0,
    "7 * * * *": lambda label: label.minute == 7,
    "*/20 0-3 * * *": lambda label: label.minute % 20 == 0 and label.hour <= 3,
    "5,35 0-3 * * *": lambda label: label.minute in (5, 35) and label.hour <= 3,
    "0 0 * * *": lambda label: (label.hour, label.minute) == (0, 0),
    "45 23 * * sun": lambda label: (label.hour, label.minute, label.weekday()) == (23, 45, 6),
    "30 1,2 * * *": lambda label: label.minute == 30 and label.hour in (1, 2),
}


@pytest.mark.parametrize(
    "zone", [PARIS, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana"]
)
@pytest.mark.parametrize("text", MATCHERS)
def test_agrees_with_somebody_who_watches_the_clock(text: str, zone: str) -> None:
    fixed = not any(field.startswith("*") for field in text.split()[:2])
    found = changes(zone, 2026)
    assert len(found) == 2
    for change in found:
        after, before = change - timedelta(hours=40), change + timedelta(hours=40)
        expected = list(watched(MATCHERS[text], zone, after, before, fixed=fixed))
        assert between(cron(text, zone), after, before) == expected


REFUSED = {
    "H * * * *": 'Random and Hashed expressions are unsupported, received: "H * * * *"',
    "0 R(1-3) * * *": 'Random and Hashed expressions are unsupported, received: "0 R(1-3) * * *"',
    "h/15 * * * *": "Random and Hashed expressions are unsupported",
    "5,H * * * *": "Random and Hashed expressions are unsupported",
    "* * * * * * 2026": 'Invalid cron string: "\\* \\* \\* \\* \\* \\* 2026": seven fields',
    "@reboot": 'Invalid cron string: "@reboot"',
    "0 0 31 2 *": 'Invalid cron string: "0 0 31 2 \\*": no date ever matches it',
    "0 0 30,31 feb *": "no date ever matches it",
    "0 0 31 4,6,9,11 *": "no date ever matches it",
    "61 * * * *": 'Invalid cron string: "61 * * * *": `61` is no minute (0-59)',
    "* * 0 * *": "`0` is no day of the month (1-31)",
    "0 9 * * mom-fri": "`mom-fri` is no day of the week (0-7, sun-sat)",
    "* * * 13 *": "`13` is no month (1-12, jan-dec)",
    "* * * * * 60": "`60` is no second (0-59)",
    "* * * *": 'Invalid cron string: "* * * *": 4 fields; give five',
    "nightly": 'Invalid cron string: "nightly": one field; give five',
    "": 'Invalid cron string: ""',
    "a b c d e": 'Invalid cron string: "a b c d e": `a` is no minute',
    "*/0 * * * *": "`*/0` is no minute",
    "0 0 * * fri#6": "Invalid cron string",
    "@fortnightly": "Invalid cron string",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_can_never_be_planned(text: str) -> None:
    pattern = REFUSED[text].replace("(", r"\(").replace(")", r"\)").replace("H *", r"H \*")
    with pytest.raises(Invalid) as caught:
        check(cron(text))
    assert pattern.replace("\\", "") in str(caught.value)
    assert caught.value.field == "cron"
    with pytest.raises(Invalid):
        between(cron(text), utc("2026-03-02T12:00"), None, 1)


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "", "../etc/passwd", "America", "europe/paris", "right/UTC", "localtime"]
)
def test_refuses_unknown_zones_in_prefects_words(zone: str) -> None:
    with pytest.raises(Invalid) as caught:
        check(cron("* * * * *", zone))
    assert str(caught.value) == (
        f'Invalid timezone: "{zone}" (specify in IANA tzdata format, for example, America/New_York)'
    )
    assert caught.value.field == "timezone"


def test_names_of_days_and_months_are_no_random_forms() -> None:
    check(cron("0 0 * mar,apr thu,fri"))
    check(cron("@hourly"))


def test_no_year_of_any_zone_changes_twice_within_a_day() -> None:
    """`zones` looks at offsets once a day: this would hide a change that is taken back within it."""
    from zoneinfo import ZoneInfo, available_timezones

    odd = []
    for name in sorted(available_timezones() - {"localtime", "Factory"}):
        for change in _hourly_changes(ZoneInfo(name), 2026):
            odd += [name] if change < timedelta(days=1) else []
    assert odd == []


def _hourly_changes(zone: object, year: int) -> list[timedelta]:
    from datetime import UTC

    instant, last, spans = datetime(year, 1, 1, tzinfo=UTC), None, []
    offset = instant.astimezone(zone).utcoffset()  # type: ignore[arg-type]
    while instant.year == year:
        instant += timedelta(hours=6)
        new = instant.astimezone(zone).utcoffset()  # type: ignore[arg-type]
        if new != offset:
            spans += [instant - last] if last else []
            offset, last = new, instant
    return spans
