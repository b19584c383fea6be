"""The schema's versions: made by scripts, equal to the models, upgraded alone and all or nothing."""

from __future__ import annotations

import multiprocessing
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from peewee import SqliteDatabase
from support.waiting import wait_until

from store import migrations, upgrade
from store.clock import FrozenClock
from store.database import Store
from store.errors import DatabaseNewer, DatabaseProblem, DatabaseUnreadable
from store.flows import get_or_create
from store.locks import LockFile, read_holder
from store.models import TABLES
from store.schemas import FlowCreate


def schema_of(database: SqliteDatabase) -> dict[str, str]:
    """What sqlite_master says, without spaces, quotes and the runner's own table."""
    rows = database.execute_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {
        name: re.sub(r'[\s"]+', "", sql).lower()
        for name, sql in rows
        if "schema_migration" not in name and not name.startswith("sqlite_")
    }


def pragma(path: Path, name: str) -> int | str:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


INITIAL = migrations.DIRECTORY / "0001_initial.py"


def first_script(folder: Path) -> Path:
    """A folder with nothing but the first released script in it."""
    folder.mkdir()
    (folder / INITIAL.name).write_text(INITIAL.read_text())
    return folder


@pytest.fixture
def second_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A newer Sluice: the first released script and a second one. Answers the folder of scripts."""
    folder = first_script(tmp_path / "scripts")
    (folder / "0002_motto.py").write_text(
        "def up(migrator, database):\n"
        "    database.execute_sql('ALTER TABLE flow ADD COLUMN motto TEXT')\n"
        "    database.execute_sql(\"UPDATE flow SET motto = 'festina lente'\")\n"
    )
    monkeypatch.setattr(migrations, "DIRECTORY", folder)
    monkeypatch.setattr(migrations, "LATEST", 2)
    return folder


@pytest.fixture
def old(tmp_path: Path, clock: FrozenClock) -> Path:
    """A database of version 1 with a flow in it. Ask for it before `second_version`."""
    path = tmp_path / "old.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "DIRECTORY", first_script(tmp_path / "first"))
        patch.setattr(migrations, "LATEST", 1)
        store = Store.open(path, clock=clock)
    get_or_create(store, FlowCreate(name="etl"))
    store.close()
    return path


def backups_of(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.backup-*"))


def test_scripts_make_what_the_models_say(store: Store) -> None:
    """A failure means: store/models.py changed without a script."""
    from_models = SqliteDatabase(":memory:")
    from_models.bind(TABLES, bind_refs=False, bind_backrefs=False)
    from_models.create_tables(TABLES)
    assert schema_of(store.database) == schema_of(from_models)
    from_models.close()


def test_latest_is_the_highest_number_of_a_script() -> None:
    numbers = sorted(int(path.name[:4]) for path in migrations.DIRECTORY.glob("[0-9]*.py"))
    assert numbers == list(range(1, migrations.LATEST + 1))


def test_scripts_know_nothing_of_the_models() -> None:
    for script in migrations.DIRECTORY.glob("[0-9]*.py"):
        assert not re.search(r"^\s*(from|import) store", script.read_text(), re.MULTILINE), script


def test_a_new_database_is_marked_as_ours_with_its_version(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    Store.open(path).close()
    assert pragma(path, "user_version") == migrations.LATEST
    assert pragma(path, "application_id") == upgrade.APPLICATION_ID
    assert pragma(path, "journal_mode") == "wal"
    assert pragma(path, "auto_vacuum") == 2
    assert backups_of(path) == [], "nothing was there to copy"


def test_opening_a_current_database_imports_no_migration_machinery(tmp_path: Path) -> None:
    current = tmp_path / "new.db"
    Store.open(current).close()
    code = (
        "import sys; from store.database import Store; Store.open(sys.argv[1]).close();"
        "print([m for m in sys.modules if m.startswith('playhouse') or m in ('psutil', 'store.models.x')])"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code, str(current)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert seen.stdout == "[]\n"


def test_an_older_database_is_migrated_after_a_backup(
    old: Path, second_version: Path, clock: FrozenClock
) -> None:
    store = Store.open(old, clock=clock)
    assert store.database.execute_sql("SELECT name, motto FROM flow").fetchall() == [("etl", "festina lente")]
    assert store.database.pragma("foreign_keys") == 1
    store.close()
    assert pragma(old, "user_version") == 2
    (backup,) = backups_of(old)
    assert backup.name == "old.db.backup-1-20260302T120000Z"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert pragma(backup, "user_version") == 1
    assert pragma(backup, "integrity_check") == "ok"
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT name FROM flow").fetchall() == [("etl",)]


def test_a_database_of_the_first_release_is_brought_up_to_date(old: Path, clock: FrozenClock) -> None:
    """By the scripts as they are: a backup is made, what was there stays, and the schema is the models'."""
    store = Store.open(old, clock=clock)
    assert store.database.execute_sql("SELECT name FROM flow").fetchall() == [("etl",)]
    test_scripts_make_what_the_models_say(store)
    store.close()
    assert pragma(old, "user_version") == migrations.LATEST
    (backup,) = backups_of(old)
    assert (backup.name, pragma(backup, "user_version")) == ("old.db.backup-1-20260302T120000Z", 1)


