"""A key press to its picture, in the app over a real store, headless: moves, marks and filter keystrokes.

Run alone: `python -m benchmarks.keys [--deployments N] [--runs N]`. The targets (TUI.md): a key press is
answered within 33 ms (p95) and 60 ms (p99), a filter keystroke is applied within 60 ms (p95).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from textual.pilot import Pilot
from textual.screen import Screen

from backend.local import LocalBackend
from benchmarks.build_database import build
from store.database import Store
from tui.app import SluiceApp
from tui.screens.deployments import DeploymentsScreen

KEY_P95, KEY_P99, FILTER_P95 = 0.033, 0.060, 0.060
SIZE = (140, 40)
MOVES = {
    "one row": ["down"] * 60,
    "a page": ["pagedown"] * 60,
    "to the ends": ["G", "g"] * 30,
    "mark": ["space"] * 60,
}


def percentile(seconds: list[float], share: float) -> float:
    """The value that this share of the measurements does not exceed."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]


class TimedApp(SluiceApp):
    """Notes when the last picture was written to the terminal."""

    painted_at = 0.0

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        self.painted_at = time.perf_counter()


async def press(app: TimedApp, screen: DeploymentsScreen, key: str) -> float:
    """Seconds from a key to the picture of what it did."""
    before = _state(screen)
    started = time.perf_counter()
    app.simulate_key(key)
    await until(lambda: _state(screen) != before)
    changed = time.perf_counter()
    await until(lambda: app.painted_at >= changed)
    return app.painted_at - started


def _state(screen: DeploymentsScreen) -> tuple[int, int]:
    return screen.table.cursor_place, len(screen.table.marks)


async def until(true: Callable[[], bool]) -> None:
    """Let the app do its work until something is so, without taking its time."""
    while not true():
        await asyncio.sleep(0.0002)


async def type_filter(app: TimedApp, pilot: Pilot[None], screen: DeploymentsScreen, text: str) -> list[float]:
    """Seconds from each keystroke of the filter to the picture of the list that answers it."""
    await pilot.press("slash")
    times: list[float] = []
    for number, key in enumerate(text, 1):
        wanted = text[:number]
        started = time.perf_counter()
        app.simulate_key(key)
        await until(lambda wanted=wanted: _answered(screen, wanted))
        answered = time.perf_counter()
        await until(lambda answered=answered: app.painted_at >= answered)
        times.append(app.painted_at - started)
    await pilot.press("escape")
    return times


def _answered(screen: DeploymentsScreen, text: str) -> bool:
    shown = screen.query_shown
    return shown is not None and shown.text == text


async def measure(store: Store) -> bool:
    """Print all figures; whether all targets were reached."""
    app = TimedApp(LocalBackend(store))
    app.animation_level = "none"
    reached = True
    async with app.run_test(size=SIZE) as pilot:
        await pilot.app.workers.wait_for_complete()
        screen = pilot.app.screen
        assert isinstance(screen, DeploymentsScreen)
        await until(lambda: bool(screen.table.keys))
        gc.collect()
        gc.freeze()  # as the command does when the first picture is on the screen
        print(f"{len(screen.table.keys):,} deployments, {SIZE[0]}x{SIZE[1]}")
        for name, keys in MOVES.items():
            times = [await press(app, screen, key) for key in keys]
            p50, p95, p99 = (percentile(times, share) for share in (0.5, 0.95, 0.99))
            reached &= p95 <= KEY_P95 and p99 <= KEY_P99
            print(f"{name:<12} p50 {p50 * 1e3:5.1f}  p95 {p95 * 1e3:5.1f}  p99 {p99 * 1e3:5.1f} ms")
        row = screen.table.cursor_row
        assert row is not None
        times = [seconds for _ in range(4) for seconds in await type_filter(app, pilot, screen, row.name[:8])]
        p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
        reached &= p95 <= FILTER_P95
        print(f"{'filter':<12} p50 {p50 * 1e3:5.1f}  p95 {p95 * 1e3:5.1f} ms until the list answers")
    return reached


def main() -> int:
    """Build a database, measure, and answer 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "keys.db"
        build(database, arguments.deployments, arguments.runs)
        store = Store.open(database)
        try:
            reached = asyncio.run(measure(store))
        finally:
            store.close()
    print("targets reached" if reached else "a target was missed")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
