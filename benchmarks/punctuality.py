"""How late runs start: `sluice serve` on a database with one deployment due every minute (or second).

Run alone: `python -m benchmarks.punctuality [--every-second] [--runs N] [--processes N]`. Prints each
run's due and start time as recorded, then p50 and p95 of the lateness, and checks that no slot ran twice. The
target is 200 ms (p95 over at least 30 starts, on an idle machine).
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from backend.local import LocalBackend
from sluice.house import open_house
from sluice.settings import Settings
from store.database import Store
from store.schemas import (
    TERMINAL_STATES,
    CronSchedule,
    DeploymentCreate,
    DeploymentScheduleCreate,
    FlowRunQuery,
)

TARGET_SECONDS = 0.2
READY_SECONDS = 20.0
COMMAND = 'echo "$SLUICE_SLOT" >> "$BENCH_FILE"'


class Start(NamedTuple):
    """One run as recorded."""

    name: str
    due: datetime
    started: datetime

    @property
    def late(self) -> float:
        """Seconds."""
        return (self.started - self.due).total_seconds()


def prepare(folder: Path, every_second: bool) -> tuple[Path, UUID]:
    """A database with the one deployment; its command appends the slot to a file."""
    database = folder / "punctuality.db"
    settings = Settings(home=folder, db=database)
    with open_house(settings, scheduler=False, worker=False) as house:
        cron = "* * * * * *" if every_second else "* * * * *"
        deployment = DeploymentCreate(
            name="clock",
            flow_id=uuid4(),
            work_pool_name="local",
            job_variables={"command": COMMAND, "env": {"BENCH_FILE": str(folder / "slots")}},
            schedules=[DeploymentScheduleCreate(schedule=CronSchedule(cron=cron, timezone="UTC"))],
        )
        made = house.backend.apply_deployments([("punctuality", deployment)])
        return database, made[0].deployment.id


def start_server(database: Path, folder: Path) -> subprocess.Popen[bytes]:
    """`sluice serve`, ready.

    Raises:
        SystemExit: it did not say that it is ready.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "sluice", "serve", "--db", str(database)],
        stdout=subprocess.PIPE,
        env=os.environ | {"SLUICE_HOME": str(folder)},
    )
    assert server.stdout is not None
    if not select.select([server.stdout], [], [], READY_SECONDS)[0]:
        server.kill()
        raise SystemExit("sluice serve did not become ready")
    print(f"punctuality: {server.stdout.readline().decode().strip()}")
    return server


def collect(database: Path, deployment: UUID, count: int, limit_seconds: float) -> list[Start]:
    """Wait until so many runs have ended and answer all starts so far, oldest first."""
    store = Store.open(database)
    backend = LocalBackend(store)
    query = FlowRunQuery(deployment_id=deployment, upcoming=False, sort="due", descending=False)
    pause = threading.Event()
    deadline = time.monotonic() + limit_seconds
    try:
        while True:
            rows = backend.flow_run_rows(backend.flow_run_keys(query)).values()
            ended = [row for row in rows if row.state_type in TERMINAL_STATES]
            if len(ended) >= count or time.monotonic() > deadline:
                found = [(row.name, row.expected_start_time, row.start_time) for row in rows]
                starts = [Start(name, due, start) for name, due, start in found if due and start]
                return sorted(starts, key=lambda start: start.due)
            pause.wait(0.5)
    finally:
        store.close()


def report(starts: list[Start], slots: list[str], wanted: int) -> bool:
    """Print every start and the percentiles; answer whether all is well."""
    for start in starts:
        times = f"due {start.due:%H:%M:%S} started {start.started:%H:%M:%S.%f}"
        print(f"  {start.name:<28} {times} late {_ms(start.late)}")
    late = sorted(start.late for start in starts)
    twice = [slot for slot, times in Counter(slots).items() if times > 1]
    early = [start.name for start in starts if start.late < 0]
    if not late:
        print("punctuality: no run started: MISSED")
        return False
    p50, p95 = late[len(late) // 2], late[min(len(late) - 1, int(len(late) * 0.95))]
    good = p95 <= TARGET_SECONDS and not twice and not early and len(starts) >= wanted
    print(f"punctuality: {len(starts)} starts, p50 {_ms(p50)}, p95 {_ms(p95)}, worst {_ms(late[-1])}")
    print(f"punctuality: the command ran {len(set(slots))} slots, {len(twice)} twice; {len(early)} early")
    print(f"punctuality: target p95 {_ms(TARGET_SECONDS)}: {'reached' if good else 'MISSED'}")
    return good


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def run(count: int = 30, *, every_second: bool = True, processes: int = 1) -> bool:
    """Measure so many starts and answer whether the target is reached.

    Args:
        count: starts.
        every_second: due each second instead of each minute.
        processes: how many `sluice serve` share the database.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        folder = Path(name)
        database, deployment = prepare(folder, every_second)
        servers = [start_server(database, folder) for _ in range(processes)]
        try:
            starts = collect(database, deployment, count, (count + 10) * (1 if every_second else 60) + 30)
        finally:
            for server in servers:
                server.send_signal(signal.SIGTERM)
            for server in servers:
                server.wait(READY_SECONDS)
        slots = (folder / "slots").read_text().split() if (folder / "slots").exists() else []
    return report(starts, slots, count)


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every-second", action="store_true", help="six-field cron, for quicker statistics")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    sys.exit(0 if run(options.runs, every_second=options.every_second, processes=options.processes) else 1)


if __name__ == "__main__":
    main()