def test_a_migration_that_fails_changes_nothing_and_names_the_copy(old: Path, second_version: Path) -> None:
    (second_version / "0003_broken.py").write_text(
        "def up(migrator, database):\n"
        "    database.execute_sql('DELETE FROM flow')\n"
        "    raise ValueError('a bad day')\n"
    )
    migrations.LATEST = 3
    with pytest.raises(DatabaseProblem, match=r"version 1 to 3: a bad day; nothing was changed.*backup-1-"):
        Store.open(old)
    assert pragma(old, "user_version") == 1
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT * FROM flow").fetchone() is not None
        assert "motto" not in [row[1] for row in connection.execute("PRAGMA table_info(flow)")]


def test_without_a_copy_nothing_is_migrated(old: Path, second_version: Path, clock: FrozenClock) -> None:
    old.with_name("old.db.backup-1-20260302T120000Z").mkdir()
    with pytest.raises(DatabaseProblem, match=r"no copy of it could be made first: .*Is a directory"):
        Store.open(old, clock=clock)
    assert pragma(old, "user_version") == 1


def test_a_copy_that_does_not_fit_on_the_disk_is_not_left_behind(
    old: Path, second_version: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(path: Path | str, **options: object) -> sqlite3.Connection:
        connection = real(path, **options)
        if "backup" in str(path):
            connection.execute("PRAGMA max_page_count = 5")
        return connection

    real = sqlite3.connect
    monkeypatch.setattr(upgrade.sqlite3, "connect", connect)
    with pytest.raises(DatabaseProblem, match="no copy of it could be made first: database or disk is full"):
        Store.open(old, clock=clock)
    monkeypatch.undo()
    assert backups_of(old) == []
    assert pragma(old, "user_version") == 1


def test_a_migration_may_not_leave_rows_that_refer_to_nothing(old: Path, second_version: Path) -> None:
    (second_version / "0002_motto.py").write_text(
        "def up(migrator, database):\n"
        "    database.execute_sql(\"INSERT INTO deployment_statistics VALUES (x'00', 0, NULL, '', '', 0,"
        " 0, 0, 0, 0, '[]')\")\n"
    )
    with pytest.raises(DatabaseProblem, match="1 rows would refer to others that do not exist"):
        Store.open(old)
    assert pragma(old, "user_version") == 1


def test_a_process_that_does_both_is_named_once(
    old: Path, second_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade.upgrade, "__defaults__", (0.2,))
    locks = [LockFile(old, "scheduler"), LockFile(old, "worker")]
    assert all(lock.try_acquire() for lock in locks)
    with pytest.raises(DatabaseProblem, match=r"and process \d+ \([^()]*, scheduler, worker\) is using it"):
        Store.open(old)
    for lock in locks:
        lock.release()


@pytest.mark.parametrize("role", ["scheduler", "worker"])
def test_nothing_is_migrated_while_somebody_schedules_or_works(
    old: Path, second_version: Path, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade.upgrade, "__defaults__", (0.2,))
    lock = LockFile(old, role)
    assert lock.try_acquire()
    with pytest.raises(DatabaseProblem, match=rf"process \d+ .*, {role}\) is using it; stop that first"):
        Store.open(old)
    assert pragma(old, "user_version") == 1
    assert backups_of(old) == []
    lock.release()
    Store.open(old).close()
    assert pragma(old, "user_version") == 2


def test_a_newer_database_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Store.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for read_only in (False, True):
        with pytest.raises(
            DatabaseNewer, match=f"has version 99, this Sluice knows up to {migrations.LATEST}"
        ):
            Store.open(path, read_only=read_only)


def test_an_older_database_is_refused_when_read_only(old: Path, second_version: Path) -> None:
    with pytest.raises(DatabaseProblem, match=r"has version 1 .* needs version 2, and --read-only changes"):
        Store.open(old, read_only=True)
    assert pragma(old, "user_version") == 1


def test_an_empty_file_is_refused_when_read_only_and_filled_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.touch()
    with pytest.raises(DatabaseProblem, match="is empty, this Sluice needs version"):
        Store.open(path, read_only=True)
    assert path.stat().st_size == 0
    Store.open(path).close()
    Store.open(path, read_only=True).close()


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(DatabaseUnreadable, match="is a database of another program"):
        Store.open(path)
    assert path.read_bytes() == before


DIE_UPGRADING = """
import pathlib, sys
from store import migrations
from store.database import Store
migrations.DIRECTORY, migrations.LATEST = pathlib.Path(sys.argv[2]), 2
Store.open(sys.argv[1])
"""


def test_kill_9_in_the_middle_of_an_upgrade_changes_nothing(old: Path, second_version: Path) -> None:
    """The transaction is taken back, the kernel frees both locks, and the next one to open does it anew."""
    script = second_version / "0002_motto.py"
    good = script.read_text()
    script.write_text(
        good + "    print('half way', flush=True)\n    import threading\n    threading.Event().wait()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", DIE_UPGRADING, str(old), str(second_version)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path.cwd(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half way\n"
    assert read_holder(old, "scheduler").pid == process.pid
    assert read_holder(old, "worker").pid == process.pid
    process.kill()
    process.communicate()
    assert pragma(old, "integrity_check") == "ok"
    assert pragma(old, "user_version") == 1
    script.write_text(good)
    store = Store.open(old)
    assert store.database.execute_sql("SELECT name, motto FROM flow").fetchall() == [("etl", "festina lente")]
    store.close()


def _open_and_write(path: str, number: int, start: multiprocessing.synchronize.Event) -> None:
    start.wait(10)
    store = Store.open(path)
    get_or_create(store, FlowCreate(name=f"flow-{number}"))
    store.close()


def test_processes_that_make_one_database_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    processes = [context.Process(target=_open_and_write, args=(str(path), n, start)) for n in range(4)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM flow").fetchone() == (4,)
        rows = connection.execute("SELECT count(*) FROM schema_migration").fetchone()
        assert rows == (migrations.LATEST,)


def test_waiting_ends_when_another_process_did_the_work(
    old: Path, second_version: Path, clock: FrozenClock
) -> None:
    """The other one keeps the lock afterwards, as a scheduler does; the version tells that all is done."""
    lock = LockFile(old, "scheduler")
    assert lock.try_acquire()
    opened: list[Store] = []
    thread = threading.Thread(target=lambda: opened.append(Store.open(old, clock=clock)))
    thread.start()
    with closing(sqlite3.connect(old, timeout=10)) as connection:
        connection.execute("PRAGMA user_version = 2")
    wait_until(lambda: opened, message="the second opener to see that the schema is current")
    thread.join()
    lock.release()
