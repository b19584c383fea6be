"""RRULE schedules against dates written by hand, and against dateutil walking all the way from the start."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, islice

import pytest
from dateutil.rrule import rrulestr
from support.timetable import between, rrule, shown, utc

from scheduler.timetable import check, occurrences
from store.errors import Invalid

PARIS = "Europe/Paris"


def test_a_rule_without_a_start_begins_when_its_schedule_was_made() -> None:
    made = utc("2026-03-02T12:07:30.250")
    found = occurrences(
        rrule("FREQ=DAILY;COUNT=2"), after=utc("2026-01-01"), before=None, limit=9, anchor=made
    )
    assert found == [utc("2026-03-02T12:07:30"), utc("2026-03-03T12:07:30")]


def test_the_start_is_a_label_of_the_schedules_zone() -> None:
    rule = rrule("DTSTART:20260105T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE", PARIS)
    assert shown(rule, "2026-03-26T00:00", 3, PARIS) == [
        "03-30 09:00+0200",
        "04-01 09:00+0200",
        "04-06 09:00+0200",
    ]


def test_a_tzid_names_the_zone_and_the_schedules_own_zone_wins() -> None:
    text = "DTSTART;TZID=America/New_York:20260105T090000\nRRULE:FREQ=DAILY"
    assert shown(rrule(text), "2026-01-06T00:00", 1) == ["01-06 14:00+0000"]
    assert shown(rrule(text, PARIS), "2026-01-06T00:00", 1) == ["01-06 08:00+0000"]


def test_times_that_end_in_z_are_instants() -> None:
    rule = rrule("DTSTART:20260105T080000Z\nRRULE:FREQ=DAILY;UNTIL=20260107T080000Z", PARIS)
    assert shown(rule, "2026-01-01T00:00", 9, PARIS) == [
        "01-05 09:00+0100",
        "01-06 09:00+0100",
        "01-07 09:00+0100",
    ]
    short = rrule("DTSTART:20260105T090000\nRRULE:FREQ=DAILY;UNTIL=20260107T075959Z", PARIS)
    assert shown(short, "2026-01-01T00:00", 9, PARIS) == ["01-05 09:00+0100", "01-06 09:00+0100"]


def test_dates_are_added_and_taken_away() -> None:
    rule = rrule(
        "DTSTART:20260105T090000 RRULE:FREQ=DAILY;COUNT=4 EXDATE:20260106T090000 "
        "RDATE:20260120T100000,20260107T090000"
    )
    assert shown(rule, "2026-01-01T00:00", 9) == [
        "01-05 09:00+0000",
        "01-07 09:00+0000",
        "01-08 09:00+0000",
        "01-20 10:00+0000",
    ]
    weekdays = rrule("DTSTART:20260105T090000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SA,SU")
    assert shown(weekdays, "2026-01-09T00:00", 2) == ["01-09 09:00+0000", "01-12 09:00+0000"]


def test_several_rules_are_one_set() -> None:
    rule = rrule("DTSTART:20260105T090000\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY;BYDAY=MO;BYHOUR=9,17")
    assert shown(rule, "2026-01-05T00:00", 3) == ["01-05 09:00+0000", "01-05 17:00+0000", "01-06 09:00+0000"]


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:30+0200"]),
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "2026-10-25T00:00", ["10-25 02:30+0200", "10-26 02:30+0100"]),
        ("FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0", "2026-03-28T12:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("FREQ=HOURLY", "2026-03-29T00:00", ["03-29 01:00+0100", "03-29 03:00+0200"]),
        ("FREQ=HOURLY", "2026-10-25T00:00", ["10-25 02:00+0200", "10-25 02:00+0100"]),
        ("FREQ=MINUTELY;INTERVAL=30", "2026-10-25T00:30", ["10-25 02:30+0200", "10-25 02:00+0100"]),
        (
            "FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=30",
            "2026-03-28T00:00",
            ["03-29 03:00+0200", "04-05 02:30+0200"],
        ),
    ],
)
def test_daily_fires_once_and_hourly_follows_the_clock(text: str, after: str, expected: list[str]) -> None:
    rule = rrule(f"DTSTART:20260101T000000\nRRULE:{text}", PARIS)
    assert shown(rule, after, 2, PARIS) == expected


def test_the_last_counted_date_may_lie_in_the_fold_and_nothing_follows() -> None:
    rule = rrule("DTSTART:20261025T000000\nRRULE:FREQ=HOURLY;COUNT=3", PARIS)
    assert shown(rule, "2026-10-24T00:00", 9, PARIS) == [
        "10-25 00:00+0200",
        "10-25 01:00+0200",
        "10-25 02:00+0200",
        "10-25 02:00+0100",
    ]


RULES = [
    "FREQ=MINUTELY;INTERVAL=7",
    "FREQ=MINUTELY;INTERVAL=45;BYHOUR=9,10,17",
    "FREQ=SECONDLY;INTERVAL=7000",
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=HOURLY;INTERVAL=3;BYDAY=MO,FR",
    "FREQ=HOURLY;INTERVAL=31;BYDAY=TU;BYMONTH=5,6",
    "FREQ=HOURLY;BYMONTHDAY=-1;BYMINUTE=0,30;BYSETPOS=-1",
    "FREQ=HOURLY;INTERVAL=2;BYYEARDAY=1,-1,60;BYHOUR=1,8,23",
    "FREQ=MINUTELY;INTERVAL=25;BYWEEKNO=20;WKST=SU;BYHOUR=8",
    "FREQ=SECONDLY;INTERVAL=900;BYDAY=WE,TH;BYHOUR=23,0",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=DAILY;BYHOUR=6,18;BYSETPOS=-1",
    "FREQ=WEEKLY;INTERVAL=3;WKST=SU",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=WE;BYHOUR=1,23",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;INTERVAL=5;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY;BYDAY=2TU,-1FR",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=3,5",
    "FREQ=YEARLY",
    "FREQ=YEARLY;INTERVAL=3;BYMONTH=5,11",
    "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO",
    "FREQ=YEARLY;BYYEARDAY=1,100,-1",
    "FREQ=YEARLY;BYDAY=20MO",
]


@pytest.mark.parametrize("start", ["20191231T083015", "20200229T000000", "20180315T235959"])
@pytest.mark.parametrize("text", RULES)
def test_an_advanced_start_changes_no_date(text: str, start: str) -> None:
    """Windows far from the start agree with a walk from the start."""
    rule = rrule(f"DTSTART:{start}\nRRULE:{text}")
    naive = rrulestr(text, dtstart=datetime.strptime(start, "%Y%m%dT%H%M%S"))  # noqa: DTZ007
    for after in (utc("2021-01-01T00:00"), utc("2022-02-28T23:59:59"), utc("2023-05-17T08:30:15")):
        label = after.replace(tzinfo=None)
        expected = islice(dropwhile(lambda each, label=label: each < label, naive), 5)
        found = between(rule, after, None, 5)
        assert [instant.replace(tzinfo=None) for instant in found] == list(expected)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("FREQ=MINUTELY;COUNT=1000000", "2021-11-25T10:39"),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=10", "2020-01-14T00:00"),
        ("FREQ=MONTHLY;COUNT=3", "2020-03-01T00:00"),
        ("FREQ=YEARLY;COUNT=2;UNTIL=20200601T000000", "2020-01-01T00:00"),
    ],
)
def test_a_count_ends_the_rule_wherever_one_starts_looking(text: str, last: str) -> None:
    rule = rrule(f"DTSTART:20200101T000000\nRRULE:{text}")
    assert between(rule, utc(last), None, 5) == [utc(last)]
    assert between(rule, utc(last) + timedelta(seconds=1), None, 5) == []


def test_a_minutely_rule_from_2020_finds_its_next_date_in_a_millisecond() -> None:
    after = utc("2026-03-02T12:00:01")
    rules = [rrule(f"DTSTART:20200101T0000{second:02}\nRRULE:FREQ=MINUTELY") for second in range(20)]
    between(rules[0], after, None, 1)
    took = []
    for rule in rules[1:]:
        begun = time.perf_counter()
        assert len(between(rule, after, None, 1)) == 1
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.001


def test_seconds_of_a_rare_day_are_found_soon() -> None:
    """dateutil alone would step through every second of the years in between."""
    rule = rrule("DTSTART:20200101T000000\nRRULE:FREQ=SECONDLY;BYHOUR=23;BYMONTH=2;BYMONTHDAY=29")
    begun = time.process_time()
    found = between(rule, utc("2024-02-29T23:59:59"), None, 2)
    assert found == [utc("2024-02-29T23:59:59"), utc("2028-02-29T23:00:00")]
    assert time.process_time() - begun < 3


REFUSED = {
    "": "it has no RRULE and no RDATE",
    "INTERVAL=2": "FREQ must be one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY",
    "FREQ=FORTNIGHTLY": "FREQ must be one of",
    "every day": "is not of the form NAME=VALUE",
    "FREQ=DAILY;INTERVAL=0": "must be at least 1",
    "FREQ=DAILY;COUNT=0": "must be at least 1",
    "FREQ=DAILY;COUNT=x": "invalid literal",
    "FREQ=DAILY;BYHOUR=25": "BYHOUR=25 is out of range",
    "FREQ=DAILY;BYDAY=XX": "invalid 'BYDAY': XX",
    "FREQ=DAILY;BYMONTHDAY=0": "BYMONTHDAY=0 is out of range",
    "FREQ=YEARLY;BYEASTER=0": "BYEASTER is not part of RFC 5545",
    "FREQ=DAILY;NONSENSE=1": "unknown parameter 'NONSENSE'",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30": "nothing ever matches it",
    "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30": "nothing ever matches it",
    "FREQ=DAILY;BYSETPOS=2": "nothing ever matches it",
    "FREQ=MINUTELY;BYSETPOS=3;BYSECOND=0,30": "nothing ever matches it",
    "FREQ=SECONDLY;BYHOUR=23;BYMONTH=2;BYMONTHDAY=30": "nothing ever matches it",
    "FREQ=SECONDLY;BYHOUR=23;BYMINUTE=59;BYWEEKNO=1;BYMONTH=6": "nothing ever matches it",
    "DTSTART:20260105T000000\nRRULE:FREQ=HOURLY;INTERVAL=168;BYDAY=TU": "nothing ever matches it",
    "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30": "generates an empty set",
    "DTSTART:20260101T000000\nRRULE:FREQ=YEARLY\nEXRULE:FREQ=SECONDLY": "nothing ever matches it",
    "FREQ=DAILY;UNTIL=20100101T000000Z": "nothing ever matches it",
    "DTSTART:20260101T000000\nRRULE:FREQ=DAILY;UNTIL=20250101": "nothing ever matches it",
    "DTSTART:20260101T000000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY": "nothing ever matches it",
    "FREQ=WEEKLY\nEXRULE:FREQ=DAILY": "nothing ever matches it",
    "FREQ=DAILY;BYMONTH=1\nEXRULE:FREQ=DAILY": "nothing ever matches it",
    "DTSTART:10\nRRULE:FREQ=DAILY": "Invalid isoformat string",
    "DTSTART:20260101T000000+0100\nRRULE:FREQ=DAILY": "write it in UTC",
    "RRULE:FREQ=DAILY\nSUMMARY:x": "unsupported property: SUMMARY",
    "FREQ=WEEKLY;BYDAY=MO;COUNT=200000": "COUNT is above 100,000; use UNTIL",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_can_never_be_planned(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(Invalid) as caught:
        check(rrule(text))
    assert time.process_time() - begun < 5
    message = str(caught.value)
    assert message.startswith(f'Invalid RRule string "{" ".join(text.split())}": ')
    assert REFUSED[text] in message
    assert caught.value.field == "rrule"


def test_refuses_a_rule_that_is_too_long() -> None:
    text = "FREQ=DAILY;BYMINUTE=" + ",".join("1" for _ in range(4000))
    with pytest.raises(Invalid) as caught:
        check(rrule(text))
    assert str(caught.value) == f'Invalid RRule string "{text[:40]}...": max length is 6500, got {len(text)}'


def test_refuses_an_unknown_tzid() -> None:
    with pytest.raises(Invalid, match='Invalid timezone: "Mars/Base"'):
        check(rrule("DTSTART;TZID=Mars/Base:20260101T000000\nRRULE:FREQ=DAILY"))


def test_a_rule_that_ended_before_its_schedule_was_made_is_only_over() -> None:
    found = occurrences(
        rrule("FREQ=DAILY;UNTIL=20250101T000000Z"),
        after=datetime(2026, 1, 1, tzinfo=UTC),
        before=None,
        limit=1,
        anchor=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert found == []
