"""The two lock files: one holder at a time, freed by the kernel, and they say who holds them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from support.full_disk import full_disk
from support.ordinary_user import ordinary_user
from support.waiting import wait_until

from store.clock import FrozenClock
from store.errors import DatabaseProblem
from store.locks import LockFile, lock_path, read_holder

HOLD = """
import sys, threading
from store.locks import LockFile
lock = LockFile(sys.argv[1], "scheduler")
assert lock.try_acquire()
print("held", flush=True)
threading.Event().wait()
"""


def start_holder(database: Path) -> subprocess.Popen[str]:
    """A real process that holds the scheduler's lock until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_one_holder_at_a_time_and_release_hands_over(tmp_path: Path) -> None:
    first, second = (LockFile(tmp_path / "s.db", "scheduler") for _ in range(2))
    assert first.try_acquire()
    assert first.try_acquire(), "acquiring again what one holds is no failure"
    assert not second.try_acquire()
    first.release()
    first.release()
    assert second.try_acquire()
    assert (first.held, second.held) == (False, True)
    second.release()


def test_the_two_roles_are_independent(tmp_path: Path) -> None:
    scheduler, worker = LockFile(tmp_path / "s.db", "scheduler"), LockFile(tmp_path / "s.db", "worker")
    assert scheduler.try_acquire()
    assert worker.try_acquire()
    scheduler.release()
    assert read_holder(tmp_path / "s.db", "scheduler") is None
    assert read_holder(tmp_path / "s.db", "worker") is not None
    worker.release()


def test_the_holder_says_who_it_is(tmp_path: Path, clock: FrozenClock) -> None:
    lock = LockFile(tmp_path / "s.db", "worker", clock)
    assert read_holder(tmp_path / "s.db", "worker") is None, "no file yet"
    assert lock.try_acquire()
    holder = read_holder(tmp_path / "s.db", "worker")
    assert holder is not None
    assert (holder.pid, holder.host, holder.since) == (os.getpid(), socket.gethostname(), clock.now())
    assert holder.is_self
    assert holder.command
    lock.release()
    assert read_holder(tmp_path / "s.db", "worker") is None, "the file stays, its holder went"


def test_kill_9_frees_the_lock_for_another_process_within_two_seconds(tmp_path: Path) -> None:
    database = tmp_path / "s.db"
    process = start_holder(database)
    mine = LockFile(database, "scheduler")
    try:
        holder = read_holder(database, "scheduler")
        assert holder is not None
        assert holder.pid == process.pid
        assert not holder.is_self
        assert not mine.try_acquire()
    finally:
        process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    wait_until(mine.try_acquire, timeout=2.0, message="the lock of a killed process")
    assert time.monotonic() - killed < 2.0
    process.communicate()
    assert read_holder(database, "scheduler").is_self
    mine.release()


def test_text_of_a_dead_holder_is_not_believed(tmp_path: Path) -> None:
    lock_path(tmp_path / "s.db", "worker").write_text('{"pid": 1, "host": "x", "command": "x", "since": "x"}')
    assert read_holder(tmp_path / "s.db", "worker") is None


def test_a_holder_whose_text_is_damaged_is_still_a_holder(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "s.db", "worker")
    assert lock.try_acquire()
    lock.path.write_text("{")
    holder = read_holder(tmp_path / "s.db", "worker")
    assert holder is not None
    assert (holder.pid, holder.is_self) == (0, False)
    lock.release()


def test_looking_never_keeps_anybody_from_the_lock(tmp_path: Path) -> None:
    database = tmp_path / "s.db"
    lock = LockFile(database, "scheduler")
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            read_holder(database, "scheduler")

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for thread in watchers:
        thread.start()
    taken = 0
    for _ in range(100):
        taken += lock.try_acquire()
        lock.release()
    stop.set()
    for thread in watchers:
        thread.join()
    assert taken >= 95, "a rare refusal is harmless, the next try comes within two seconds"


def test_children_do_not_keep_the_lock(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "s.db", "worker")
    assert lock.try_acquire()
    with subprocess.Popen(
        [sys.executable, "-c", "print(input())"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    ) as child:
        lock.release()
        assert read_holder(tmp_path / "s.db", "worker") is None
        assert child.communicate(b"still there\n")[0] == b"still there\n"


def test_a_lock_of_another_user_has_a_holder_without_a_name() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "s.db"
        Path(folder).chmod(0o755)
        lock = LockFile(database, "worker")
        assert lock.try_acquire()
        with ordinary_user():
            holder = read_holder(database, "worker")
        assert holder is not None
        if os.geteuid() == 0:
            assert holder.command == "a process of another user"
        lock.release()


def test_a_link_to_the_database_leads_to_the_same_lock(tmp_path: Path) -> None:
    (tmp_path / "real.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    first, second = LockFile(tmp_path / "real.db", "scheduler"), LockFile(tmp_path / "link.db", "scheduler")
    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()


def test_a_lock_file_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    lock_path(tmp_path / "s.db", "worker").mkdir()
    with pytest.raises(DatabaseProblem, match=r"worker\.lock cannot be used"):
        LockFile(tmp_path / "s.db", "worker").try_acquire()


def test_a_full_disk_keeps_the_lock_from_nobody_for_longer_than_it_is_full(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "s.db", "worker")
    descriptors = len(os.listdir("/dev/fd"))
    with full_disk(), pytest.raises(DatabaseProblem, match=r"worker\.lock cannot be used"):
        lock.try_acquire()
    assert not lock.held
    assert read_holder(tmp_path / "s.db", "worker") is None
    assert len(os.listdir("/dev/fd")) == descriptors
    assert lock.try_acquire()
    lock.release()
