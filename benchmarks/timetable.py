"""How fast rules become instants, and schedules runs: `python -m benchmarks.timetable`.

Targets: cron no slower than croniter iterating, a MINUTELY RRULE from 2020 under 1 ms to its first date, the
dates of 1,000 minutely deployments in under 1 s on one core. Exits 1 when one is missed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import croniter

from scheduler import planner
from scheduler.decisions import horizon
from scheduler.timetable import occurrences
from store import deployments, flows, schemas, work_pools
from store.clock import FrozenClock
from store.database import Store
from store.ids import new_id

START = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
RULES = ("* * * * *", "*/15 * * * *", "0 * * * *", "0 9 * * *", "0 9 * * 1-5", "30 4 1,15 * *")
ZONE = "Europe/Paris"
DATES = 2000
DEPLOYMENTS = 1000


def main() -> int:
    """Measure and print; answers 1 when a target is missed."""
    reached = [_cron(rule) for rule in RULES]
    reached.append(_far_rrule())
    reached.append(_dates_of_deployments())
    _plan_deployments()
    return 0 if all(reached) else 1


def _best(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of CPU that `work` takes at best."""
    took = []
    for _ in range(times):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def _cron(text: str) -> bool:
    """Ours with daylight saving against croniter on naive datetimes, which knows none, and on aware ones."""
    rule = schemas.CronSchedule(cron=text, timezone=ZONE)
    naive, aware = START.replace(tzinfo=None), START.astimezone(ZoneInfo(ZONE))
    ours = _best(lambda: occurrences(rule, after=START, before=None, limit=DATES, anchor=START))
    plain = _best(lambda: list(islice(croniter(text, naive, datetime), DATES)))
    zoned = _best(lambda: list(islice(croniter(text, aware, datetime), DATES)))
    line = f"{text:16} {ours / DATES * 1e6:7.2f} us a date; croniter naive {plain / DATES * 1e6:6.2f}"
    return _say(f"{line}, aware {zoned / DATES * 1e6:6.2f}", ours <= plain)


def _far_rrule() -> bool:
    """The first date of rules nobody has compiled yet: reading the rule is included."""
    after = START + timedelta(days=1)
    occurrences(_minutely(0), after=after, before=None, limit=1, anchor=START)
    took = []
    for second in range(1, 30):
        rule = _minutely(second)
        begun = time.process_time()
        occurrences(rule, after=after, before=None, limit=1, anchor=START)
        took.append(time.process_time() - begun)
    took.sort()
    return _say(
        f"MINUTELY from 2020, first date: median {took[len(took) // 2] * 1e3:.3f} ms", took[14] < 0.001
    )


def _minutely(second: int) -> schemas.RRuleSchedule:
    return schemas.RRuleSchedule(
        rrule=f"DTSTART:20200101T0000{second:02}\nRRULE:FREQ=MINUTELY", timezone=ZONE
    )


def _dates_of_deployments() -> bool:
    rule = schemas.CronSchedule(cron="* * * * *", timezone=ZONE)
    ids = [new_id() for _ in range(DEPLOYMENTS)]
    found = 0

    def plan_all() -> None:
        nonlocal found
        found = sum(len(horizon(rule, START, key, START, None).slots) for key in ids)

    took = _best(plan_all, 3)
    return _say(f"dates of {DEPLOYMENTS:,} minutely deployments ({found:,}): {took:.3f} s", took < 1)


def _plan_deployments() -> None:
    """The whole first plan with all its rows on disk, and a look with nothing to do; no target of its own."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FrozenClock(START)
        store = Store.open(Path(folder) / "bench.db", clock=clock)
        work_pools.ensure_defaults(store)
        flow, _ = flows.get_or_create(store, schemas.FlowCreate(name="bench"))
        every_minute = schemas.DeploymentScheduleCreate(schedule=schemas.CronSchedule(cron="* * * * *"))
        with store.write():
            for number in range(DEPLOYMENTS):
                new = schemas.DeploymentCreate(
                    name=f"d{number}", flow_id=flow.id, work_pool_name="local", schedules=[every_minute]
                )
                deployments.create(store, new, "bench")
        begun = time.perf_counter()
        result = planner.plan(store, clock.now())
        took = time.perf_counter() - begun
        _say(f"the same, {result.made:,} runs written: {took:.2f} s ({took / result.made * 1e6:.0f} us each)")
        idle = _best(lambda: planner.plan(store, clock.now()), 50)
        _say(f"a look with nothing to do: {idle * 1e3:.3f} ms")
        store.close()


def _say(text: str, reached: bool | None = None) -> bool:
    print(text + {None: "", True: "  ok", False: "  MISSED"}[reached], flush=True)
    return reached is not False


if __name__ == "__main__":
    sys.exit(main())
