"""What all tests share: a clock that stands still and a store of its own for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store.clock import FrozenClock
from store.database import Store

MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_machine_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting, data folder or zone of this machine reaches a test."""
    for name in [name for name in os.environ if name.startswith(("SLUICE_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "sluice-home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that shows Monday 2026-03-02 12:00 UTC and moves only when told to."""
    return FrozenClock(MONDAY_NOON)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as a first start makes it, to be copied: making one takes twenty times as long."""
    path = tmp_path_factory.mktemp("empty") / "sluice.db"
    Store.open(path).close()
    return path


@pytest.fixture
def store(tmp_path: Path, clock: FrozenClock, empty_database: Path) -> Iterator[Store]:
    """An empty database in the test's own folder, with the frozen clock."""
    path = tmp_path / "sluice.db"
    shutil.copy2(empty_database, path)
    opened = Store.open(path, clock=clock)
    yield opened
    opened.close()
