"""The columns of a list of runs. Pure: a row in, parts out."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo

from store.schemas import FlowRunRow
from tui.run_facts import seconds_of
from tui.states import look_of
from tui.text import cut, harmless, some_of, width_of
from tui.times import GRACE_SECONDS, ago, countdown, duration
from tui.widgets.columns import Cell, CellContext, Column

DIM, STRONG = "virtual-table--dim", "virtual-table--strong"
ACCENT, WARNING = "virtual-table--accent", "virtual-table--warning"

GAUGE_CELLS = 6
LONGEST = 86_400.0
"""Seconds that fill the gauge."""
_WAITING = "SCHEDULED"


def state_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """Glyph and word."""
    look = look_of(row.state_type, row.state_name)
    return [(f"{look.glyph} {_short(look.word)}", look.style)]


def _short(word: str) -> str:
    """The one state name that is longer than the column."""
    return "Awaiting slot" if word == "AwaitingConcurrencySlot" else word


def name_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """The run's name."""
    return [(row.name, STRONG)]


def deployment_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """`flow/deployment`: the flow gives way first; a run without deployment shows its flow."""
    flow = harmless(row.flow_name)
    if row.deployment_name is None:
        return [(flow, DIM)]
    name = harmless(row.deployment_name)
    room = context.width - width_of(name) - 1
    if width_of(flow) > room:
        flow = cut(flow, max(room, min(context.width // 3, width_of(flow))))
    return [(f"{flow}/", DIM), (name, "" if row.deployment_id else DIM)]


def due_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """A countdown for what waits, else how long ago it was due."""
    due = row.expected_start_time
    if due is None:
        return [("—", DIM)]
    if row.state_type != _WAITING:
        return [(ago(due, context.now), DIM)]
    words = countdown(due, context.now)
    return [(words, "state-late" if words.startswith("late") else ACCENT if words == "now" else "")]


def started_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """When it started: the time today, the day otherwise."""
    return (
        [("—", DIM)] if row.start_time is None else [(moment(row.start_time, context.now, context.zone), "")]
    )


def moment(when: datetime, now: datetime, zone: tzinfo | None) -> str:
    """`11:50:01` today, `27 Feb 11:50` this year, `2025-12-31` before."""
    local, today = when.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return f"{local.day:>2} {local:%b %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def late_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """How late it started, or is by now; nothing below a second."""
    due = row.expected_start_time
    if due is None or (row.start_time is None and row.state_type != _WAITING):
        return []
    seconds = ((row.start_time or context.now) - due).total_seconds()
    if seconds < 1:
        return []
    return [(duration(seconds), "state-late" if seconds > GRACE_SECONDS else DIM)]


def duration_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """The duration."""
    seconds = seconds_of(row, context.now)
    return [(duration(seconds), DIM if seconds is None else "")]


def gauge_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """The duration as a bar, logarithmic: each cell is about seven times the one before, six are a day."""
    seconds = seconds_of(row, context.now)
    if not seconds:
        return []
    look = look_of(row.state_type, row.state_name)
    return [(gauge(seconds, context.width), look.style)]


def gauge(seconds: float, cells: int) -> str:
    """A bar in steps of half a cell: half a cell at least, all cells from a day on."""
    share = math.log1p(seconds) / math.log1p(LONGEST)
    full, half = divmod(max(1, min(round(share * cells * 2), cells * 2)), 2)
    return "━" * full + "╸" * half


def tags_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """As many whole tags as fit; that it was planned goes without saying."""
    return [(some_of([tag for tag in row.tags if tag != "auto-scheduled"], context.width), DIM)]


def message_cell(row: FlowRunRow, context: CellContext) -> Cell:
    """What its present state says."""
    bad = row.state_type in ("FAILED", "CRASHED")
    return [(row.message or "", "state-failed" if bad else DIM)]


MARK: Column[FlowRunRow] = Column("mark", "", lambda row, context: [], 1)
STATE: Column[FlowRunRow] = Column("state", "State", state_cell, 12, gap=0, limit=15, share=1, sort="state")
NAME: Column[FlowRunRow] = Column("name", "Run", name_cell, 14, share=1, limit=26, sort="name", wish=18)
DEPLOYMENT: Column[FlowRunRow] = Column(
    "deployment", "Deployment", deployment_cell, 14, share=3, limit=38, sort="deployment", wish=27
)
TIMES: tuple[Column[FlowRunRow], ...] = (
    Column("due", "Due", due_cell, 8, sort="due", live=True),
    Column("started", "Started", started_cell, 12, priority=4, sort="start", live=True),
    Column("late", "Late", late_cell, 5, priority=3, align="right", live=True),
    Column("duration", "Took", duration_cell, 6, align="right", sort="duration", live=True),
    Column("gauge", "", gauge_cell, GAUGE_CELLS, priority=5, gap=1, live=True),
)
MESSAGE: Column[FlowRunRow] = Column("message", "Message", message_cell, 16, priority=6, share=5, wish=26)
TAGS: Column[FlowRunRow] = Column("tags", "Tags", tags_cell, 10, priority=7, share=2, limit=24)

COLUMNS: tuple[Column[FlowRunRow], ...] = (MARK, STATE, NAME, DEPLOYMENT, *TIMES, MESSAGE, TAGS)
"""All runs."""

DEPLOYMENT_COLUMNS: tuple[Column[FlowRunRow], ...] = (MARK, STATE, NAME, *TIMES, MESSAGE)
"""The runs of one deployment, which all have its tags."""
