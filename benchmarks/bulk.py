"""Changing every deployment at once: pause, resume and delete 10,000 of them through the backend.

Run alone: `python -m benchmarks.bulk [DEPLOYMENTS] [RUNS]`; 30 % of the runs are still to come. Prints the
seconds of each change, and answers 1 when one took longer than the target of 2 s.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from backend import LocalBackend
from benchmarks.build_database import build
from store.database import Store
from store.schemas import DeploymentQuery

TARGET_SECONDS = 2.0


def main() -> int:
    """Build, change, print; answers 1 when the target was missed."""
    deployments, runs = (int(text) for text in (*sys.argv[1:], "10000", "100000")[:2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bulk.db"
        build(path, deployments, runs)
        store = Store.open(path)
        try:
            return 1 if max(_measure(LocalBackend(store))) > TARGET_SECONDS else 0
        finally:
            store.close()


def _measure(backend: LocalBackend) -> list[float]:
    """Seconds of each change of all deployments."""
    ids = backend.deployment_keys(DeploymentQuery())
    changes: dict[str, Callable[[], object]] = {
        "pause": lambda: backend.pause_deployments(ids, "benchmark"),
        "resume": lambda: backend.resume_deployments(ids),
        "preview": lambda: backend.deletion_preview(ids),
        "delete": lambda: backend.delete_deployments(ids),
    }
    took = []
    for name, change in changes.items():
        started = time.perf_counter()
        answer = change()
        took.append(time.perf_counter() - started)
        print(f"{name:8} {len(ids):,} deployments {took[-1]:6.2f} s  {answer}", flush=True)
    return took


if __name__ == "__main__":
    sys.exit(main())
