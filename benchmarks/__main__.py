"""`python -m benchmarks`: every benchmark in its short form, one after another, each in its own process."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

SHORT_FORMS: tuple[tuple[str, ...], ...] = (
    ("benchmarks.timetable",),
    ("benchmarks.store", "10000", "100000"),
    ("benchmarks.bulk",),
    ("benchmarks.startup",),
    ("benchmarks.keys", "--deployments", "10000", "--runs", "10000"),
    ("benchmarks.log_view",),
    ("benchmarks.worker",),
    ("benchmarks.punctuality", "--every-second", "--runs", "30"),
    ("benchmarks.punctuality", "--every-second", "--runs", "30", "--processes", "2"),
)
"""Module and arguments. Run alone without arguments, each measures what its target speaks of."""


def main() -> int:
    """Run them all; answers 1 when one of them failed or missed its target."""
    missed = []
    for module, *arguments in SHORT_FORMS:
        title = " ".join([module, *arguments])
        print(f"\n== {title}", flush=True)
        if importlib.util.find_spec(module) is None:
            print("there is no such benchmark")
            missed.append(title)
        elif subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:
            missed.append(title)
    print("\nall targets reached" if not missed else "\nmissed or failed: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
