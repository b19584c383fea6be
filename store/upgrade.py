"""Bringing a database's schema up to date: alone with the file, after a backup, all or nothing."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from peewee import SqliteDatabase

from store import migrations
from store.clock import Clock
from store.errors import DatabaseNewer, DatabaseProblem, DatabaseUnreadable
from store.locks import LockFile, LockRole, read_holder

APPLICATION_ID = 0x534C5549
"""`SLUI` in the file's header: tells a database of Sluice from one of another program."""

WAIT_SECONDS = 5.0
"""How long to wait for the processes that use the file: enough for another one that is just creating it."""

_POLL_SECONDS = 0.05
_ROLES: tuple[LockRole, ...] = ("scheduler", "worker")


class Version(NamedTuple):
    """What a database says it is. `number` 0 without `tables`: a new, empty file."""

    number: int
    application_id: int
    tables: bool


def read_version(database: SqliteDatabase) -> Version:
    """The version of an open database, by one query of its header."""
    number, application_id, tables = database.execute_sql(
        "SELECT (SELECT user_version FROM pragma_user_version),"
        " (SELECT application_id FROM pragma_application_id), EXISTS (SELECT 1 FROM sqlite_master)"
    ).fetchone()
    return Version(number, application_id, bool(tables))


def needs_upgrade(path: Path, version: Version, *, read_only: bool) -> bool:
    """Whether migrations are to be applied before the database can be used.

    Raises:
        DatabaseNewer: made by a newer Sluice.
        DatabaseUnreadable: made by another program.
        DatabaseProblem: older, and read-only.
    """
    if version.tables and version.application_id != APPLICATION_ID:
        raise DatabaseUnreadable(
            path, f"{path} is a database of another program; name another file with --db or SLUICE_DB"
        )
    if version.number > migrations.LATEST:
        raise DatabaseNewer(
            path,
            f"{path} was written by a newer Sluice: its schema has version {version.number}, this Sluice"
            f" knows up to {migrations.LATEST}; upgrade Sluice, or name another file with --db or SLUICE_DB",
        )
    if version.number < migrations.LATEST and read_only:
        was = f"has version {version.number} of the schema" if version.tables else "is empty"
        raise DatabaseProblem(
            path,
            f"{path} {was}, this Sluice needs version {migrations.LATEST}, and --read-only changes nothing;"
            " open it once without --read-only to bring it up to date",
        )
    return version.number < migrations.LATEST


def upgrade(database: SqliteDatabase, path: Path, clock: Clock, wait_seconds: float = WAIT_SECONDS) -> None:
    """Apply the pending migrations while no process schedules or works; returns when the schema is current.

    Args:
        database: open and idle.
        path: its file.
        clock: dates the backup copy.
        wait_seconds: how long other processes may take to let go, or to do it themselves.

    Raises:
        DatabaseProblem: another process keeps the database, or a migration failed; nothing was changed.
    """
    pause = threading.Event()
    deadline = time.monotonic() + wait_seconds
    while True:
        with _both_locks(path) as alone:
            if alone:
                version = read_version(database)
                if needs_upgrade(path, version, read_only=False):
                    _apply(database, path, version, clock)
                return
        if not needs_upgrade(path, read_version(database), read_only=False):
            return
        if time.monotonic() >= deadline:
            raise DatabaseProblem(path, _who_is_in_the_way(path))
        pause.wait(_POLL_SECONDS)


@contextmanager
def _both_locks(path: Path) -> Iterator[bool]:
    """Hold both locks of the database, or neither."""
    locks = [LockFile(path, role) for role in _ROLES]
    try:
        yield all(lock.try_acquire() for lock in locks)
    finally:
        for lock in locks:
            lock.release()


def _who_is_in_the_way(path: Path) -> str:
    roles: dict[tuple[int, str], list[str]] = {}
    for role in _ROLES:
        if holder := read_holder(path, role):
            roles.setdefault((holder.pid, holder.command), []).append(role)
    named = [f"process {pid} ({', '.join([name, *held])})" for (pid, name), held in roles.items()]
    who = f"{' and '.join(named) or 'another process'} {'are' if len(named) > 1 else 'is'}"
    return f"{path} must be brought up to date, and {who} using it; stop that first, then start again"


def _apply(database: SqliteDatabase, path: Path, version: Version, clock: Clock) -> None:
    backup = None
    if version.tables:
        backup = _back_up(database, path, version.number, clock)
    else:
        # Both are properties of the file, to be chosen before its first table.
        database.execute_sql("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute_sql("PRAGMA journal_mode = WAL")
    # A migration may rebuild a table; with foreign keys on, dropping the old one would delete its children.
    # The switch works outside of transactions only, so it is thrown here and the keys are checked at the end.
    database.execute_sql("PRAGMA foreign_keys = OFF")
    try:
        with database.atomic():
            _run_scripts(database)
    except Exception as error:
        kept = f"; a copy of it is {backup}" if backup else ""
        raise DatabaseProblem(
            path,
            f"{path} could not be brought from version {version.number} to {migrations.LATEST}: {error};"
            f" nothing was changed in it{kept}",
        ) from error
    finally:
        database.execute_sql("PRAGMA foreign_keys = ON")


def _run_scripts(database: SqliteDatabase) -> None:
    # Imported here: the runner is needed once in the life of a version, and takes time to import.
    from playhouse.migrations import Runner

    Runner(database, str(migrations.DIRECTORY)).up()
    dangling = database.execute_sql("PRAGMA foreign_key_check").fetchall()
    if dangling:
        raise sqlite3.IntegrityError(f"{len(dangling)} rows would refer to others that do not exist")
    database.execute_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute_sql(f"PRAGMA user_version = {migrations.LATEST}")


def _back_up(database: SqliteDatabase, path: Path, version: int, clock: Clock) -> Path:
    """A whole copy beside the database, readable by its owner only: `<name>.backup-<version>-<time>`."""
    target = path.with_name(f"{path.name}.backup-{version}-{clock.now():%Y%m%dT%H%M%SZ}")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(target)) as copy:
            database.connection().backup(copy)
    except (sqlite3.Error, OSError) as error:
        if target.is_file():
            target.unlink()
        raise DatabaseProblem(
            path, f"{path} must be brought up to date, and no copy of it could be made first: {error}"
        ) from error
    return target
