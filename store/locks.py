"""Which process schedules and which one works: one lock file each, beside the database.

The locks are `flock`s: the kernel frees them when their process dies, however it dies. The file's text says
who holds it and is never trusted alone: only a locked file has a holder. Lock files are never deleted,
because a second process could then lock a new file of that name while the first still holds the old one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from store.clock import Clock, SystemClock
from store.errors import DatabaseProblem
from store.schemas import Holder

LockRole = Literal["scheduler", "worker"]

_MODE = 0o600
_TRIES = 5
_PAUSE_SECONDS = 0.002
_MAX_COMMAND = 200


class LockFile:
    """One of the two locks of a database. Give each thread that wants it its own object.

    Args:
        database: path of the database file.
        role: what the holder does.
        clock: gives `since`.
    """

    def __init__(self, database: Path | str, role: LockRole, clock: Clock | None = None) -> None:
        self.role: LockRole = role
        self.path = lock_path(database, role)
        self._clock = clock or SystemClock()
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock when it is free; never waits for another holder.

        Raises:
            DatabaseProblem: the lock file cannot be opened or locked.
        """
        if self.held:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
            try:
                if _lock(descriptor, fcntl.LOCK_EX, _TRIES):
                    _write(descriptor, _describe(self._clock.now()))
                    self._descriptor = descriptor
            finally:
                # On a full disk too: a descriptor that nobody knows would keep the lock from everybody.
                if not self.held:
                    os.close(descriptor)
        except OSError as error:
            raise DatabaseProblem(
                self.path, f"the lock file {self.path} cannot be used: {error.strerror}"
            ) from error
        return self.held

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.ftruncate(descriptor, 0)
            finally:
                # Unlocked in so many words: a child between fork and exec still has a copy of the descriptor.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                os.close(descriptor)


def lock_path(database: Path | str, role: LockRole) -> Path:
    """`<database>.<role>.lock`, beside the file itself, also for who comes through a symbolic link."""
    file = Path(database).resolve()
    return file.with_name(f"{file.name}.{role}.lock")


def read_holder(database: Path | str, role: LockRole) -> Holder | None:
    """Who holds a lock of this database; null when nobody does.

    Asks the kernel with a shared lock that is dropped at once. A process that tries to acquire in that very
    moment tries again, so looking never keeps anybody from the lock.
    """
    try:
        descriptor = os.open(lock_path(database, role), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except PermissionError:
        return _stranger("a process of another user")
    try:
        if _lock(descriptor, fcntl.LOCK_SH, 1):
            return None
        return _read(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, tries: int) -> bool:
    """Lock without waiting for a holder; further tries outlast a `read_holder` that looks just now."""
    pause = threading.Event()
    for attempt in range(tries):
        if attempt:
            pause.wait(_PAUSE_SECONDS)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def _describe(since: datetime) -> bytes:
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:_MAX_COMMAND]
    return json.dumps(
        {"pid": os.getpid(), "host": socket.gethostname(), "command": command, "since": since.isoformat()}
    ).encode()


def _write(descriptor: int, text: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)


def _read(descriptor: int) -> Holder:
    """The holder as it described itself; it may be between locking and writing, so look a few times."""
    pause = threading.Event()
    for _ in range(_TRIES):
        try:
            holder = json.loads(os.pread(descriptor, 4096, 0))
            pid = int(holder["pid"])
            since = datetime.fromisoformat(holder["since"])
            return Holder(pid, str(holder["host"]), str(holder["command"]), since, pid == os.getpid())
        except (ValueError, KeyError, TypeError):
            pause.wait(_PAUSE_SECONDS)
    return _stranger("a process that did not say who it is")


def _stranger(description: str) -> Holder:
    return Holder(0, "", description, datetime.fromtimestamp(0, UTC), False)
