"""What watches: sweeps, links, probes; and long calculations."""

from __future__ import annotations

from sluice.demo.entry import Entry, Pause, cron, every, rrule
from sluice.demo.history import Habit
from store.schemas import CollisionStrategy

BERLIN = "Europe/Berlin"
LONDON = "Europe/London"
NEW_YORK = "America/New_York"

_SWEEP = Habit(
    0.1,
    0.3,
    0.02,
    "RuntimeError: 1 files changed and 0 are gone below examples",
    ("{n} files below examples: 0 changed, 0 gone",),
    13,
    "checksum_sweep",
)
_LINKS = Habit(
    0.1,
    0.3,
    0.04,
    "RuntimeError: 1 of 14 links are broken",
    ("{n} links checked, 0 broken",),
    14,
    "check_links",
)


def _primes(seconds: float, failing: float = 0.02) -> Habit:
    lines = tuple(f"{part:3} %  {part * 780:,} primes so far" for part in range(10, 101, 10))
    return Habit(seconds, 0.08, failing, "MemoryError", (*lines, "78,498 primes"))


def _probe(seconds: float) -> Habit:
    lines = tuple(f"probe {number}: median 0.1{number} ms of 3" for number in range(1, 6))
    return Habit(seconds, 0.1, 0.01, "TimeoutError", (*lines, "5 probes answered"), logger="probe_loopback")


WATCHING: tuple[Entry, ...] = (
    Entry(
        "checksum-sweep",
        "examples",
        _SWEEP._replace(failing=0.0),
        (cron("*/20 * * * *"),),
        parameters={"pattern": "*.py"},
        tags=("audit",),
        description="Whether anybody changed the examples since the last sweep.",
        days=2,
    ),
    Entry(
        "checksum-sweep",
        "project-file",
        _SWEEP,
        (cron("40 * * * *"),),
        parameters={"pattern": "*.yaml", "fail_on_change": True},
        tags=("audit", "critical"),
        days=5,
    ),
    Entry(
        "check-links",
        "documentation",
        _LINKS,
        (rrule("FREQ=MONTHLY;BYDAY=1MO;BYHOUR=8;BYMINUTE=30;BYSECOND=0", BERLIN),),
        tags=("audit", "docs"),
        description="On the first Monday of each month.",
        days=30,
        by_hand=4,
    ),
    Entry(
        "check-links",
        "nightly",
        _LINKS,
        (cron("20 1 * * *"),),
        parameters={"fail": False},
        tags=("docs",),
        days=30,
    ),
    Entry(
        "probe-loopback",
        "every-minute",
        _probe(0.9),
        (cron("* * * * *"),),
        parameters={"probes": 5, "rounds": 3},
        tags=("network", "prod"),
        description="Five connections at once on the loopback interface, with asyncio.",
        days=0.15,
    ),
    Entry(
        "probe-loopback",
        "thorough",
        _probe(4.2),
        (every(minutes=3),),
        parameters={"probes": 8, "rounds": 10},
        tags=("network",),
        days=0.5,
    ),
    Entry(
        "probe-loopback",
        "office-hours",
        _probe(1.6),
        (cron("*/15 9-17 * * mon-fri", NEW_YORK),),
        parameters={"probes": 5, "rounds": 6},
        tags=("network",),
        days=6,
    ),
    Entry(
        "count-primes",
        "weekend",
        _primes(31),
        (rrule("FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=4;BYMINUTE=0;BYSECOND=0", LONDON),),
        parameters={"slices": 30},
        tags=("long",),
        description="Takes half a minute and tells how far it is.",
        days=30,
        by_hand=5,
        limit=1,
    ),
    Entry(
        "count-primes",
        "quarter-hourly",
        _primes(12),
        (cron("7-59/15 * * * *"),),
        parameters={"slices": 12},
        tags=("long", "prod"),
        days=2,
        limit=1,
        collision=CollisionStrategy.ENQUEUE_ONE,
    ),
    Entry(
        "count-primes",
        "overnight",
        _primes(61),
        (cron("0 1 * * *", BERLIN),),
        parameters={"slices": 60},
        tags=("long",),
        days=30,
    ),
    Entry(
        "count-primes",
        "capacity-test",
        _primes(45, 0.2),
        (cron("0 */4 * * *"),),
        parameters={"slices": 45},
        tags=("long", "test"),
        days=10,
        pause=Pause("the machine is needed for the release", 0.6, resumes_in_hours=30),
    ),
)
