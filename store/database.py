"""Opening the SQLite file, its transactions, and the Store that every noun's module works on."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peewee import DatabaseError, SqliteDatabase

from store.changes import ChangeSignal, Watcher
from store.clock import Clock, SystemClock
from store.errors import DatabaseProblem, DatabaseReadOnly, DatabaseUnreadable
from store.ids import KnownIds
from store.models import TABLES
from store.places import Mount, read_mounts, refuse_network
from store.problems import explain, explained
from store.text_match import register_functions
from store.upgrade import needs_upgrade, read_version, upgrade

BUSY_TIMEOUT_SECONDS = 10
CACHE_KIBIBYTES = 8000
MAX_IDLE_WAL_BYTES = 64 * 1024 * 1024


class Store:
    """An open database. One per process at a time, because models are bound to it.

    Each thread has its own connection, opened on first use. `write` is the only way to change anything.
    """

    def __init__(self, path: Path, database: SqliteDatabase, read_only: bool, clock: Clock) -> None:
        self.path = path
        self.database = database
        self.read_only = read_only
        self.clock = clock
        self.changes = ChangeSignal()
        self.known_ids = KnownIds()
        self._watcher: Watcher | None = None
        self._thread = threading.local()

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        read_only: bool = False,
        clock: Clock | None = None,
        mounts: Callable[[], list[Mount]] = read_mounts,
    ) -> Store:
        """Open or create the database at `path` and bring its schema up to date.

        Args:
            path: the file; made with mode 0600, its folder with 0700, when they do not exist.
            read_only: never make, migrate or change anything.
            clock: the store's time; default the system's.
            mounts: reads the machine's mount table.

        Raises:
            DatabaseProblem: unreadable, newer than this Sluice, on a network file system, in use while it
                must be migrated; older or missing when read-only.
        """
        file = Path(path).expanduser().absolute()
        _check_place(file, read_only, mounts)
        database = _describe(file, read_only)
        store = cls(file, database, read_only, clock or SystemClock())
        try:
            with explained(file):
                database.connect()
                if needs_upgrade(file, read_version(database), read_only=read_only):
                    upgrade(database, file, store.clock)
                if not read_only:
                    database.execute_sql("PRAGMA journal_mode = WAL")
        except BaseException:
            database.close()
            raise
        database.bind(TABLES, bind_refs=False, bind_backrefs=False)
        return store

    @contextmanager
    def write(self) -> Iterator[None]:
        """A short `BEGIN IMMEDIATE` transaction; nests (as a savepoint). Subscribers hear of it after commit.

        Raises:
            DatabaseReadOnly: the store was opened read-only.
            DatabaseProblem: the disk is full, or another program holds the file; nothing was kept.
        """
        if self.read_only:
            raise DatabaseReadOnly("the database is open read-only: nothing can be changed here")
        if self._writing:
            with self.database.atomic():
                yield
            return
        if self.database.in_transaction():
            raise RuntimeError("a write inside of store.read() could fail at any time: end the read first")
        self._thread.writing = True
        try:
            with explained(self.path), self.database.atomic():
                yield
        finally:
            self._thread.writing = False
        self.changes.notify()

    @contextmanager
    def read(self) -> Iterator[None]:
        """One consistent snapshot for several reads; nests, also inside `write`."""
        if self.database.in_transaction():
            yield
            return
        with explained(self.path), self.database.transaction("DEFERRED"):
            yield

    def check_version(self) -> None:
        """Look whether the database is still one for this Sluice: a newer one may have upgraded it since.

        Raises:
            DatabaseProblem: it is not.
        """
        with explained(self.path):
            needs_upgrade(self.path, read_version(self.database), read_only=True)

    def watch(self) -> None:
        """Start telling subscribers of other processes' changes too, until `close`."""
        if self._watcher is None:
            self._watcher = Watcher(self.changes, lambda: _connect_to_watch(self.path))
            self._watcher.start()

    def close(self) -> None:
        """Stop watching and close this thread's connection; those of ended threads are closed already."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        if not self.database.is_closed():
            self.database.close()

    @property
    def _writing(self) -> bool:
        return getattr(self._thread, "writing", False)


class _Database(SqliteDatabase):
    """SQLite whose errors about the file are sentences, on every path that a query takes.

    On some errors (a full disk, a failing one) SQLite takes back the whole transaction by itself
    (https://www.sqlite.org/lang_transaction.html, section 3.1). What Peewee would still take back is gone
    then, and a caller that goes on regardless must not write outside of any transaction.
    """

    def __init__(self, file: Path, name: str, **options: Any) -> None:
        self.file = file
        super().__init__(name, **options)

    def execute_sql(self, sql: Any, params: Any = None) -> Any:
        if self.transaction_depth() and not self._is_in_transaction():
            if sql.startswith("ROLLBACK TO"):
                return None
            raise DatabaseProblem(
                self.file, f"{self.file} failed a moment ago: nothing of this change was kept"
            )
        try:
            return super().execute_sql(sql, params)  # type: ignore[no-untyped-call]  # Peewee's stubs leave it bare
        except DatabaseError as error:
            problem = explain(self.file, error)
            if problem is None:
                raise
            raise problem from error

    def rollback(self) -> None:
        if self._is_in_transaction():
            super().rollback()

    def _is_in_transaction(self) -> bool:
        """What SQLite says, where Peewee's `in_transaction` tells what it believes."""
        database: SqliteDatabase = self
        return bool(database.connection().in_transaction)


def _describe(file: Path, read_only: bool) -> SqliteDatabase:
    pragmas: dict[str, int | str] = {
        "busy_timeout": BUSY_TIMEOUT_SECONDS * 1000,
        "foreign_keys": 1,
        "synchronous": "full",
        "cache_size": -CACHE_KIBIBYTES,
        "temp_store": "memory",
        "journal_size_limit": MAX_IDLE_WAL_BYTES,
    }
    if read_only:
        pragmas["query_only"] = 1
    database = _Database(
        file,
        _uri(file, "ro" if read_only else "rw"),
        uri=True,
        pragmas=pragmas,
        timeout=BUSY_TIMEOUT_SECONDS,
        lock_type="IMMEDIATE",
    )
    register_functions(database)
    return database


def _connect_to_watch(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(_uri(file, "ro"), uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)


def _uri(file: Path, mode: str) -> str:
    return f"file:{quote(str(file))}?mode={mode}"


def _check_place(file: Path, read_only: bool, mounts: Callable[[], list[Mount]]) -> None:
    """Refuse what can be no database before SQLite sees it; make folder and file with narrow modes."""
    try:
        if file.is_dir():
            raise DatabaseUnreadable(
                file, f"{file} is a folder; name a database file in it with --db or SLUICE_DB"
            )
        refuse_network(file, mounts)
        if read_only:
            _check_readable(file)
        else:
            _make_private(file)
    except OSError as error:
        verb = "read" if read_only else "opened for writing"
        raise DatabaseUnreadable(
            file, f"{file} cannot be {verb}: {error.strerror}; name another file with --db or SLUICE_DB"
        ) from error


def _make_private(file: Path) -> None:
    """Make folder and file unless they exist. SQLite gives -wal and -shm the mode of the database."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _check_readable(file: Path) -> None:
    """A reader of a database in WAL mode needs its -shm file, or must be able to make one."""
    if not file.exists():
        raise DatabaseUnreadable(file, f"{file} does not exist, and --read-only makes nothing")
    os.close(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
    writable = os.access(file.parent, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    if not writable and not file.with_name(f"{file.name}-shm").exists():
        raise DatabaseUnreadable(
            file,
            f"{file} cannot be read while no Sluice has it open, because this user may not write in"
            f" {file.parent}; open it as its owner, or while its owner's Sluice runs",
        )
