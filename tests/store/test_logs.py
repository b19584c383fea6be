"""Log lines come back as they were written, in order of arrival."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from store import logs
from store.clock import FrozenClock
from store.database import Store
from store.errors import DatabaseReadOnly
from store.ids import new_id
from store.schemas import LogCreate


def write(store: Store, run: UUID | None, *messages: str, level: int = 20) -> None:
    logs.write_logs(
        store,
        [
            LogCreate(name="job", level=level, message=m, timestamp=store.clock.now(), flow_run_id=run)
            for m in messages
        ],
    )


def read(store: Store, run: UUID, after_id: int = 0, limit: int = 2000, min_level: int = 0) -> list[str]:
    return [line.message for line in logs.read_logs(store, run, after_id, limit, min_level)]


def test_lines_come_back_whole(store: Store, clock: FrozenClock) -> None:
    run, task = new_id(), new_id()
    at = clock.now() - timedelta(microseconds=1)
    text = "é \x1b[31mred\x1b[0m [/bold]\ttab \U0001f600 \x00 end"
    logs.write_logs(
        store,
        [LogCreate(name="a.b", level=40, message=text, timestamp=at, flow_run_id=run, task_run_id=task)],
    )
    (line,) = logs.read_logs(store, run)
    assert (line.name, line.level, line.message, line.timestamp) == ("a.b", 40, text, at)
    assert (line.flow_run_id, line.task_run_id) == (run, task)
    assert line.model_dump(mode="json")["flow_run_id"] == str(run)


def test_order_is_that_of_arrival_whatever_the_clocks_say(store: Store, clock: FrozenClock) -> None:
    run = new_id()
    write(store, run, "first", "second")
    clock.set(clock.now() - timedelta(hours=1))
    write(store, run, "third")
    assert read(store, run) == ["first", "second", "third"]


def test_reading_goes_on_after_the_last_line_seen(store: Store) -> None:
    run, other = new_id(), new_id()
    write(store, run, "a", "b")
    write(store, other, "not mine")
    write(store, run, "c", "d", "e")
    lines = logs.read_logs(store, run, limit=3)
    assert [line.message for line in lines] == ["a", "b", "c"]
    assert read(store, run, after_id=lines[-1].id) == ["d", "e"]
    assert read(store, run, after_id=lines[-1].id, limit=1) == ["d"]
    assert read(store, run, after_id=10**9) == []
    assert [line.message for line in logs.read_last_logs(store, run, limit=2)] == ["d", "e"]
    assert [line.message for line in logs.read_last_logs(store, run)] == ["a", "b", "c", "d", "e"]


def test_levels_below_the_wanted_are_left_out(store: Store) -> None:
    run = new_id()
    write(store, run, "debug", level=10)
    write(store, run, "error", level=40)
    write(store, run, "info", level=20)
    assert read(store, run, min_level=20) == ["error", "info"]
    assert read(store, run, min_level=41) == []


def test_a_batch_is_one_change_and_none_is_no_change(store: Store) -> None:
    heard: list[int] = []
    store.changes.subscribe(lambda: heard.append(1))
    logs.write_logs(store, [])
    assert heard == []
    write(store, new_id(), "a", "b", "c")
    assert heard == [1]


def test_lines_of_no_run_are_kept(store: Store) -> None:
    write(store, None, "worker says")
    assert store.database.execute_sql("SELECT message, flow_run_id FROM log").fetchall() == [
        ("worker says", None)
    ]


def test_read_only_writes_no_logs(store: Store) -> None:
    reader = Store.open(store.path, read_only=True)
    with pytest.raises(DatabaseReadOnly):
        write(reader, new_id(), "a")
    reader.close()
