"""Several threads and processes on one file: nobody is refused, nothing is lost, kill -9 damages nothing."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from support.making import make_deployment, make_run
from support.waiting import wait_until

from store import logs, states
from store.database import Store
from store.flows import get_or_create
from store.schemas import FlowCreate, LogCreate, StateCreate, StateType

WRITES = 60

# Reads before it writes, as real operations do: that is what fails when transactions are not IMMEDIATE.
WRITER = """
import sys
from store.database import Store
from store.flows import get_or_create
from store.schemas import FlowCreate

store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
number = 0
while number < int(sys.argv[3]):
    with store.write():
        count = store.database.execute_sql("SELECT count(*) FROM flow").fetchone()[0]
        get_or_create(store, FlowCreate(name=f"{sys.argv[2]}-{number}", labels={"before": count}))
    number += 1
    print(number, flush=True)
store.close()
"""


def start_writer(path: Path, name: str, writes: int) -> subprocess.Popen[str]:
    """A real process that waits for a line, then writes and counts aloud."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(writes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_four_threads_and_two_processes_write_and_nobody_hears_locked(store: Store) -> None:
    processes = [start_writer(store.path, f"process{n}", WRITES) for n in range(2)]
    start, failures = threading.Barrier(5), []

    def write(name: str) -> None:
        try:
            start.wait(10)
            for number in range(WRITES):
                with store.write():
                    count = store.database.execute_sql("SELECT count(*) FROM flow").fetchone()[0]
                    get_or_create(store, FlowCreate(name=f"{name}-{number}", labels={"before": count}))
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            store.database.close()

    threads = [threading.Thread(target=write, args=(f"thread{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for process in processes:
        go(process)
    start.wait(10)
    for thread in threads:
        thread.join()
    outcomes = [(process.communicate()[1], process.returncode) for process in processes]
    assert outcomes == [("", 0), ("", 0)]
    assert failures == []
    before = store.database.execute_sql("SELECT labels ->> 'before' FROM flow").fetchall()
    assert sorted(count for (count,) in before) == list(range(6 * WRITES)), "each saw all that came before it"


@pytest.mark.parametrize("lines", [3, 10, 25])
def test_kill_9_while_writing_leaves_a_sound_database(store: Store, lines: int) -> None:
    process = start_writer(store.path, "victim", 100_000)
    go(process)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        kept = {name for (name,) in connection.execute("SELECT name FROM flow")}
    assert {f"victim-{number}" for number in range(said[-1])} <= kept, "what was reported done is there"
    get_or_create(store, FlowCreate(name="life goes on"))


def test_readers_are_never_kept_waiting_by_a_writer(store: Store) -> None:
    get_or_create(store, FlowCreate(name="one"))
    writing, done, seen = threading.Event(), threading.Event(), []

    def hold() -> None:
        with store.write():
            get_or_create(store, FlowCreate(name="two"))
            writing.set()
            done.wait(10)
        store.database.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert writing.wait(10)
    seen = store.database.execute_sql("SELECT name FROM flow").fetchall()
    done.set()
    thread.join()
    assert seen == [("one",)]


def test_a_run_is_followed_by_a_reader_while_others_write(store: Store) -> None:
    """States, statistics and logs from three threads at once, on one run each."""
    deployment = make_deployment(store)
    runs = [make_run(store, deployment) for _ in range(3)]
    failures: list[BaseException] = []

    def live(run_id: object) -> None:
        try:
            states.write(store, run_id, StateCreate(type=StateType.RUNNING))
            for number in range(20):
                line = LogCreate(
                    name="job", level=20, message=str(number), timestamp=store.clock.now(), flow_run_id=run_id
                )
                logs.write_logs(store, [line])
            states.write(store, run_id, StateCreate(type=StateType.COMPLETED))
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            store.database.close()

    threads = [threading.Thread(target=live, args=(run.id,)) for run in runs]
    for thread in threads:
        thread.start()
    for run in runs:
        wait_until(lambda run=run: len(logs.read_logs(store, run.id)) == 20, message="all lines of a run")
    for thread in threads:
        thread.join()
    assert failures == []
    row = store.database.execute_sql("SELECT running, json_array_length(recent) FROM deployment_statistics")
    assert row.fetchone() == (0, 3)
