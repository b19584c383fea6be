"""Opening the SQLite file, its transactions, and the Store that every noun's module works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peewee import SqliteDatabase

from store.changes import ChangeSignal
from store.clock import Clock, SystemClock
from store.errors import DatabaseReadOnly
from store.ids import KnownIds
from store.models import TABLES
from store.text_match import register_functions

BUSY_TIMEOUT_SECONDS = 10


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

    @classmethod
    def open(cls, path: Path | str, *, read_only: bool = False, clock: Clock | None = None) -> Store:
        """Open or create the database at `path` and bring its schema up to date.

        Raises:
            DatabaseProblem: unreadable, newer than this Sluice, on a network file system.
        """
        file = Path(path).expanduser().absolute()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = SqliteDatabase(
            str(file),
            pragmas={
                "journal_mode": "wal",
                "synchronous": "full",
                "foreign_keys": 1,
                "busy_timeout": BUSY_TIMEOUT_SECONDS * 1000,
            },
            timeout=BUSY_TIMEOUT_SECONDS,
            lock_type="IMMEDIATE",
        )
        register_functions(database)
        database.bind(TABLES, bind_refs=False, bind_backrefs=False)
        database.connect(reuse_if_open=True)
        database.create_tables(TABLES)
        return cls(file, database, read_only, clock or SystemClock())

    @contextmanager
    def write(self) -> Iterator[None]:
        """A short `BEGIN IMMEDIATE` transaction; nests (as a savepoint). Subscribers hear of it after commit.

        Raises:
            DatabaseReadOnly: the store was opened read-only.
        """
        if self.read_only:
            raise DatabaseReadOnly("the database is open read-only: nothing can be changed here")
        outermost = not self.database.in_transaction()
        with self.database.atomic():
            yield
        if outermost:
            self.changes.notify()

    @contextmanager
    def read(self) -> Iterator[None]:
        """One consistent snapshot for several reads; nests inside `write`."""
        if self.database.in_transaction():
            yield
            return
        with self.database.transaction("DEFERRED"):
            yield

    def close(self) -> None:
        """Close this thread's connection; those of ended threads are closed already."""
        if not self.database.is_closed():
            self.database.close()
