"""From the process's start to the first picture: `sluice --db` with 10,000 deployments in a pseudo-terminal.

Run alone: `python -m benchmarks.startup [--deployments N] [--runs N] [--times N]`.
The target (TUI.md) is 0.5 s, median of ten, warm disk.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path
from statistics import median

from benchmarks.build_database import build
from store.database import Store
from store.lists import deployment_keys, deployment_rows
from store.schemas import DeploymentQuery

TARGET_SECONDS = 0.5
GIVE_UP_SECONDS = 20.0
COLUMNS, ROWS = 140, 40
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]")


def first_row(database: Path) -> str:
    """The own name of the deployment that the list shows first."""
    store = Store.open(database)
    try:
        keys = deployment_keys(store, DeploymentQuery())
        return deployment_rows(store, keys[:1])[keys[0]][0].name
    finally:
        store.close()


def measure(database: Path, awaited: str, home: Path) -> float:
    """Start `sluice` once and answer the seconds until `awaited` has reached the terminal.

    Raises:
        SystemExit: it did not appear in time; says what was on the terminal instead.
    """
    environ = os.environ | {
        "SLUICE_HOME": str(home),
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "LINES": str(ROWS),
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed Sluice is compiled
    command = [sys.executable, "-m", "sluice", "--db", str(database)]
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, environ)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        return _await(terminal, awaited.encode(), started)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def _await(terminal: int, awaited: bytes, started: float) -> float:
    shown = b""
    while time.perf_counter() - started < GIVE_UP_SECONDS:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the child has ended and its terminal with it
            break
        now = time.perf_counter()
        if awaited in _ESCAPES.sub(b"", shown):
            return now - started
    text = _ESCAPES.sub(b"", shown).decode(errors="replace")[-2000:]
    raise SystemExit(f"{awaited.decode()!r} did not appear; the terminal shows:\n{text}")


def run(deployments: int = 10_000, runs: int = 100_000, times: int = 10) -> bool:
    """Measure, print, and answer whether the median reaches the target."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        database = Path(folder) / "startup.db"
        build(database, deployments, runs)
        awaited = first_row(database)
        measure(database, awaited, Path(folder))  # warms the disk, and compiles what is not compiled yet
        seconds = [measure(database, awaited, Path(folder)) for _ in range(times)]
    middle = median(seconds)
    good = middle <= TARGET_SECONDS
    shown = " ".join(f"{value:.3f}" for value in seconds)
    print(f"startup: {deployments:,} deployments, {runs:,} runs, {COLUMNS}x{ROWS}: {shown} s")
    print(f"startup: median {middle:.3f} s, target {TARGET_SECONDS} s: {'reached' if good else 'MISSED'}")
    return good


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    sys.exit(0 if run(options.deployments, options.runs, options.times) else 1)


if __name__ == "__main__":
    main()
