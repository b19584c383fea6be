"""The machine itself: its disks, its logs, and what may go."""

from __future__ import annotations

from sluice.demo.entry import Entry, cron, every
from sluice.demo.history import Habit

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"


def _disk(label: str) -> Habit:
    return Habit(
        0.12,
        0.3,
        0.02,
        "sqlite3.OperationalError: database is locked",
        (f"{label}: 41.7 % of 107.4 GB used",),
        logger="disk_usage",
    )


_ROTATE = Habit(
    0.11,
    0.3,
    0.01,
    "OSError: [Errno 28] No space left on device: 'app.log.1.gz'",
    ("app.log: {n} bytes, rotated",),
    5200,
    "rotate_logs",
)
_CLEAN = Habit(
    0.1, 0.3, 0.0, lines=("deleting words-20260214.txt", "{n} files, 14.2 kB"), amount=6, logger="clean_up"
)

MACHINE: tuple[Entry, ...] = (
    Entry(
        "disk-usage",
        "root",
        _disk("/"),
        (every(minutes=15),),
        parameters={"path": "/"},
        tags=("machine", "prod"),
        description="How full the root file system is, every quarter of an hour.",
        days=2,
    ),
    Entry(
        "disk-usage",
        "temporary",
        _disk("/tmp"),
        (cron("30 6,18 * * *", BERLIN, "twice-a-day"),),
        parameters={"path": "/tmp", "warn_percent": 80, "keep_days": 7},
        tags=("machine",),
    ),
    Entry(
        "disk-usage",
        "home",
        _disk("~"),
        (cron("*/10 7-19 * * mon-fri", BERLIN),),
        parameters={"path": "."},
        tags=("machine",),
        days=3,
    ),
    Entry(
        "disk-usage",
        "data-volume",
        _disk("."),
        (every(minutes=5),),
        parameters={"path": ".", "warn_percent": 95},
        tags=("machine", "prod", "critical"),
        days=1,
    ),
    Entry(
        "rotate-logs",
        "nightly",
        _ROTATE,
        (cron("15 0 * * *", BERLIN),),
        parameters={"max_bytes": 4000},
        tags=("machine",),
        days=30,
    ),
    Entry(
        "rotate-logs",
        "hourly",
        _ROTATE,
        (cron("0 * * * *"),),
        parameters={"keep": 3},
        tags=("machine", "web"),
        days=5,
    ),
    Entry("rotate-logs", "web", _ROTATE, (cron("30 3 * * *", NEW_YORK),), tags=("web", "prod"), days=30),
    Entry(
        "clean-up",
        "weekly",
        _CLEAN,
        (cron("0 5 * * sun", BERLIN),),
        parameters={"days": 7},
        tags=("machine",),
        description="Takes away what is older than a week, on Sundays.",
        days=30,
    ),
    Entry(
        "clean-up",
        "rehearsal",
        _CLEAN,
        (cron("50 23 * * *"),),
        parameters={"dry_run": True},
        tags=("machine",),
        days=30,
    ),
)
