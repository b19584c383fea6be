"""The columns of the deployments list. Pure: a row in, parts out."""

from __future__ import annotations

import re

from store.schemas import DeploymentRow
from tui.states import look_of_deployment
from tui.text import cut, cut_words, harmless, some_of, width_of
from tui.times import clock_time, countdown, duration
from tui.widgets.activity_bars import COUNT, activity_bars
from tui.widgets.columns import Cell, CellContext, Column

DIM, STRONG = "virtual-table--dim", "virtual-table--strong"
ACCENT, WARNING = "virtual-table--accent", "virtual-table--warning"

SLOWER, FASTER = 1.5, 0.67
"""A last run that took so many times its median is pointed out."""

NOTICEABLE = 0.5
"""Seconds that it must differ by: nobody cares about 0.3 s instead of 0.1 s."""

_ZONE = re.compile(r" (?:UTC(?:[+-]\d\d:\d\d)?|[A-Z][A-Za-z]+(?:/[\w+-]+)*/(?P<city>[\w+-]+))(?=$|,| \+\d)")
"""The zone in a schedule's words, wherever it stands."""


def state_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """The glyph of what needs attention first."""
    look = look_of_deployment(row)
    return [(look.glyph, look.style)]


def name_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """`flow/name`: the flow steps back and gives way first, the deployment's own name stands out."""
    flow, name = harmless(row.flow_name), harmless(row.name)
    style = DIM if row.paused else STRONG
    room = context.width - width_of(name) - 1
    if width_of(flow) > room:
        flow = cut(flow, max(room, min(context.width // 3, width_of(flow))))
    return [(f"{flow}/", DIM), (name, style)]


def schedule_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """The schedules in words; what stops them comes first where the note has no column of its own."""
    if "note" not in context.shown and (note := note_of(row)):
        return [(note[0], note[1])]
    if not row.schedule:
        return [("no schedule", DIM)]
    return [(fitting(row.schedule, context.width), DIM if row.paused else "")]


def fitting(words: str, width: int) -> str:
    """A schedule's words; where they are too long, the zone's city stands for the zone, or the zone goes."""
    words = harmless(words)
    city = _ZONE.sub(_city, words)
    bare = _ZONE.sub("", words)
    for shorter in (words, city, city.removesuffix(" more"), bare):
        if width_of(shorter) <= width:
            return shorter
    return cut_words(bare.removesuffix(" more"), width)


def _city(zone: re.Match[str]) -> str:
    return f" {zone['city'].replace('_', ' ')}" if zone["city"] else zone[0]


def next_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """The countdown to the next run."""
    if row.paused:
        return [("paused", "state-paused")]
    if row.next_run is None:
        return [("—", DIM)]
    words = countdown(row.next_run, context.now)
    if words.startswith("late"):
        return [(words, "state-late")]
    return [(words, ACCENT if words == "now" or words.endswith("s") else "")]


def bars_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """The last twelve runs."""
    return activity_bars(row.recent, min(COUNT, context.width))


def last_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """The last duration, `▲` when it was much longer than the median, `▼` when much shorter."""
    if row.last_duration is None:
        return [("— ", DIM)]
    trend, style = _trend(row)
    return [(duration(row.last_duration), style), (trend, style)]


def median_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """The median duration that the last one is measured against."""
    return [("" if row.median_duration is None else f"~{duration(row.median_duration)}", DIM)]


def _trend(row: DeploymentRow) -> tuple[str, str]:
    if not row.last_duration or not row.median_duration:
        return " ", ""
    if abs(row.last_duration - row.median_duration) < NOTICEABLE:
        return " ", ""
    ratio = row.last_duration / row.median_duration
    if ratio >= SLOWER:
        return "▲", WARNING
    return ("▼", "") if ratio <= FASTER else (" ", "")


def tags_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """As many whole tags as fit, and how many more there are."""
    return [(some_of(row.tags, context.width), DIM)]


def pool_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """The work pool; a deployment without one waits for its own runner."""
    return [(row.work_pool_name or "—", DIM)]


def note_cell(row: DeploymentRow, context: CellContext) -> Cell:
    """What an operator should know: the planning error, the pause, late or running runs."""
    note = note_of(row)
    if note is None:
        return []
    text, style = note
    if row.paused and row.pause_until is not None and not row.error:
        return [(text, style), (f" · until {clock_time(row.pause_until, context.zone)}", DIM)]
    return [(text, style)]


def note_of(row: DeploymentRow) -> tuple[str, str] | None:
    """The one thing to say about a deployment, with its style; null when all is as it should be."""
    if row.error:
        return row.error, "state-error"
    if row.paused:
        return (row.pause_reason, "state-paused") if row.pause_reason else None
    if row.late:
        return f"{row.late} late", "state-late"
    if row.running > 1:
        return f"{row.running} running", "state-running"
    return None


COLUMNS: tuple[Column[DeploymentRow], ...] = (
    Column("mark", "", lambda row, context: [], 1),
    Column("state", "", state_cell, 1, gap=0),
    Column("name", "Deployment", name_cell, 22, share=6, limit=40, gap=1, sort="name", wish=28),
    Column("schedule", "Schedule", schedule_cell, 18, priority=4, share=4, limit=34, wish=26),
    Column("next", "Next", next_cell, 8, sort="next_run", live=True),
    Column("bars", "Last 12 runs", bars_cell, COUNT, priority=3, sort="state"),
    Column("last", "Last ", last_cell, 7, priority=5, align="right", sort="duration"),
    Column("median", "Median", median_cell, 7, priority=8, align="left", gap=1),
    Column("tags", "Tags", tags_cell, 10, priority=6, share=2, limit=24),
    Column("pool", "Pool", pool_cell, 7, priority=7, share=1, limit=16, sort="pool"),
    Column("note", "Note", note_cell, 16, priority=9, share=4),
)
