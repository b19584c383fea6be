"""Activity bars: the last runs in a few cells. The height of a completed run's bar is its duration."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from store.schemas import RecentRun
from tui.states import look_of
from tui.widgets.columns import Cell, Part

BARS: Final = "▁▂▃▄▅▆▇█"
COUNT = 12
_BAR = "COMPLETED"


def heights(durations: Sequence[float | None]) -> list[int]:
    """Heights 0..7 for durations in seconds: half height is the median, full height twice that or more.

    So a steady deployment is a calm line, one slow run stands out, and it cannot flatten the others.
    """
    known = [seconds for seconds in durations if seconds and seconds > 0]
    if not known:
        return [0] * len(durations)
    top, full = len(BARS) - 1, 2 * median(known)
    return [min(top, round(top * max(seconds or 0.0, 0.0) / full)) for seconds in durations]


def activity_bars(recent: Sequence[RecentRun], width: int = COUNT) -> Cell:
    """The bars of the newest runs, the newest at the right end.

    Completed runs are bars; all others are their state's glyph: without colour a failed one is told from them
    too, and only durations of whole runs compare. Dim dots stand for what is not there yet.

    Args:
        recent: newest first.
        width: cells, one for each run.
    """
    shown = list(recent[:width])[::-1]
    tall = heights([run.duration if run.state_type == _BAR else None for run in shown])
    parts: list[Part] = [("·" * (width - len(shown)), "state-none")] if len(shown) < width else []
    for run, height in zip(shown, tall, strict=True):
        look = look_of(run.state_type)
        parts.append((BARS[height] if run.state_type == _BAR else look.glyph, look.style))
    return parts
