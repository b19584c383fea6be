"""Opening files good and bad, transactions, and what the disk may do to them."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import peewee
import pytest
from support.ordinary_user import ordinary_user

from store.clock import FrozenClock
from store.database import Store
from store.errors import DatabaseProblem, DatabaseReadOnly, DatabaseUnreadable
from store.flows import get_or_create, read_by_name
from store.schemas import FlowCreate


def flow_names(store: Store) -> list[str]:
    return [name for (name,) in store.database.execute_sql("SELECT name FROM flow ORDER BY name")]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that another user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


# --- Opening


def test_folder_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "s.db"
    store = Store.open(path)
    get_or_create(store, FlowCreate(name="etl"))
    assert mode_of(path.parent) == 0o700
    assert {name.suffix: mode_of(name) for name in path.parent.glob("s.db*") if "lock" not in name.name} == {
        ".db": 0o600,
        ".db-wal": 0o600,
        ".db-shm": 0o600,
    }
    assert {mode_of(name) for name in path.parent.glob("*.lock")} == {0o600}
    store.close()


def test_connections_are_as_durable_as_promised(store: Store) -> None:
    pragma = store.database.pragma
    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)
    assert pragma("busy_timeout") == 10_000
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.extend([pragma("synchronous"), pragma("foreign_keys")]))
    thread.start()
    thread.join()
    assert seen == [2, 1], "every thread's own connection too"


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "odd name #1 %20?.db"
    store = Store.open(path)
    get_or_create(store, FlowCreate(name="etl"))
    store.close()
    again = Store.open(path)
    assert flow_names(again) == ["etl"]
    again.close()
    assert path.is_file()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreadable, match="is a folder; name a database file in it with --db"):
        Store.open(tmp_path)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_text_file_is_no_database(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk.\n" * 100)
    with pytest.raises(DatabaseUnreadable, match=r"notes\.txt is not a SQLite database; name another file"):
        Store.open(path, read_only=read_only)
    assert path.read_text().startswith("Remember the milk.\n")


def test_a_truncated_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Store.open(path).close()
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DatabaseUnreadable, match="is damaged"):
        Store.open(path)


def test_damage_found_later_is_a_sentence_too(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Store.open(path).close()
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'flow'").fetchall()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    for (page,) in roots:
        content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    store = Store.open(path)
    with pytest.raises(DatabaseUnreadable, match="is damaged: part of it cannot be read"):
        read_by_name(store, "etl")
    with pytest.raises(DatabaseUnreadable, match="is damaged"):
        get_or_create(store, FlowCreate(name="etl"))
    store.close()


def test_no_permission_to_read(shared_folder: Path) -> None:
    path = shared_folder / "s.db"
    Store.open(path).close()
    path.chmod(0)
    with ordinary_user(), pytest.raises(DatabaseUnreadable, match="cannot be opened for writing: Permission"):
        Store.open(path)
    with (
        ordinary_user(),
        pytest.raises(DatabaseUnreadable, match="cannot be read: Permission denied"),
    ):
        Store.open(path, read_only=True)


def test_no_permission_to_reach_it(shared_folder: Path) -> None:
    path = shared_folder / "s.db"
    Store.open(path).close()
    shared_folder.chmod(0o700)
    for read_only in (False, True):
        with ordinary_user(), pytest.raises(DatabaseUnreadable, match="Permission denied; name another file"):
            Store.open(path, read_only=read_only)


def test_no_permission_to_make_it(shared_folder: Path) -> None:
    shared_folder.chmod(0o555)
    with ordinary_user(), pytest.raises(DatabaseUnreadable, match="Permission denied; name another file"):
        Store.open(shared_folder / "s.db")
    with ordinary_user(), pytest.raises(DatabaseUnreadable, match="Permission denied; name another file"):
        Store.open(shared_folder / "new" / "s.db")
    shared_folder.chmod(0o755)


# --- Read-only


def test_read_only_reads_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = Store.open(path)
    get_or_create(store, FlowCreate(name="etl"))
    store.close()
    before = path.read_bytes()
    reader = Store.open(path, read_only=True)
    assert flow_names(reader) == ["etl"]
    with pytest.raises(DatabaseReadOnly, match="open read-only"):
        get_or_create(reader, FlowCreate(name="other"))
    with pytest.raises(DatabaseProblem, match="may not be written"):
        reader.database.execute_sql("DELETE FROM flow")
    reader.close()
    assert path.read_bytes() == before


def test_read_only_sees_what_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    writer = Store.open(path)
    reader = Store.open(path, read_only=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO flow VALUES (x'01', 0, 0, 'late', '[]', '{}')")
    assert flow_names(reader) == ["late"]
    reader.close()
    writer.close()


def test_another_user_reads_only_while_the_owner_has_it_open(shared_folder: Path) -> None:
    """SQLite's rule for WAL: a reader needs the -shm file, and may not be able to make it."""
    path = shared_folder / "s.db"
    Store.open(path).close()
    path.chmod(0o644)
    shared_folder.chmod(0o555)
    with (
        ordinary_user(),
        pytest.raises(DatabaseUnreadable, match="cannot be read while no Sluice has it open"),
    ):
        Store.open(path, read_only=True)
    shared_folder.chmod(0o755)
    owner = Store.open(path)
    get_or_create(owner, FlowCreate(name="etl"))
    shared_folder.chmod(0o555)
    with ordinary_user():
        reader = Store.open(path, read_only=True)
        assert flow_names(reader) == ["etl"]
        reader.close()
    shared_folder.chmod(0o755)
    owner.close()


