"""Properties of all rules: strictly increasing, inside the window, and independent of the path.

`SLUICE_TEST_LONG=1` looks at 100,000 random rules instead of 3,000.
"""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from croniter import CroniterError, croniter
from hypothesis import given, settings
from hypothesis import strategies as st
from support.timetable import between, changes, cron, interval, rrule, utc

from store.errors import Invalid
from store.schemas import ScheduleRule

RULES = 100_000 if os.environ.get("SLUICE_TEST_LONG") == "1" else 3_000
ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana"]
FIVE_MINUTES = timedelta(minutes=5)


def rules(zone: str) -> list[ScheduleRule]:
    """One of each kind that treats changes of the clock in its own way."""
    start = "DTSTART:20260101T003000\nRRULE:"
    return [
        cron("30 0,1,2 * * *", zone),
        cron("*/20 * * * *", zone),
        cron("10 */2 * * *", zone),
        interval(zone, "2026-01-01T02:15:00", days=1),
        interval(zone, "2026-01-01T02:15:00", minutes=50),
        rrule(f"{start}FREQ=DAILY;BYHOUR=0,1,2;BYMINUTE=0,30", zone),
        rrule(f"{start}FREQ=HOURLY", zone),
    ]


@pytest.mark.parametrize("zone", ZONES)
def test_where_one_starts_makes_no_difference_around_both_changes(zone: str) -> None:
    """5 zones x 2 changes x 48 hours x every 5 minutes = 5,760 starts, for each of seven rules."""
    probes = differences = 0
    found = changes(zone, 2026)
    assert len(found) == 2
    for change in found:
        first, last = change - timedelta(hours=24), change + timedelta(hours=72)
        whole = [(rule, between(rule, first - timedelta(days=3), last)) for rule in rules(zone)]
        for step in range(576):
            start = first + step * FIVE_MINUTES
            probes += 1
            for rule, dates in whole:
                expected = [instant for instant in dates if instant >= start]
                assert expected
                differences += between(rule, start, last) != expected
    assert probes == 2 * 576
    assert differences == 0


def random_cron(chance: random.Random) -> str:
    def field(low: int, high: int) -> str:
        kind = chance.randrange(6)
        if kind < 2:
            return "*"
        if kind == 2:
            return f"*/{chance.randint(1, high)}"
        if kind == 3:
            first, last = sorted((chance.randint(low, high), chance.randint(low, high)))
            return f"{first}-{last}" if first < last else str(first)
        return ",".join(str(chance.randint(low, high)) for _ in range(chance.randint(1, 3)))

    fields = [field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)]
    return " ".join(fields + ([field(0, 59)] if chance.random() < 0.2 else []))


def random_rrule(chance: random.Random) -> str:
    frequency = chance.choice(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
    parts = [f"FREQ={frequency}", f"INTERVAL={chance.choice([1, 1, 2, 3, 7, 30])}"]
    if chance.random() < 0.3:
        parts.append("BYDAY=" + ",".join(chance.sample(["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 3)))
    if chance.random() < 0.3:
        parts.append(f"BYHOUR={chance.randrange(12)},{chance.randrange(12, 24)}")
    if chance.random() < 0.2:
        parts.append(f"BYMONTHDAY={chance.choice([1, 13, 28, 31, -1])}")
    if chance.random() < 0.2:
        parts.append(f"BYSETPOS={chance.choice([1, -1])}")
    if chance.random() < 0.2:
        parts.append(f"COUNT={chance.randint(1, 400)}")
    year, month, day = chance.randint(2015, 2026), chance.randint(1, 12), chance.randint(1, 28)
    return (
        f"DTSTART:{year}{month:02}{day:02}T{chance.randrange(24):02}{chance.randrange(60):02}00\nRRULE:"
        + (";".join(parts))
    )


def random_rule(chance: random.Random) -> ScheduleRule:
    zone = chance.choice([*ZONES, "UTC", "Asia/Kathmandu", "Pacific/Apia", None])
    kind = chance.random()
    if kind < 0.5:
        return cron(random_cron(chance), zone, day_or=chance.random() < 0.7)
    if kind < 0.75:
        return interval(
            zone, "2026-01-01T02:15:00", seconds=chance.choice([7, 61, 3600, 5400, 86400, 129600, 604800])
        )
    return rrule(random_rrule(chance), zone)


def test_random_rules_increase_strictly_and_do_not_depend_on_the_path() -> None:
    chance = random.Random(20260302)
    planned = refused = 0
    while planned < RULES:
        rule = random_rule(chance)
        after = utc("2026-01-01") + timedelta(seconds=chance.randrange(365 * 86400))
        try:
            found = between(rule, after, None, 12)
        except Invalid:
            refused += 1
            continue
        planned += 1
        assert all(earlier < later for earlier, later in pairwise(found)), rule
        if len(found) < 2:
            continue
        assert found[0] >= after
        middle = chance.randrange(len(found))
        assert between(rule, found[middle], found[-1]) == found[middle:], rule
        again = found[middle] + timedelta(microseconds=1)
        assert between(rule, again, found[-1]) == found[middle + 1 :], rule
    assert refused < planned / 5


def test_in_utc_cron_is_croniters() -> None:
    chance = random.Random(4)
    compared = 0
    while compared < min(RULES, 20_000) // 3:
        text, day_or = random_cron(chance), chance.random() < 0.7
        after = utc("2026-01-01") + timedelta(seconds=chance.randrange(4 * 365 * 86400))
        try:
            theirs = croniter(
                text, after.replace(tzinfo=None) - timedelta(seconds=1), datetime, day_or=day_or
            )
            expected = [theirs.get_next() for _ in range(6)]
        except CroniterError:
            continue
        found = between(cron(text, day_or=day_or), after, None, 6)
        assert [instant.replace(tzinfo=None) for instant in found] == expected, (text, day_or, after)
        compared += 1


ZONE_NAMES = st.sampled_from(
    [*ZONES, "UTC", "Pacific/Apia", "Africa/Casablanca", "Asia/Gaza", "America/Sao_Paulo"]
)
STARTS = st.datetimes(datetime.fromisoformat("1995-01-01"), datetime.fromisoformat("2037-12-31"))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(zone=ZONE_NAMES, start=STARTS, minute=st.integers(0, 59), hour=st.integers(0, 23))
def test_a_daily_rule_fires_exactly_once_on_each_local_day(
    zone: str, start: datetime, minute: int, hour: int
) -> None:
    """Whatever the clock does. Two labels may merge where a whole day was left out (Apia, 30.12.2011)."""
    from zoneinfo import ZoneInfo

    found = between(cron(f"{minute} {hour} * * *", zone), utc(start.isoformat()), None, 30)
    days = [instant.astimezone(ZoneInfo(zone)).date() for instant in found]
    assert len(set(days)) == len(days) == 30
    assert all(earlier < later for earlier, later in pairwise(days))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(zone=ZONE_NAMES, start=STARTS, step=st.sampled_from([1, 5, 10, 15, 30]))
def test_a_wildcard_rule_fires_at_an_even_pace_whatever_the_clock_does(
    zone: str, start: datetime, step: int
) -> None:
    """All these zones change by a multiple of the step, so the pace never falters."""
    found = between(cron(f"*/{step} * * * *", zone), utc(start.isoformat()), None, 3000 // step)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=step)}
