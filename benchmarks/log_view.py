"""How a log of many lines feels: first paint, reading it whole, paging, following, filtering, folding.

`python -m benchmarks.log_view [LINES]` (default 100,000). A key's target is a frame, 33 ms at p95, of the
event loop's own processor time, from the action to the painted screen; the rest is measured by the clock on
the wall, and so depends on what else the machine does.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from store import logs
from store.database import Store
from store.ids import new_id
from store.schemas import LogCreate, LogLine
from tui.widgets.log_filter import parse_filter
from tui.widgets.log_panel import LogPanel

FRAME_P95 = 0.033
BATCH = 5_000
RUN = new_id()
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class StoreLog(NamedTuple):
    """One run's log in a real database."""

    store: Store

    def read(self, after_id: int, limit: int) -> list[LogLine]:
        """Lines above an id."""
        return logs.read_logs(self.store, RUN, after_id=after_id, limit=limit)

    def read_last(self, limit: int) -> list[LogLine]:
        """The last lines."""
        return logs.read_last_logs(self.store, RUN, limit=limit)


class LogApp(App[None]):
    """Holds the panel, and measures how late a clock of 5 ms ticks: the event loop's stalls."""

    def __init__(self, source: StoreLog) -> None:
        super().__init__()
        self.panel = LogPanel(source, zone=UTC)
        self.stalls: list[float] = []
        self._ticked = time.perf_counter()

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_mount(self) -> None:
        self.set_interval(0.005, self._tick)
        gc.collect()
        gc.freeze()  # as sluice/live_app.py does when its first picture is painted
        self.panel.refresh_lines_below()
        self.panel.view.focus()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.stalls.append(now - self._ticked - 0.005)
        self._ticked = now


def write(store: Store, first: int, count: int) -> None:
    """So many lines: words, some long, some of two rows, each thousandth an error."""
    for start in range(first, first + count, BATCH):
        batch = [_line(number) for number in range(start, min(start + BATCH, first + count))]
        logs.write_logs(store, batch)


def _line(number: int) -> LogCreate:
    message = (
        f"batch {number}: wrote {number * 7919 % 10_000} rows of table {number % 41} in {number % 97} ms"
    )
    if number % 50 == 0:
        message += " — " + "and a tail that goes on beyond the right edge " * 3
    if number % 1_000 == 500:
        message = (
            f"ValueError in batch {number}\n  File flows/load.py, line {number % 200}\nValueError: bad row"
        )
    level = 40 if number % 1_000 == 500 else 20
    return LogCreate.model_construct(
        name="stdout",
        level=level,
        message=message,
        timestamp=NOON + timedelta(milliseconds=number),
        flow_run_id=RUN,
        task_run_id=None,
    )


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not true():
        await pilot.pause(0.002)


async def measure(store: Store, count: int) -> bool:
    """Print all figures; answers whether the targets are reached."""
    app = LogApp(StoreLog(store))
    began = time.perf_counter()
    async with app.run_test(size=(140, 40)) as pilot:
        view = app.panel.view
        await until(pilot, lambda: len(view.lines) > 0)
        await pilot.pause()
        show("first lines on screen, app start included", time.perf_counter() - began)
        await until(pilot, lambda: len(view.lines) >= count and view.lines.ids[0] == 1)
        show("all lines read", time.perf_counter() - began)
        percentiles("stalls of the event loop meanwhile", app.stalls)
        view.action_to_start()
        await pilot.pause()
        good = percentiles("a page", await paint(pilot, partial(view.action_page, 2), 200)) <= FRAME_P95
        good &= percentiles("a line", await paint(pilot, partial(view.action_move, 1), 200)) <= FRAME_P95
        await work(app, pilot, store, count)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform == "linux" else 1024**2
    )
    print(f"{'memory at most':<45}{memory:>9.0f} MiB")
    return good


async def paint(pilot: Pilot[None], act: Callable[[], None], times: int) -> list[float]:
    """Processor seconds of the event loop from an action to the painted screen, for each time."""
    took = []
    for _ in range(times):
        began = time.thread_time()
        act()
        await pilot.pause()
        took.append(time.thread_time() - began)
    return took


async def work(app: LogApp, pilot: Pilot[None], store: Store, count: int) -> None:
    """Follow, find, filter and fold."""
    panel, view = app.panel, app.panel.view
    view.to_end()
    write(store, count, 1_000)
    began = time.perf_counter()
    panel.refresh_lines_below()
    await until(pilot, lambda: view.lines.last_id == count + 1_000)
    show("1,000 new lines while following", time.perf_counter() - began)
    await timed(app, pilot, "find the first line from the end", lambda: panel._search("batch 1: "))
    await timed(app, pilot, "filter level:error", lambda: panel.apply_filter(parse_filter("level:error")))
    await timed(
        app, pilot, "filter by a regular expression", lambda: panel.apply_filter(parse_filter("table 4.$"))
    )
    await timed(app, pilot, "no filter", lambda: panel.apply_filter(parse_filter("")))
    await timed(app, pilot, "fold long lines", panel.toggle_wrap)


async def timed(app: LogApp, pilot: Pilot[None], what: str, call: Callable[[], None]) -> None:
    """Do one thing and wait until its workers have ended; print how long, and the longest stall."""
    app.stalls.clear()
    began = time.perf_counter()
    call()
    await app.workers.wait_for_complete()
    await pilot.pause()
    show(what, time.perf_counter() - began, max(app.stalls, default=0.0))


def show(what: str, seconds: float, stall: float | None = None) -> None:
    """One line."""
    rest = "" if stall is None else f"   longest stall {stall * 1000:6.1f} ms"
    print(f"{what:<45}{seconds * 1000:>9.1f} ms{rest}", flush=True)


def percentiles(what: str, samples: list[float]) -> float:
    """One line with p50, p95, p99 and the longest; answers p95."""
    points = statistics.quantiles(samples, n=100)
    words = "  ".join(f"p{n} {points[n - 1] * 1000:6.1f}" for n in (50, 95, 99))
    print(f"{what:<45}{words}  max {max(samples) * 1000:6.1f} ms", flush=True)
    return points[94]


def main() -> int:
    """Build a database in a temporary folder and measure."""
    count = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "sluice.db")
        try:
            began = time.perf_counter()
            write(store, 0, count)
            show(f"{count:,} lines written", time.perf_counter() - began)
            return 0 if asyncio.run(measure(store, count)) else 1
        finally:
            store.close()


if __name__ == "__main__":
    sys.exit(main())
