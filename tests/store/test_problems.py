"""SQLite's errors in words: which of them is a full disk."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from store.problems import explain


@pytest.mark.parametrize(
    ("free_blocks", "sentence"), [(7, "there is no room left for"), (1000, "the disk reports an error")]
)
def test_an_error_of_a_full_disk_says_that_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_blocks: int, sentence: str
) -> None:
    disk = SimpleNamespace(f_bavail=free_blocks, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    problem = explain(tmp_path / "s.db", sqlite3.OperationalError("disk I/O error"))
    assert sentence in str(problem)


def test_a_folder_that_is_gone_is_no_full_disk(tmp_path: Path) -> None:
    problem = explain(tmp_path / "gone" / "s.db", sqlite3.OperationalError("disk I/O error"))
    assert "the disk reports an error" in str(problem)
