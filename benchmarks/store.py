"""How fast the store answers at 100,000 deployments and 1,000,000 runs, or at other numbers:
`python -m benchmarks.store [DEPLOYMENTS RUNS]`.
"""

from __future__ import annotations

import statistics as numbers
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.build_database import build
from store import lists, logs, statistics
from store.database import Store
from store.schemas import DeploymentQuery, FlowRunQuery, LogCreate

DEPLOYMENTS, RUNS = 100_000, 1_000_000
REPEATS = 7
PAGE = 60
RUN_LIMIT = 1000

missed: list[str] = []
"""What took longer than its target."""


def measure(label: str, call: Callable[[], Any], target: float | None = None) -> float:
    """Print median and worst of some repeats, in milliseconds, beside the target if there is one.

    CPU time stands beside them: where it is much less than the median, the machine was busy elsewhere.
    """
    times, cpu = [], []
    for _ in range(REPEATS):
        started, used = time.perf_counter(), time.thread_time()
        call()
        cpu.append((time.thread_time() - used) * 1000)
        times.append((time.perf_counter() - started) * 1000)
    median = numbers.median(times)
    if target and median >= target:
        missed.append(label)
    goal = f"   target < {target:g}: {'held' if median < target else 'MISSED'}" if target else ""
    spent = numbers.median(cpu)
    print(f"  {label:36} median {median:8.2f} ms   worst {max(times):8.2f} ms   cpu {spent:8.2f} ms{goal}")
    return median


def main() -> int:
    """Build the database in a temporary folder, measure, print; answers 1 when a target was missed."""
    deployments, runs = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (DEPLOYMENTS, RUNS)
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        file = Path(folder) / "big.db"
        started = time.perf_counter()
        build(file, deployments, runs)
        took = time.perf_counter() - started
        size = file.stat().st_size / 1e6
        print(f"store: {deployments:,} deployments, {runs:,} runs, {size:,.0f} MB, built in {took:.0f} s")
        measure("open and close", lambda: Store.open(file).close(), target=40)
        store = Store.open(file)
        try:
            measure_deployments(store)
            measure_runs(store)
            measure_writes(store)
        finally:
            store.close()
    return 1 if missed else 0


def measure_deployments(store: Store) -> None:
    """Keys in every order, keys by text, rows of one page."""
    for sort in lists.DEPLOYMENT_SORTS:
        query = DeploymentQuery(sort=sort)
        target = 80 if sort == "name" else None
        measure(f"deployment_keys by {sort}", lambda query=query: lists.deployment_keys(store, query), target)
    for text in ("load", "load nightly", "no such words", "é"):
        query = DeploymentQuery(text=text)
        target = 100 if text.isascii() else None
        measure(f"deployment_keys {text!r}", lambda query=query: lists.deployment_keys(store, query), target)
    page = lists.deployment_keys(store, DeploymentQuery())[:PAGE]
    measure(f"deployment_rows of {PAGE}", lambda: lists.deployment_rows(store, page), target=16)
    measure("counts", lambda: lists.counts(store))


def measure_runs(store: Store) -> None:
    """The first keys in every order, upcoming and past, of one deployment, by text; rows of one page."""
    one = lists.deployment_keys(store, DeploymentQuery())[0]
    queries = {sort: FlowRunQuery(sort=sort, limit=RUN_LIMIT) for sort in lists.FLOW_RUN_SORTS}
    queries |= {
        "due, past": FlowRunQuery(upcoming=False, limit=RUN_LIMIT),
        "due, upcoming": FlowRunQuery(upcoming=True, descending=False, limit=RUN_LIMIT),
        "due, failed": FlowRunQuery(state_types=("FAILED", "CRASHED"), limit=RUN_LIMIT),
        "due, one deployment": FlowRunQuery(deployment_id=one),
        "due, 'load'": FlowRunQuery(text="load", limit=RUN_LIMIT),
        "due, 'no such words'": FlowRunQuery(text="no such words", limit=RUN_LIMIT),
    }
    for label, query in queries.items():
        measure(f"flow_run_keys by {label}", lambda query=query: lists.flow_run_keys(store, query))
    page = lists.flow_run_keys(store, FlowRunQuery(limit=PAGE))
    measure(f"flow_run_rows of {PAGE}", lambda: lists.flow_run_rows(store, page), target=16)


def measure_writes(store: Store) -> None:
    """Statistics of one deployment, a batch of log lines."""
    one = lists.deployment_keys(store, DeploymentQuery())[0]
    run = lists.flow_run_keys(store, FlowRunQuery(limit=1))[0]
    lines = [
        LogCreate(name="job", level=20, message=f"line {n}", timestamp=store.clock.now(), flow_run_id=run)
        for n in range(500)
    ]
    measure("statistics.refresh of one", lambda: statistics.refresh(store, [one]))
    measure("write_logs of 500 lines", lambda: logs.write_logs(store, lines))
    measure("read_last_logs of 2,000", lambda: logs.read_last_logs(store, run))


if __name__ == "__main__":
    sys.exit(main())
