"""The log view: draws the lines on screen out of any number, follows, finds, filters, wraps.

Line API: one strip per line of the screen, kept in an LRU, made from `LogLines` (the text) and `LogLayout`
(which row is on which line). It reads nothing itself: it asks for a missing chunk by a message.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tui.text import cut, harmless
from tui.widgets.log_filter import LogFilter
from tui.widgets.log_layout import LogLayout
from tui.widgets.log_lines import CHUNK, LogLines, LogRow
from tui.widgets.log_painter import LogLook, LogPainter, Timestamps

STRIPS = 512
SHIFT = 8
COPY_LINES = 5_000
"""Lines that a selection by mouse copies at most."""


def _bind(keys: str, action: str, words: str, name: str) -> Binding:
    return Binding(keys, action, words, show=False, group=Binding.Group("Move"), id=f"log_view.{name}")


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows one log.

    Args:
        zone: the operator's zone for times; null for the machine's.
        id: the widget's id.
    """

    ALLOW_SELECT = True
    BINDINGS: ClassVar[list[BindingType]] = [
        _bind("up,k", "move(-1)", "Up", "up"),
        _bind("down,j", "move(1)", "Down", "down"),
        _bind("pageup,ctrl+b", "page(-2)", "Page up", "page_up"),
        _bind("pagedown,ctrl+f", "page(2)", "Page down", "page_down"),
        _bind("ctrl+u", "page(-1)", "Half a page up", "half_up"),
        _bind("ctrl+d", "page(1)", "Half a page down", "half_down"),
        _bind("home,g", "to_start", "First line", "first"),
        _bind("left", "shift(-1)", "To the left", "left"),
        _bind("right", "shift(1)", "To the right", "right"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log-view--time",
        "log-view--debug",
        "log-view--info",
        "log-view--warning",
        "log-view--error",
        "log-view--critical",
        "log-view--match",
        "log-view--current",
        "log-view--more",
    }
    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        background: $background;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        &:focus { background-tint: $foreground 2%; }
        .log-view--time { color: $foreground 55%; }
        .log-view--debug { color: $foreground 55%; }
        .log-view--info { color: $foreground; }
        .log-view--warning { color: $text-warning; }
        .log-view--error { color: $text-error; }
        .log-view--critical { color: $text-error; text-style: bold; }
        .log-view--match { background: $warning; color: $background; }
        .log-view--current { background: $primary 30%; }
        .log-view--more { color: $text-accent; }
    }
    """

    follow: reactive[bool] = reactive(True, repaint=False)
    """Whether the view stays at the end as lines arrive."""

    class ChunkWanted(Message):
        """Rows are on screen whose text was let go."""

        def __init__(self, chunk: int) -> None:
            super().__init__()
            self.chunk = chunk

    class Moved(Message):
        """What is on screen, or how many rows there are, changed."""

    def __init__(self, *, zone: tzinfo | None = None, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines = LogLines()
        self.filter = LogFilter()
        self.pattern: re.Pattern[str] | None = None
        self.current: int | None = None
        """The row last jumped to (a match, an error)."""
        self.wrap = False
        self.timestamps: Timestamps = "time"
        self.origin: datetime | None = None
        """What relative times count from; null: the first line."""
        self.scanning = False
        """Whether earlier rows are still being filtered: rows that arrive then wait for their turn."""
        self.unseen = 0
        """Rows that arrived below the screen since following was left."""
        self.layout_map = LogLayout(self.lines.widths)
        self.nothing = ""
        """What stands in place of the lines while there are none."""
        self._zone = zone
        self._strips: LRUCache[tuple[int, int, int], Strip] = LRUCache(STRIPS)
        self._wanted: set[int] = set()
        self._pinning = False
        self._painter = LogPainter(self)

    # --- What there is

    @property
    def look(self) -> LogLook:
        """How rows are drawn now."""
        return LogLook(
            width=self.scrollable_content_region.width,
            timestamps=self.timestamps,
            wrap=self.wrap,
            x=self.scroll_offset.x,
            pattern=self.pattern,
            origin=self.origin or self.lines.first_at,
            zone=self._zone,
        )

    @property
    def top_row(self) -> int:
        """The number of the first row on screen."""
        place = self.layout_map.at(self.scroll_offset.y)
        return place.row if place else 0

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add rows that arrived."""
        first = len(self.lines)
        self.lines.append(rows)
        before = self.layout_map.rows
        if not self.scanning:
            self.layout_map.grow(self._passing(first, rows) if self.filter else ())
        self._rows_changed(self.layout_map.rows - before)

    def grow_filtered(self, numbers: Sequence[int]) -> None:
        """Add the numbers of earlier rows that pass the filter, in order."""
        self.layout_map.grow(numbers)
        self._rows_changed(len(numbers))

    def _rows_changed(self, added: int) -> None:
        self._fit()
        if self.follow:
            self._pin()
        else:
            self.unseen += added
        self.refresh()
        self.post_message(self.Moved())

    def _passing(self, first: int, rows: Sequence[LogRow]) -> list[int]:
        passing = {row.id for row in rows if self.filter.passes(row.level, row.text)}
        return [first + i for i, row in enumerate(rows) if row.id in passing]

    def replace(self, lines: LogLines, earlier: int) -> None:
        """Show `lines` instead: the same rows with `earlier` more before them. What is on screen stays."""
        offset = self.scroll_offset.y - self.layout_map.line_of(self.top_row)
        top = self.top_row + earlier
        self.lines = lines
        if self.current is not None:
            self.current += earlier
        shown = self.layout_map.shown
        known = None if shown is None else array("I", (number + earlier for number in shown))
        self._lay_out(LogLayout(lines.widths, known, self._fold_at), top, offset)

    def put_chunk(self, chunk: int, rows: list[LogRow]) -> None:
        """Take the rows that `ChunkWanted` asked for."""
        self._wanted.discard(chunk)
        self.lines.put(chunk, rows)
        self.refresh()

    # --- What is shown, and how

    def set_filter(self, chosen: LogFilter, shown: Sequence[int]) -> None:
        """Show only messages that pass; `shown` are the numbers of the rows known to pass so far."""
        top = self.top_row if self.current is None else self.current
        self.filter = chosen
        self.unseen = 0
        self._lay_out(LogLayout(self.lines.widths, array("I", shown) if chosen else None, self._fold_at), top)

    def set_pattern(self, pattern: re.Pattern[str] | None) -> None:
        """Highlight what matches; null for nothing."""
        self.pattern = pattern
        self._strips.clear()
        self.refresh()

    def set_wrap(self, wrap: bool) -> None:
        """Whether long rows go on in the next line."""
        self.wrap = wrap
        self.scroll_to(x=0, animate=False, force=True)
        self._fold()

    def set_timestamps(self, timestamps: Timestamps) -> None:
        """What the first column shows."""
        self.timestamps = timestamps
        self._fold()

    def set_origin(self, origin: datetime | None) -> None:
        """Count relative times from `origin`."""
        if origin != self.origin:
            self.origin = origin
            self._strips.clear()
            self.refresh()

    @property
    def _fold_at(self) -> int:
        return self.look.text_width if self.wrap else 0

    def _fold(self) -> None:
        self._lay_out(LogLayout(self.lines.widths, self.layout_map.shown, self._fold_at), self.top_row)

    def _lay_out(self, layout: LogLayout, top: int, offset: int = 0) -> None:
        self.layout_map = layout
        self._strips.clear()
        self._wanted.clear()
        self._fit()
        if self.follow:
            self._pin()
        else:
            self._scroll_quietly(layout.line_of(top) + offset)
        self.refresh()
        self.post_message(self.Moved())

    def _fit(self) -> None:
        width = self.look.gutter + self.lines.widest + 1
        self.virtual_size = Size(self.size.width if self.wrap else width, self.layout_map.lines)

    # --- Moving

    def _pin(self) -> None:
        self._scroll_quietly(self.max_scroll_y)

    def _scroll_quietly(self, line: int) -> None:
        self._pinning = True
        try:
            self.scroll_to(y=line, animate=False, force=True)
        finally:
            self._pinning = False

    def action_move(self, lines: int) -> None:
        """Scroll by that many lines, at once."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_page(self, halves: int) -> None:
        """Scroll by half pages; a whole page leaves one line in sight."""
        height = self.scrollable_content_region.height
        lines = max(1, height // 2 if abs(halves) == 1 else height - 1)
        self.action_move(lines if halves > 0 else -lines)

    def action_shift(self, steps: int) -> None:
        """Scroll sideways by steps of `SHIFT` cells."""
        self.scroll_to(x=self.scroll_offset.x + steps * SHIFT, animate=False, force=True)

    def action_to_start(self) -> None:
        """Show the first lines."""
        self.scroll_to(y=0, animate=False, force=True)

    def to_end(self) -> None:
        """Show the last lines and follow."""
        self.follow = True
        self._pin()

    def go_to(self, row: int) -> None:
        """Show that row, marked as the current one; following ends unless the end stays in sight."""
        self.current = row
        line, height = self.layout_map.line_of(row), self.scrollable_content_region.height
        if not self.scroll_offset.y <= line < self.scroll_offset.y + height:
            self.scroll_to(y=line - height // 3, animate=False, force=True)
        if line < self.max_scroll_y:
            self.follow = False
        self._strips.clear()
        self.refresh()
        self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._pinning and round(old_value) != round(new_value):
            self.follow = new_value >= self.max_scroll_y
            self.post_message(self.Moved())

    def watch_follow(self, follow: bool) -> None:
        if follow:
            self.unseen = 0
        self.post_message(self.Moved())

    def on_resize(self, _event: events.Resize) -> None:
        self._fold()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    # --- Drawing

    def render_line(self, y: int) -> Strip:
        line = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        place = self.layout_map.at(line)
        if place is None:
            return self._empty(y, width)
        key = (place.row, place.fold, self.scroll_offset.x)
        strip = self._strips.get(key)
        if strip is None:
            row = self.lines.row(place.row)
            if row is None:
                return self._missing(place.row, width)
            strip = self._strips[key] = self._painter.strip(
                row, place.fold, self.look, place.row == self.current
            )
        return self._with_selection(strip, line).apply_offsets(0, line)

    def _empty(self, y: int, width: int) -> Strip:
        if y != 1 or self.layout_map.rows or not self.nothing:
            return Strip.blank(width, self.rich_style)
        segment = Segment(
            f"  {cut(harmless(self.nothing), width - 2)}", self.get_component_rich_style("log-view--time")
        )
        return Strip([segment]).adjust_cell_length(width, self.rich_style)

    def say_nothing(self, words: str) -> None:
        """Stand these words in place of the lines while there are none."""
        if words != self.nothing:
            self.nothing = words
            self.refresh()

    def shown_texts(self) -> list[str]:
        """The lines on screen, as they are drawn."""
        height = min(self.scrollable_content_region.height, self.layout_map.lines - self.scroll_offset.y)
        return [self.render_line(y).text.rstrip() for y in range(height)]

    def _missing(self, number: int, width: int) -> Strip:
        chunk = number // CHUNK
        if chunk not in self._wanted:
            self._wanted.add(chunk)
            self.post_message(self.ChunkWanted(chunk))
        text = " " * self.look.gutter + "…"
        style = self.get_component_rich_style("log-view--time")
        return Strip([Segment(text, style)]).adjust_cell_length(width, self.rich_style)

    # --- Selecting with the mouse

    def _with_selection(self, strip: Strip, line: int) -> Strip:
        selection = self.text_selection
        span = selection.get_span(line) if selection is not None else None
        if span is None:
            return strip
        start, end = span[0], strip.cell_length if span[1] == -1 else span[1]
        style = self.screen.get_component_rich_style("screen--selection")
        before, chosen, after = strip.crop(0, start), strip.crop(start, end), strip.crop(end)
        return Strip.join([before, chosen.apply_style(style), after])

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected lines as they are drawn, at most `COPY_LINES`."""
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self.layout_map.lines - 1
        texts = []
        for line in range(first, min(last, first + COPY_LINES - 1) + 1):
            strip = self.render_line(line - self.scroll_offset.y)
            start, end = selection.get_span(line) or (0, -1)
            texts.append(strip.crop(start, None if end == -1 else end).text.rstrip())
        return "\n".join(texts), "\n"
