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
        ("2-59/6 * * * *", None, "every 6 min from :02 UTC"),
        ("5 8-17 * * *", None, "hourly 08:05-17:05 UTC"),
        ("0 1-23/2 * * *", None, "every 2 h 01:00-23:00 UTC"),
        ("*/5 9 * * *", None, "every 5 min 09:00-09:55 UTC"),
        ("*/15 9-17 * * mon-fri", "Europe/Paris", "every 15 min Mon-Fri 09:00-17:45 Europe/Paris"),
        ("*/30 * * * sat,sun", None, "every 30 min Sat, Sun UTC"),
        ("* * * 8 *", None, "every minute in Aug UTC"),
        ("0 9 * * *", "Europe/Paris", "daily 09:00 Europe/Paris"),
        ("30 9,17 * * *", None, "daily 09:30, 17:30 UTC"),
        ("0 9 * 3-5 *", None, "daily 09:00 in Mar-May UTC"),
        ("0 9 * * 1-5", None, "Mon-Fri 09:00 UTC"),
        ("0 9 * * mon,wed", None, "Mon, Wed 09:00 UTC"),
        ("0 9 * * 7", None, "Sun 09:00 UTC"),
        ("0 9 * * 5-7", None, "Fri-Sun 09:00 UTC"),
        ("0 9 * * sat-sun", None, "Sat, Sun 09:00 UTC"),
        ("0 9 * * 0-6", None, "daily 09:00 UTC"),
        ("0 9 ? * 1", None, "Mon 09:00 UTC"),
        ("@daily", None, "daily 00:00 UTC"),
        ("@weekly", None, "Sun 00:00 UTC"),
        ("15 6 1 * *", None, "monthly 1st 06:15 UTC"),
        ("15 6 1,15 * *", None, "monthly 1st, 15th 06:15 UTC"),
        ("15 6 1-7 * *", None, "monthly 1st-7th 06:15 UTC"),
        ("15 6 L * *", None, "monthly last day 06:15 UTC"),
        ("0 9 * * fri#2", None, "monthly 2nd Fri 09:00 UTC"),
        ("0 9 * * L5", None, "monthly last Fri 09:00 UTC"),
        ("0 0 24 12 *", None, "yearly 24 Dec 00:00 UTC"),
        ("0 0 1 3,6,9,12 *", None, "1st of Mar, Jun, Sep, Dec 00:00 UTC"),
        ("0 12 * * * 30", None, "at 12:00:30 UTC"),
        ("0 0 */2 * *", None, "at 00:00, every 2 days UTC"),
        ("0-10 5 * * 1-5", None, "every minute between 05:00 and 05:10, Mon-Fri UTC"),
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
        ({"hours": 1}, "hourly"),
        ({"hours": 36}, "every 1 d 12 h UTC"),
        ({"days": 1}, "daily UTC"),
        ({"days": 2}, "every 2 days UTC"),
        ({"weeks": 1}, "weekly UTC"),
        ({"weeks": 2}, "every 2 weeks UTC"),
        ({"seconds": 0.5}, "every 0.5 s"),
        ({"seconds": 0}, "every 0 s"),
    ],
)
def test_interval(step: dict[str, float], words: str) -> None:
    assert describe(interval(**step)) == words


@pytest.mark.parametrize(
    ("zone", "anchor", "words"),
    [
        (None, "2026-01-01T09:00:00", "daily 09:00 UTC"),
        ("Europe/Paris", "2026-01-01T09:00:00", "daily 09:00 Europe/Paris"),
        (None, "2026-01-01T09:00:00+02:00", "daily 09:00 UTC+02:00"),
        ("Europe/Paris", "2026-01-01T09:00:00+02:00", "daily Europe/Paris"),
        ("Europe/Paris", "nonsense", "daily Europe/Paris"),
    ],
)
def test_a_daily_interval_names_the_time_of_its_anchor(zone: str | None, anchor: str, words: str) -> None:
    assert describe(interval(zone, anchor, days=1)) == words


