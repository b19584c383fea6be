"""A digest of the day for a person: what the other examples measured and wrote."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import timedelta

from workspace import MEASUREMENTS, folder, slot

log = logging.getLogger("digest")


def digest(hours: int = 24, title: str = "Digest") -> None:
    """Write a page about the last hours.

    Args:
        hours: how far to look back.
        title: the page's heading.
    """
    now = slot()
    since = now - timedelta(hours=hours)
    lines = [f"# {title}, {now:%Y-%m-%d %H:%M}", "", "## Disks", *_disks(since.isoformat()), "", "## Reports"]
    reports = [file for file in folder("reports").iterdir() if file.stat().st_mtime >= since.timestamp()]
    lines += [f"* {file.name}, {file.stat().st_size} bytes" for file in sorted(reports)] or ["* none"]
    target = folder("digests") / f"{now:%Y-%m-%d}.md"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    log.info("written to %s", target)


def _disks(since: str) -> list[str]:
    database = folder() / MEASUREMENTS
    if not database.exists():
        return ["* no measurements yet"]
    query = (
        "SELECT path, count(*), min(100.0 * used / total), max(100.0 * used / total)"
        " FROM disk_usage WHERE at >= ? GROUP BY path ORDER BY path"
    )
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(query, (since,)).fetchall()
    return [
        f"* {path}: {low:.1f} to {high:.1f} % in {count} measurements" for path, count, low, high in rows
    ] or ["* no measurements in this time"]
