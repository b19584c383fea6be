"""SQLite's errors as sentences: what is wrong with which file, and what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peewee

from store.errors import DatabaseProblem, DatabaseUnreadable

_SHM_BYTES = 32 * 1024
"""What SQLite needs to open a database in WAL mode: the smallest -shm file."""

_SENTENCES: tuple[tuple[str, type[DatabaseProblem], str], ...] = (
    (
        "disk is full",
        DatabaseProblem,
        "there is no room left for {path}: nothing of this change was kept; free some space, then try again",
    ),
    (
        "is locked",
        DatabaseProblem,
        "{path} is locked by another program for longer than Sluice waits; end what holds it, then try again",
    ),
    (
        "readonly database",
        DatabaseProblem,
        "{path} may not be written by this user; change its owner or mode, or use --read-only",
    ),
    (
        "not a database",
        DatabaseUnreadable,
        "{path} is not a SQLite database; name another file with --db or SLUICE_DB",
    ),
    (
        "malformed",
        DatabaseUnreadable,
        "{path} is damaged: part of it cannot be read; restore a copy of it, or name another file with --db",
    ),
    (
        "unable to open",
        DatabaseUnreadable,
        "{path} cannot be opened; it must be a file that this user may read, in a folder that it may write",
    ),
    (
        "disk I/O error",
        DatabaseUnreadable,
        "{path} cannot be read or written: the disk reports an error; check the disk and the file",
    ),
)


def explain(path: Path, error: Exception) -> DatabaseProblem | None:
    """The sentence for an error of SQLite; null when it is not about the file but a bug or a constraint."""
    text = str(error)
    if "disk I/O error" in text and _is_full(path):
        text = "disk is full"  # SQLite says so of a file of data only, not of the -shm file beside it
    for part, kind, sentence in _SENTENCES:
        if part in text:
            return kind(path, sentence.format(path=path))
    return None


def _is_full(path: Path) -> bool:
    """Whether the disk of the database has no room for what SQLite writes beside it."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _SHM_BYTES


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the file into a DatabaseProblem; let all else pass.

    Raises:
        DatabaseProblem: the file is full, locked, damaged, not readable, not writable.
    """
    try:
        yield
    except (peewee.DatabaseError, sqlite3.DatabaseError) as error:
        problem = explain(path, error)
        if problem is None:
            raise
        raise problem from error
