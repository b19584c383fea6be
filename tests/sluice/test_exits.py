"""Errors become one sentence and an exit code."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.exits import DONE, INTERRUPTED, REFUSED, USAGE, UsageProblem, guarded
from store.errors import DatabaseNewer, NotFound, Refused


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("Deployment", "x", "no deployment is called 'x'"), REFUSED),
        (Refused("it is paused"), REFUSED),
        (DatabaseNewer("x.db", "the database is newer"), USAGE),
        (UsageProblem("--param: no"), USAGE),
        (KeyboardInterrupt(), INTERRUPTED),
        (sqlite3.OperationalError("disk I/O error"), USAGE),
        (ZeroDivisionError("division by zero"), REFUSED),
    ],
)
def test_codes(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def face() -> int:
        raise error

    assert guarded(face) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    if not isinstance(error, KeyboardInterrupt):
        assert said.err.count("\n") == 1
        assert str(error)[1:] in said.err


def test_done() -> None:
    assert guarded(lambda: DONE) == DONE


def test_debugging_lets_the_exception_through() -> None:
    def face() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guarded(face, debug=True)


def start_log_then(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own, because the log file is for the whole process."""
    start = (
        "import sys; from sluice.exits import guarded; from sluice.log_file import start_log_file;"
        "from sluice.settings import load_settings; start_log_file(load_settings());"
    )
    return subprocess.run(
        [sys.executable, "-c", start + code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SLUICE_HOME": str(home)},
    )


def test_a_traceback_goes_to_the_log_file(tmp_path: Path) -> None:
    ended = start_log_then("sys.exit(guarded(lambda: 1 // 0))", tmp_path / "home")
    log = tmp_path / "home" / "sluice.log"
    assert ended.returncode == REFUSED
    assert str(log) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "ZeroDivisionError" in log.read_text()


def test_an_exception_in_a_thread_goes_to_the_log_file(tmp_path: Path) -> None:
    code = "import threading; t = threading.Thread(target=lambda: 1 // 0); t.start(); t.join()"
    ended = start_log_then(code, tmp_path / "home")
    assert ended.stderr == ""
    assert "ZeroDivisionError" in (tmp_path / "home" / "sluice.log").read_text()


def test_a_log_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "No log is kept" in start_log_then("pass", blocked / "home").stderr
