"""Columns of a virtual table: what each shows, and which of them fit into a width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Generic, NamedTuple, TypeVar

from tui.text import Align, cut, harmless, width_of

RowT = TypeVar("RowT")

Part = tuple[str, str]
"""A piece of text and the component class that colours it (empty: the row's own colour)."""

Cell = Sequence[Part]


class CellContext(NamedTuple):
    """What a cell may depend on besides its row."""

    width: int
    now: datetime
    zone: tzinfo | None
    shown: frozenset[str]
    """Ids of the columns on screen: a cell can carry what a dropped column would have shown."""


@dataclass(frozen=True, slots=True)
class Column(Generic[RowT]):
    """One column.

    Args:
        id: names it; stable, for saved views.
        label: its header.
        cell: draws a row's cell; text is made harmless, cut and padded by the table.
        width: cells it needs at least.
        priority: 0 stays always; the highest goes first when the terminal is narrow.
        share: its part of the width that is left over; 0 keeps `width`.
        limit: cells it takes at most; 0 for no limit.
        align: of header and cells.
        gap: empty cells before it (none before the first).
        sort: the query's sort that a click on the header asks for; empty for none.
        live: its text depends on the present, so it is looked at each second.
        wish: cells in which its usual texts are whole; it has them before an extra column comes.
    """

    id: str
    label: str
    cell: Callable[[RowT, CellContext], Cell]
    width: int
    priority: int = 0
    share: int = 0
    limit: int = 0
    align: Align = "left"
    gap: int = 2
    sort: str = ""
    live: bool = False
    wish: int = 0


EXTRA = 6
"""Columns of this priority and above are shown only where all others have what they wish for."""


class Placed(NamedTuple, Generic[RowT]):
    """A column with the place it got: `x` is its first cell, after its gap."""

    column: Column[RowT]
    x: int
    width: int


def lay_out(columns: Sequence[Column[RowT]], width: int) -> list[Placed[RowT]]:
    """Choose the columns that fit into `width` cells and share what is left over.

    Columns go by priority, highest first, until the rest fits; those of priority 0 stay even then.
    """
    kept = list(columns)
    while _needed(kept) > width and any(column.priority for column in kept):
        kept.remove(max(kept, key=lambda column: column.priority))
    widths = _grow(kept, width - _least(kept))
    placed: list[Placed[RowT]] = []
    x = 0
    for number, (column, taken) in enumerate(zip(kept, widths, strict=True)):
        x += column.gap if number else 0
        if x >= width:
            break
        placed.append(Placed(column, x, min(taken, width - x)))
        x += taken
    return placed


def _least(columns: Sequence[Column[RowT]]) -> int:
    return sum(column.width + column.gap for column in columns) - (columns[0].gap if columns else 0)


def _needed(columns: Sequence[Column[RowT]]) -> int:
    """Cells that they need: at least their width, and what they wish for if one of them is an extra."""
    if all(column.priority < EXTRA for column in columns):
        return _least(columns)
    return _least(columns) + sum(max(0, column.wish - column.width) for column in columns)


def _grow(columns: Sequence[Column[RowT]], spare: int) -> list[int]:
    """Widths after `spare` cells were shared out: first up to what each wishes for, then to its limit."""
    widths = [column.width for column in columns]
    wishes = [max(column.wish, column.width) for column in columns]
    limits = [(column.limit or spare + column.width) if column.share else column.width for column in columns]
    spare = _share_out(columns, widths, wishes, spare)
    _share_out(columns, widths, limits, spare)
    return widths


def _share_out(columns: Sequence[Column[RowT]], widths: list[int], most: Sequence[int], spare: int) -> int:
    """Add to `widths` by the columns' shares, none above its `most`; the cells that nobody took."""
    while spare > 0 and (open_ones := [n for n, taken in enumerate(widths) if taken < most[n]]):
        total = sum(columns[n].share or 1 for n in open_ones)
        given = 0
        for n in open_ones:
            part = max(1, spare * (columns[n].share or 1) // total)
            more = min(part, most[n] - widths[n], spare - given)
            widths[n] += more
            given += more
        spare -= given
    return max(spare, 0)


def fit_cell(cell: Cell, width: int, align: Align = "left") -> list[Part]:
    """The parts in exactly `width` cells, harmless; the first that does not fit is cut with `…`."""
    fitted: list[Part] = []
    room = width
    for raw, style in cell:
        text = harmless(raw)
        if width_of(text) > room:
            text = cut(text, room)
            fitted.append((text, style))
            room -= width_of(text)
            break
        if text:
            fitted.append((text, style))
            room -= width_of(text)
    if room:
        padding = (" " * room, "")
        fitted.append(padding) if align == "left" else fitted.insert(0, padding)
    return fitted