@pytest.mark.parametrize(
    ("weeks", "words"), [(1, "Thu 09:00 Europe/Paris"), (2, "every 2 weeks on Thu 09:00 Europe/Paris")]
)
def test_an_interval_of_weeks_names_the_day_of_its_anchor(weeks: int, words: str) -> None:
    assert describe(interval("Europe/Paris", "2026-01-01T09:00:00", weeks=weeks)) == words


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("FREQ=DAILY", None, "daily UTC"),
        (
            "FREQ=DAILY;BYHOUR=6,12;BYMINUTE=30;BYSECOND=0",
            "Europe/London",
            "daily 06:30, 12:30 Europe/London",
        ),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9;BYMINUTE=0", None, "Mon-Fri 09:00 UTC"),
        ("FREQ=DAILY;BYMONTH=3,4,5;BYHOUR=9;BYMINUTE=0", None, "daily 09:00 in Mar-May UTC"),
        ("FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=4;BYMINUTE=0", "Europe/London", "Sat, Sun 04:00 Europe/London"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", None, "every 2 weeks on Mon UTC"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;BYHOUR=7", None, "every 2 weeks on Mon, Wed in hour 7 UTC"),
        ("FREQ=WEEKLY", None, "weekly UTC"),
        (
            "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=8;BYMINUTE=30;BYSECOND=0",
            "Europe/Berlin",
            "monthly 1st Mon 08:30 Europe/Berlin",
        ),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2", None, "monthly 2nd Mon UTC"),
        ("FREQ=MONTHLY;BYDAY=1FR,-1FR", None, "monthly 1st, last Fri UTC"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", None, "monthly last working day UTC"),
        ("FREQ=MONTHLY;INTERVAL=3;BYDAY=-1FR", None, "every 3 months on last Fri UTC"),
        ("FREQ=MONTHLY;BYDAY=MO", None, "Mon UTC"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", None, "monthly 15th UTC"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,11,22", None, "monthly 1st, 11th, 22nd UTC"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", None, "monthly last day UTC"),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", None, "yearly 24 Dec UTC"),
        ("FREQ=YEARLY;BYMONTH=9;BYDAY=1MO", None, "yearly 1st Mon of Sep UTC"),
        ("FREQ=MINUTELY;INTERVAL=10", None, "every 10 min"),
        ("FREQ=MINUTELY;INTERVAL=15;BYDAY=MO,TU,WE,TH,FR", None, "every 15 min Mon-Fri UTC"),
        ("FREQ=HOURLY;BYMINUTE=40", None, "hourly at :40 UTC"),
        ("FREQ=SECONDLY;INTERVAL=30", None, "every 30 s"),
        ("FREQ=DAILY;COUNT=10", None, "daily UTC, 10 times"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20261231T000000Z", None, "daily UTC, once, until 2026-12-31"),
        # What has no short words is shown as it is.
        ("FREQ=DAILY;BYMINUTE=30", None, "FREQ=DAILY;BYMINUTE=30 UTC"),
        ("FREQ=DAILY;INTERVAL=2;BYDAY=MO", None, "FREQ=DAILY;INTERVAL=2;BYDAY=MO UTC"),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", None, "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR UTC"),
        ("FREQ=MONTHLY;BYDAY=1MO,TU", None, "FREQ=MONTHLY;BYDAY=1MO,TU UTC"),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYSETPOS=1;BYHOUR=9,17",
            None,
            "FREQ=MONTHLY;BYDAY=FR;BYSETPOS=1;BYHOUR=9,17 UTC",
        ),
        ("FREQ=YEARLY;BYWEEKNO=20", None, "FREQ=YEARLY;BYWEEKNO=20 UTC"),
        ("FREQ=DAILY\nEXDATE:20260101T000000", None, "FREQ=DAILY EXDATE:20260101T000000 UTC"),
    ],
)
def test_rrule(text: str, zone: str | None, words: str) -> None:
    assert describe(rrule(text, zone)) == words


@pytest.mark.parametrize(
    ("rule", "zone", "words"),
    [
        ("FREQ=DAILY", "Europe/Paris", "daily 09:00 Europe/Paris"),
        ("FREQ=WEEKLY", None, "Thu 09:00 UTC"),
        ("FREQ=MONTHLY", None, "monthly 1st 09:00 UTC"),
        ("FREQ=YEARLY", None, "yearly 1 Jan 09:00 UTC"),
        ("FREQ=HOURLY;INTERVAL=6", None, "every 6 h at :00 UTC"),
        ("FREQ=WEEKLY;BYDAY=MO;BYHOUR=7", None, "Mon 07:00 UTC"),
    ],
)
def test_an_rrule_takes_what_it_does_not_name_from_its_start(rule: str, zone: str | None, words: str) -> None:
    assert describe(rrule(f"DTSTART:20260101T090000\nRRULE:{rule}", zone)) == words


def test_the_zone_of_an_rrule_may_stand_in_its_start() -> None:
    text = "DTSTART;TZID=America/New_York:20260101T090000\nRRULE:FREQ=DAILY"
    assert describe(rrule(text)) == "daily 09:00 America/New_York"


def test_an_instant_as_start_names_no_time_in_another_zone() -> None:
    text = "DTSTART:20260101T090000Z\nRRULE:FREQ=DAILY"
    assert describe(rrule(text, "Europe/Paris")) == "daily Europe/Paris"
    assert describe(rrule(text)) == "daily 09:00 UTC"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "x",
        "H * * * *",
        "99 99 99 99 99",
        "FREQ=DAILY;COUNT=" + "9" * 5000,
        "a-b c/d ,, -- ??",
        "@reboot",
        "²  ٣ * * *",
    ],
)
def test_odd_rules_are_shown_as_they_stand(text: str) -> None:
    assert isinstance(describe(CronSchedule(cron=text)), str)
    assert isinstance(describe(RRuleSchedule(rrule=text)), str)


def test_no_rule_makes_it_fail() -> None:
    chance = random.Random(7)
    letters = string.digits * 3 + "*/-,#?LWHR@ =;:\n" + string.ascii_letters + "é²٣"
    pieces = [
        "FREQ=MONTHLY;",
        "FREQ=",
        "DAILY",
        "INTERVAL=",
        ";BYDAY=",
        ";BYSETPOS=-",
        ";BYMONTHDAY=",
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
