"""Rules in words."""

from __future__ import annotations

import random
import string

import pytest
from support.timetable import cron, interval, rrule

from scheduler.timetable import describe, describe_kept
from store.schedules import rule_to_json
from store.schemas import CronSchedule, RRuleSchedule, ScheduleRule


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("* * * * *", None, "every minute"),
        ("*/15 * * * *", None, "every 15 min"),
        ("0 * * * *", None, "hourly at :00 UTC"),
        ("5 */2 * * *", "Europe/Paris", "every 2 h at :05 Europe/Paris"),
        ("0 9 * * *", "Europe/Paris", "daily at 09:00 Europe/Paris"),
        ("30 9,17 * * *", None, "daily at 09:30, 17:30 UTC"),
        ("0 9 * * 1-5", None, "at 09:00 on Mon-Fri UTC"),
        ("0 9 * * mon,wed", None, "at 09:00 on Mon, Wed UTC"),
        ("0 9 * * 7", None, "at 09:00 on Sun UTC"),
        ("@daily", None, "daily at 00:00 UTC"),
        ("@weekly", None, "at 00:00 on Sun UTC"),
        ("15 6 1 * *", None, "monthly on day 1 at 06:15 UTC"),
        ("15 6 L * *", None, "monthly on the last day at 06:15 UTC"),
        ("0 0 24 12 *", None, "on day 24 of Dec at 00:00 UTC"),
        ("0 9 * * fri#2", None, "at 09:00, on the second Friday of the month UTC"),
        ("0 12 * * * 30", None, "at 12:00:30 UTC"),
    ],
)
def test_cron(text: str, zone: str | None, words: str) -> None:
    assert describe(cron(text, zone)) == words


@pytest.mark.parametrize(
    "rule",
    [
        cron("0 9 * * 1-5", "Europe/Paris"),
        cron("0 0 13 * 5", day_or=False),
        interval(minutes=15),
        interval("Europe/Paris", "2026-03-01T09:00:00", days=1),
        rrule("FREQ=WEEKLY;BYDAY=MO"),
        rrule("FREQ=DAILY", "Europe/Paris"),
    ],
)
def test_a_kept_rule_has_the_words_of_the_rule(rule: ScheduleRule) -> None:
    assert describe_kept(rule_to_json(rule)) == describe(rule)


def test_cron_with_both_days_says_which_way_they_combine() -> None:
    assert describe(cron("0 0 13 * 5")) != describe(cron("0 0 13 * 5", day_or=False))
    assert describe(cron("0 0 13 * 5", day_or=False)).endswith("(both days) UTC")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"seconds": 90}, "every 1 min 30 s"),
        ({"minutes": 15}, "every 15 min"),
        ({"hours": 1}, "every hour"),
        ({"hours": 36}, "every 1 d 12 h UTC"),
        ({"days": 1}, "every day UTC"),
        ({"seconds": 0.5}, "every 0.5 s"),
        ({"seconds": 0}, "every 0 s"),
    ],
)
def test_interval(step: dict[str, float], words: str) -> None:
    assert describe(interval(**step)) == words


@pytest.mark.parametrize(
    ("zone", "anchor", "words"),
    [
        (None, "2026-01-01T09:00:00", "every day at 09:00 UTC"),
        ("Europe/Paris", "2026-01-01T09:00:00", "every day at 09:00 Europe/Paris"),
        (None, "2026-01-01T09:00:00+02:00", "every day at 09:00 UTC+02:00"),
        ("Europe/Paris", "2026-01-01T09:00:00+02:00", "every day Europe/Paris"),
        ("Europe/Paris", "nonsense", "every day Europe/Paris"),
    ],
)
def test_a_daily_interval_names_the_time_of_its_anchor(zone: str | None, anchor: str, words: str) -> None:
    assert describe(interval(zone, anchor, days=1)) == words


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("FREQ=DAILY", None, "daily UTC"),
        ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY", "Europe/Paris", "daily at 09:00 Europe/Paris"),
        (
            "DTSTART;TZID=America/New_York:20260101T090000\nRRULE:FREQ=DAILY",
            None,
            "daily at 09:00 America/New_York",
        ),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;BYHOUR=7", None, "every 2 weeks on Mon, Wed at 07:00 UTC"),
        ("FREQ=MINUTELY;INTERVAL=10", None, "every 10 min UTC"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20261231T000000", None, "daily until 2026-12-31 3 times UTC"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", None, "monthly on day 15 UTC"),
        ("FREQ=YEARLY;BYWEEKNO=20", None, "FREQ=YEARLY;BYWEEKNO=20 UTC"),
        ("FREQ=DAILY\nEXDATE:20260101T000000", None, "FREQ=DAILY EXDATE:20260101T000000 UTC"),
    ],
)
def test_rrule(text: str, zone: str | None, words: str) -> None:
    assert describe(rrule(text, zone)) == words


@pytest.mark.parametrize(
    "text", ["", " ", "x", "H * * * *", "99 99 99 99 99", "a-b c/d ,, -- ??", "@reboot", "²  ٣ * * *"]
)
def test_odd_rules_are_shown_as_they_stand(text: str) -> None:
    assert isinstance(describe(CronSchedule(cron=text)), str)
    assert isinstance(describe(RRuleSchedule(rrule=text)), str)


def test_no_rule_makes_it_fail() -> None:
    chance = random.Random(7)
    letters = string.digits * 3 + "*/-,#?LWHR@ =;:\n" + string.ascii_letters + "é²٣"
    pieces = [
        "FREQ=",
        "DAILY",
        "BYDAY=",
        "MO",
        "UNTIL=",
        "COUNT=",
        "BYHOUR=",
        "DTSTART:",
        "20260101T0900",
        "mon",
        "* * ",
    ]
    for _ in range(3000):
        text = "".join(
            chance.choice(pieces) if chance.random() < 0.3 else chance.choice(letters)
            for _ in range(chance.randrange(30))
        )
        describe(CronSchedule(cron=text, day_or=chance.random() < 0.5))
        describe(RRuleSchedule(rrule=text))