def test_a_missing_database_is_not_made_by_read_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "s.db"
    with pytest.raises(DatabaseUnreadable, match="does not exist, and --read-only makes nothing"):
        Store.open(path, read_only=True)
    assert not path.parent.exists()


# --- Transactions


def test_an_error_takes_back_the_whole_write(store: Store) -> None:
    def fail() -> None:
        with store.write():
            get_or_create(store, FlowCreate(name="one"))
            with store.write():
                get_or_create(store, FlowCreate(name="two"))
            raise LookupError("no")

    with pytest.raises(LookupError):
        fail()
    assert flow_names(store) == []


def test_an_inner_write_can_fail_alone(store: Store) -> None:
    with store.write():
        get_or_create(store, FlowCreate(name="one"))
        try:
            with store.write():
                get_or_create(store, FlowCreate(name="two"))
                raise LookupError("no")
        except LookupError:
            pass
    assert flow_names(store) == ["one"]


def test_read_is_one_snapshot(store: Store) -> None:
    with store.read():
        assert flow_names(store) == []
        with closing(sqlite3.connect(store.path)) as connection, connection:
            connection.execute("INSERT INTO flow VALUES (x'01', 0, 0, 'late', '[]', '{}')")
        with store.read():
            assert flow_names(store) == []
    assert flow_names(store) == ["late"]


def test_a_write_inside_a_read_is_a_programming_error(store: Store) -> None:
    with store.read():
        flow_names(store)
        with pytest.raises(RuntimeError, match="end the read first"):
            get_or_create(store, FlowCreate(name="one"))


def test_a_read_inside_a_write_sees_it(store: Store) -> None:
    with store.write():
        get_or_create(store, FlowCreate(name="one"))
        with store.read():
            assert flow_names(store) == ["one"]


# --- What the disk may do


def test_a_full_disk_is_a_sentence_and_nothing_is_kept(store: Store) -> None:
    pages = store.database.pragma("page_count")
    store.database.execute_sql(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        with store.write():
            for number in range(2000):
                get_or_create(store, FlowCreate(name=f"flow {number} " + "x" * 500))

    with pytest.raises(DatabaseProblem, match=r"no room left for .*nothing of this change was kept"):
        fill()
    store.database.execute_sql("PRAGMA max_page_count = 1000000")
    assert flow_names(store) == []
    get_or_create(store, FlowCreate(name="there is room again"))
    assert len(flow_names(store)) == 1


def test_who_goes_on_after_a_full_disk_writes_nothing(store: Store) -> None:
    """SQLite has ended the transaction by then: what follows would be kept piece by piece."""
    pages = store.database.pragma("page_count")
    store.database.execute_sql(f"PRAGMA max_page_count = {pages}")

    def go_on() -> None:
        with store.write():
            try:
                with store.write():
                    get_or_create(store, FlowCreate(name="x" * 100_000))
            except DatabaseProblem:
                store.database.execute_sql("PRAGMA max_page_count = 1000000")

    with pytest.raises(DatabaseProblem, match="failed a moment ago: nothing of this change was kept"):
        go_on()
    store.database.execute_sql("PRAGMA max_page_count = 1000000")
    assert flow_names(store) == []
    get_or_create(store, FlowCreate(name="one"))


def test_a_file_that_stays_locked_is_a_sentence(store: Store) -> None:
    store.database.execute_sql("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            DatabaseProblem, match="is locked by another program for longer than Sluice waits"
        ):
            get_or_create(store, FlowCreate(name="one"))
        assert flow_names(store) == [], "reading goes on"
        other.execute("ROLLBACK")
    get_or_create(store, FlowCreate(name="one"))


def test_broken_constraints_and_bugs_keep_their_own_errors(store: Store) -> None:
    with pytest.raises(peewee.OperationalError, match="no such table"):
        store.database.execute_sql("SELECT * FROM nowhere")
    with pytest.raises(peewee.IntegrityError), store.write():
        store.database.execute_sql(
            "INSERT INTO work_queue VALUES (x'01', 0, 0, 'q', x'02', NULL, 0, NULL, 1, NULL)"
        )
    assert store.database.execute_sql("SELECT count(*) FROM work_queue WHERE id = x'01'").fetchone() == (0,)


def test_closing_twice_is_fine(tmp_path: Path, clock: FrozenClock) -> None:
    store = Store.open(tmp_path / "s.db", clock=clock)
    store.watch()
    store.close()
    store.close()
