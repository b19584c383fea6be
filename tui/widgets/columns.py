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
    widths = _grow(kept, width - _needed(kept))
    placed: list[Placed[RowT]] = []
    x = 0
    for number, (column, taken) in enumerate(zip(kept, widths, strict=True)):
        x += column.gap if number else 0
        if x >= width:
            break
        placed.append(Placed(column, x, min(taken, width - x)))
        x += taken
    return placed


def _needed(columns: Sequence[Column[RowT]]) -> int:
    return sum(column.width + column.gap for column in columns) - (columns[0].gap if columns else 0)


def _grow(columns: Sequence[Column[RowT]], spare: int) -> list[int]:
    """Widths after `spare` cells were shared out, as evenly as shares and limits allow."""
    widths = [column.width for column in columns]
    while spare > 0:
        open_ones = [n for n, c in enumerate(columns) if c.share and (not c.limit or widths[n] < c.limit)]
        if not open_ones:
            break
        total = sum(columns[n].share for n in open_ones)
        given = 0
        for n in open_ones:
            more = max(1, spare * columns[n].share // total)
            if limit := columns[n].limit:
                more = min(more, limit - widths[n])
            more = min(more, spare - given)
            widths[n] += more
            given += more
        spare -= given
    return widths


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
