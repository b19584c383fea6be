"""What the first picture of `sluice` loads and shows: half a second is little time for libraries."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pexpect
import pytest

SLOW = {
    "click",
    "cron_descriptor",
    "croniter",
    "dateutil",
    "fastapi",
    "httpx",
    "jsonschema",
    "psutil",
    "pydantic",
    "pydantic_settings",
    "ruamel",
    "typer",
    "uvicorn",
}
"""Libraries that wait until they are used. One of our modules that imports one of these, or a model of
`store.schemas`, when it is itself imported makes everybody wait for it."""

PROBE = """
import json, os, sys
from sluice.__main__ import main
from sluice.live_app import LiveApp

def on_ready(app):
    table = app.screen.table
    rows = [table.row_of(key) for key in table.keys]
    seen = {"modules": list(sys.modules), "rows": [row and row.full_name for row in rows]}
    with open(os.environ["SEEN"], "w") as file:
        json.dump(seen, file)
    app.exit()

LiveApp.on_ready = on_ready
sys.argv = ["sluice"]
main()
"""
"""The command, which notes what there is when its first picture is painted, and ends."""


@pytest.mark.parametrize("columns", [80, 140])
def test_the_first_picture_has_rows_and_waits_for_no_slow_library(
    columns: int, home: Path, tmp_path: Path
) -> None:
    seen_file = tmp_path / "seen.json"
    environ = os.environ | {"SLUICE_HOME": str(home), "TERM": "xterm-256color", "SEEN": str(seen_file)}
    child = pexpect.spawn(sys.executable, ["-c", PROBE], env=environ, dimensions=(40, columns), timeout=30)
    child.expect(pexpect.EOF)
    child.close()
    seen = json.loads(seen_file.read_text())
    assert seen["rows"] == ["greetings/hello", "greetings/later"]
    assert SLOW & {name.partition(".")[0] for name in seen["modules"]} == set()
