"""Measure a file system into SQLite and warn when it fills up."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta

from workspace import MEASUREMENTS, folder, slot

log = logging.getLogger("disk_usage")


def disk_usage(path: str = "/", warn_percent: float = 90.0, keep_days: int = 30) -> None:
    """Record how full a file system is, and warn above a limit.

    Args:
        path: any folder on the file system.
        warn_percent: log a warning from this share of used space on.
        keep_days: older measurements are removed.
    """
    usage = shutil.disk_usage(path)
    percent = 100 * usage.used / usage.total
    now = slot()
    with closing(sqlite3.connect(folder() / MEASUREMENTS)) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS disk_usage (at TEXT, path TEXT, used INTEGER, total INTEGER,"
            " PRIMARY KEY (at, path))"
        )
        database.execute(
            "INSERT OR REPLACE INTO disk_usage VALUES (?, ?, ?, ?)",
            (now.isoformat(), path, usage.used, usage.total),
        )
        oldest = (now - timedelta(days=keep_days)).isoformat()
        removed = database.execute("DELETE FROM disk_usage WHERE at < ?", (oldest,)).rowcount
    log.info("%s: %.1f %% of %.1f GB used", path, percent, usage.total / 1e9)
    if removed:
        log.info("removed %d measurements older than %d days", removed, keep_days)
    if percent >= warn_percent:
        log.warning("%s is above %.0f %%: %.1f GB left", path, warn_percent, usage.free / 1e9)
