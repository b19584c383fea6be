"""Back up a SQLite database while it is in use, check the copy, and make it small."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from workspace import MEASUREMENTS, folder, slot

log = logging.getLogger("sqlite_backup")


def sqlite_backup(database: str | None = None, keep: int = 7, vacuum: bool = True) -> None:
    """Copy a database, check the copy, and keep the newest copies.

    Args:
        database: the file; default: the measurements of the disk_usage example.
        keep: how many copies stay.
        vacuum: take the free pages out of the copy.
    """
    source = Path(database) if database else folder() / MEASUREMENTS
    if not source.exists() and database is None:
        _make_up_measurements(source)
    if not source.is_file():
        raise FileNotFoundError(f"there is no database {source}")
    backups = folder("backups")
    target = backups / f"{source.stem}-{slot():%Y%m%dT%H%M%S}.db"
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy, pages=256, progress=_tell)
        answer = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if answer != "ok":
            raise RuntimeError(f"the copy {target} is damaged: {answer}")
        if vacuum:
            copy.execute("VACUUM")
    log.info("%s: %d bytes, checked", target, target.stat().st_size)
    for old in sorted(backups.glob(f"{source.stem}-*.db"))[:-keep]:
        old.unlink()
        log.info("removed %s", old.name)


def _tell(status: int, remaining: int, total: int) -> None:
    print(f"copied {total - remaining} of {total} pages")


def _make_up_measurements(target: Path) -> None:
    with closing(sqlite3.connect(target)) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS disk_usage (at TEXT, path TEXT, used INTEGER, total INTEGER,"
            " PRIMARY KEY (at, path))"
        )
    log.info("made an empty database %s", target)
