"""Draws the lines of a virtual table: columns in their places, parts in their colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.text import fit
from tui.widgets.columns import Cell, CellContext, Column, Placed, fit_cell, lay_out

RowT = TypeVar("RowT")

HEADER, SORTED = "virtual-table--header", "virtual-table--sorted"
CURSOR, CURSOR_BLURRED = "virtual-table--cursor", "virtual-table--cursor-blurred"
MARKED, MARK, DIM = "virtual-table--marked", "virtual-table--mark", "virtual-table--dim"


class Painter(Generic[RowT]):
    """Turns rows into strips.

    Args:
        owner: the table; its component classes give the colours.
        columns: all columns; `place` chooses among them.
        now: the present, for cells that count down.
        zone: the operator's zone; null for the machine's.
        markable: the first column is the table's own mark.
    """

    def __init__(
        self,
        owner: Widget,
        columns: Sequence[Column[RowT]],
        now: Callable[[], datetime],
        zone: Callable[[], tzinfo | None],
        *,
        markable: bool,
    ) -> None:
        self._owner = owner
        self._columns = columns
        self._now = now
        self._zone = zone
        self._markable = markable
        self._styles: dict[tuple[str, str], Style] = {}
        self._shown: frozenset[str] = frozenset()
        self.width = 0
        self.placed: list[Placed[RowT]] = []

    def place(self, width: int) -> None:
        """Choose the columns for a width in cells, which all lines get."""
        self.width = width
        self.placed = lay_out(self._columns, width)
        self._shown = frozenset(column.id for column, _, _ in self.placed)

    def forget_styles(self) -> None:
        """The theme or the style sheet changed."""
        self._styles.clear()

    def column_at(self, x: int) -> Column[RowT] | None:
        """The column at a cell, its label's line included."""
        return next((column for column, start, width in self.placed if start <= x < start + width), None)

    def live_cells(self, row: RowT) -> tuple[tuple[tuple[str, str], ...], ...]:
        """What the cells that depend on the present read now."""
        return tuple(tuple(self._cell(placed, row)) for placed in self.placed if placed.column.live)

    def blank(self) -> Strip:
        """An empty line."""
        return Strip.blank(self.width, self._style("", ""))

    def header(self, sort: str, descending: bool) -> Strip:
        """The line of labels, with an arrow at the column sorted by."""
        base = self._style(HEADER, "")
        segments: list[Segment] = []
        x = 0
        for column, start, width in self.placed:
            here = bool(column.sort) and column.sort == sort
            arrow = ("▼" if descending else "▲") if here else ""
            right = column.align == "right"
            label = fit(arrow + column.label if right else column.label + arrow, width, column.align)
            segments += [
                Segment(" " * (start - x), base),
                Segment(label, self._style(HEADER, SORTED) if here else base),
            ]
            x = start + width
        return self._filled(segments, x, base)

    def row(self, row: RowT | None, kind: str, *, marked: bool) -> Strip:
        """The line of a row, or of one that is not read yet.

        Args:
            row: null draws a placeholder.
            kind: component class of the whole line: cursor, marked, or empty.
            marked: draws the mark.
        """
        base = self._style(kind, "")
        segments: list[Segment] = []
        x = 0
        for number, placed in enumerate(self.placed):
            column, start, width = placed
            if start > x:
                segments.append(Segment(" " * (start - x), base))
            is_mark = self._markable and number == 0
            cell = _mark(marked) if is_mark else self._cell_or_blank(placed, row)
            parts = fit_cell(cell, width, column.align)
            segments += [Segment(text, self._style(kind, part)) for text, part in parts]
            x = start + width
        return self._filled(segments, x, base)

    def _filled(self, segments: list[Segment], x: int, base: Style) -> Strip:
        if self.width > x:
            segments.append(Segment(" " * (self.width - x), base))
        return Strip(segments, max(self.width, x))

    def _cell(self, placed: Placed[RowT], row: RowT) -> Cell:
        return placed.column.cell(row, CellContext(placed.width, self._now(), self._zone(), self._shown))

    def _cell_or_blank(self, placed: Placed[RowT], row: RowT | None) -> Cell:
        if row is not None:
            return self._cell(placed, row)
        return [("·" * min(placed.width, 8), DIM)] if placed.column.share else []

    def _style(self, kind: str, part: str) -> Style:
        """The part's colour on the background of its kind of line, made once for each pair."""
        found = self._styles.get((kind, part))
        if found is None:
            found = self._styles[kind, part] = self._blend([name for name in (kind, part) if name])
        return found

    def _blend(self, names: list[str]) -> Style:
        _, _, background, colour = self._owner.colors
        text_style = Style()
        for name in names:
            styles = self._owner.get_component_styles(name)
            if styles.has_rule("background"):
                background = background + styles.background
            if styles.has_rule("color"):
                auto = styles.has_rule("auto_color") and styles.auto_color
                colour = background.get_contrast_text(styles.color.a) if auto else styles.color
            if styles.has_rule("text_style"):
                text_style += styles.text_style
        blended = background + colour
        return text_style + Style(color=blended.rich_color, bgcolor=background.rich_color)


def _mark(marked: bool) -> Cell:
    return [("▌", MARK)] if marked else []
