"""Make the demo's database: deployments born a month ago, pauses, and 2,000 runs that have ended."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from backend.local import LocalBackend
from scheduler import timetable
from sluice.demo.catalogue import CATALOGUE
from sluice.demo.entry import Entry
from sluice.demo.history import Past, make_history
from sluice.settings import Settings
from store import bulk, work_pools
from store.clock import FrozenClock, SystemClock
from store.database import Store
from store.schemas import Deployment

TOTAL_RUNS = 2000
AGE = timedelta(days=31)
"""How long ago the deployments were made."""
MOST_SLOTS = 400


def examples_folder() -> Path:
    """The example flows: `_examples` in the installed package, `examples` beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_examples"
    return installed if installed.is_dir() else package.parent / "examples"


def build_demo(
    settings: Settings, *, seed: int, total: int = TOTAL_RUNS, now: datetime | None = None
) -> None:
    """Make the database of `settings` and, beside it, a copy of the example flows to run and write in.

    Args:
        settings: `home` is the demo's folder; nothing is written outside it.
        seed: makes the past; the same seed and `now` make the same one.
        total: how many ended runs.
        now: where the past ends.
    """
    end = now or SystemClock().now()
    examples, data = settings.state_dir / "examples", settings.state_dir / "data"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(examples_folder(), examples, ignore=shutil.ignore_patterns("__pycache__"))
    clock = FrozenClock(end - AGE)
    store = Store.open(settings.database, clock=clock)
    try:
        work_pools.ensure_defaults(store)
        backend = LocalBackend(store, who="ana@control")
        made = backend.apply_deployments(
            [(entry.flow, entry.deployment(examples, data)) for entry in CATALOGUE]
        )
        deployments = [upserted.deployment for upserted in made]
        _pause(backend, clock, deployments, end)
        clock.set(end)
        pasts = [_past(entry, one, end) for entry, one in zip(CATALOGUE, deployments, strict=True)]
        bulk.insert_past_runs(store, make_history(pasts, total=total, now=end, seed=seed))
        bulk.settle_schedules(store, end)
    finally:
        store.close()


def _pause(
    backend: LocalBackend, clock: FrozenClock, deployments: Sequence[Deployment], end: datetime
) -> None:
    """Pause those that the catalogue pauses, at their time, the oldest first."""
    pauses = [(entry.pause, one.id) for entry, one in zip(CATALOGUE, deployments, strict=True) if entry.pause]
    for pause, key in sorted(pauses, key=lambda pair: -pair[0].days):
        clock.set(end - timedelta(days=pause.days))
        until = end + timedelta(hours=pause.resumes_in_hours) if pause.resumes_in_hours else None
        backend.pause_deployments([key], pause.reason, until)


def _past(entry: Entry, deployment: Deployment, end: datetime) -> Past:
    last = end - timedelta(days=entry.pause.days if entry.pause else 0)
    first = max(last - timedelta(days=entry.days), deployment.created)
    slots: list[tuple[datetime, UUID | None]] = []
    for schedule in deployment.schedules:
        instants = timetable.occurrences(
            schedule.schedule, after=first, before=last, limit=MOST_SLOTS, anchor=schedule.created
        )
        slots += [(instant, schedule.id) for instant in instants]
    step = (last - first) / (entry.by_hand + 1)
    slots += [(first + step * number, None) for number in range(1, entry.by_hand + 1)]
    return Past(deployment, entry.habit, sorted(slots, key=lambda slot: slot[0]))
