"""Running scheduler/runner.py by itself, without a worker."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from scheduler import entry, runner

RUNNER = Path(runner.__file__)
ENTRY = Path(entry.__file__)


class Line(NamedTuple):
    """One line of a run's spool."""

    level: int
    name: str
    text: str
    t: int


class Ran(NamedTuple):
    """What a runner left behind."""

    exit: dict[str, Any]
    lines: list[Line]
    started: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def make_folder(folder: Path, argv: list[str] | None = None, **fields: Any) -> Path:
    """A run folder with its spec and bell."""
    run_dir = folder / "run"
    run_dir.mkdir()
    os.mkfifo(run_dir / "bell")
    spec = {
        "argv": argv or ["/bin/true"],
        "entry": None,
        "run_dir": str(run_dir),
        "cwd": str(folder),
        "env": {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
        "umask": 0o022,
        "nice": None,
        "memory_limit_mb": None,
        "stream_output": True,
        "max_lines": 100_000,
        "max_bytes": 10 * 1024 * 1024,
        **fields,
    }
    (run_dir / "entry.json").write_text(json.dumps(spec["entry"]))
    (run_dir / "spec").write_bytes(marshal.dumps(spec))
    return run_dir


def start_runner(run_dir: Path) -> subprocess.Popen[bytes]:
    """Start it as the worker does."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(RUNNER), str(run_dir)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={},
    )


def read_lines(run_dir: Path) -> list[Line]:
    """The spool as it is now; a line that is just being written is left out."""
    file = run_dir / "log.jsonl"
    records = [json.loads(text) for text in file.read_text().splitlines() if text] if file.exists() else []
    return [Line(record["level"], record["name"], record["msg"], record["t"]) for record in records]


def finish(run_dir: Path, process: subprocess.Popen[bytes]) -> Ran:
    """Wait for the runner, and read what it left."""
    assert process.wait(30) == 0
    exit_record = json.loads((run_dir / "exit.json").read_text())
    return Ran(exit_record, read_lines(run_dir), json.loads((run_dir / "started.json").read_text()))


def run_argv(folder: Path, argv: list[str], **fields: Any) -> Ran:
    """Run a program to its end."""
    run_dir = make_folder(folder, argv, **fields)
    return finish(run_dir, start_runner(run_dir))


def run_shell(folder: Path, command: str, **fields: Any) -> Ran:
    """Run a shell command to its end."""
    return run_argv(folder, ["/bin/sh", "-c", command], **fields)


def entry_fields(
    file: Path, function: str, parameters: dict[str, Any] | None = None, python: str = sys.executable
) -> dict[str, Any]:
    """The fields of a spec that runs an entrypoint."""
    title = f"{file.name}:{function}"
    entry_spec = {
        "entrypoint": title,
        "file": str(file),
        "function": function,
        "parameters": parameters or {},
    }
    return {"argv": [python, str(ENTRY)], "entry": entry_spec}


def run_entry(
    folder: Path, code: str, function: str = "flow", parameters: dict[str, Any] | None = None, **fields: Any
) -> Ran:
    """Run a function of a file with this code to its end."""
    file = folder / "flows.py"
    file.write_text(code)
    run_dir = make_folder(folder, **{**entry_fields(file, function, parameters), **fields})
    return finish(run_dir, start_runner(run_dir))
