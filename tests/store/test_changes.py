"""Subscribers hear of every change: of this process at once, of others within half a second."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.waiting import wait_until

from store.changes import ChangeSignal, Watcher
from store.database import Store
from store.flows import get_or_create
from store.schemas import FlowCreate

WRITE = """
import sys
from store.database import Store
from store.flows import get_or_create
from store.schemas import FlowCreate
store = Store.open(sys.argv[1])
get_or_create(store, FlowCreate(name="from afar"))
store.close()
"""


class Ear:
    """A subscriber that counts and can be waited for."""

    def __init__(self) -> None:
        self.heard = 0

    def __call__(self) -> None:
        self.heard += 1


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sluice-changes"]


def test_a_change_of_this_process_is_heard_once_and_after_the_commit(store: Store) -> None:
    other = sqlite3.connect(store.path)
    seen: list[int] = []
    store.changes.subscribe(lambda: seen.append(other.execute("SELECT count(*) FROM flow").fetchone()[0]))
    with store.write():
        get_or_create(store, FlowCreate(name="one"))
        get_or_create(store, FlowCreate(name="two"))
        assert seen == []
    assert seen == [2]
    other.close()


def test_a_write_that_fails_is_not_heard(store: Store) -> None:
    ear = Ear()
    store.changes.subscribe(ear)
    with pytest.raises(LookupError), store.write():
        raise LookupError("no")
    assert ear.heard == 0


def test_unsubscribing_ends_it(store: Store) -> None:
    ear = Ear()
    end = store.changes.subscribe(ear)
    end()
    end()
    store.changes.notify()
    assert ear.heard == 0


def test_a_subscriber_that_raises_breaks_neither_the_writer_nor_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ValueError("I am broken")

    ear = Ear()
    store.changes.subscribe(broken)
    store.changes.subscribe(ear)
    with caplog.at_level(logging.ERROR):
        get_or_create(store, FlowCreate(name="one"))
    assert ear.heard == 1
    assert store.changes.error == "a subscriber to changes failed: ValueError('I am broken')"
    assert "I am broken" in caplog.text


def test_a_change_of_another_process_is_heard_within_half_a_second(store: Store) -> None:
    ear = Ear()
    store.changes.subscribe(ear)
    store.watch()
    done = subprocess.run([sys.executable, "-c", WRITE, str(store.path)], check=False, cwd=Path.cwd())
    written = time.monotonic()
    assert done.returncode == 0
    wait_until(lambda: ear.heard, timeout=0.5, message="the other process's change")
    assert time.monotonic() - written < 0.5


def test_watching_twice_is_one_thread_and_close_ends_it(store: Store) -> None:
    before = len(watchers())
    store.watch()
    store.watch()
    assert len(watchers()) == before + 1
    store.close()
    assert len(watchers()) == before


def test_without_changes_nothing_is_heard(store: Store) -> None:
    ear = Ear()
    looks = threading.Semaphore(0)

    class Counting(sqlite3.Connection):
        def execute(self, *args: object) -> sqlite3.Cursor:
            looks.release()
            return super().execute(*args)

    watcher = Watcher(store.changes, lambda: sqlite3.connect(store.path, factory=Counting))
    store.changes.subscribe(ear)
    watcher.start()
    for _ in range(3):
        assert looks.acquire(timeout=5)
    watcher.stop()
    assert ear.heard == 0


def test_a_watcher_that_cannot_read_says_so_and_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the file cannot be read nothing is known; afterwards everybody is told to look again."""
    signal, ear = ChangeSignal(), Ear()
    signal.subscribe(ear)
    path = tmp_path / "s.db"
    watcher = Watcher(signal, lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True))
    watcher.start()
    try:
        assert signal.error == "changes of other processes are not seen: unable to open database file"
        assert "are not seen" in caplog.text
        Store.open(path).close()
        wait_until(lambda: ear.heard, message="the watcher to come back")
        assert signal.error is None
    finally:
        watcher.stop()
