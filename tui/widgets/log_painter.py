"""Draws rows of a log: time, level, text, what a search found, and where a line goes on."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.log_lines import LogRow

Timestamps = Literal["time", "relative", "off"]
TIMESTAMPS: tuple[Timestamps, ...] = ("time", "relative", "off")
TIME_WIDTH = 13
LEVEL_WIDTH = 2
MARGIN = 1
NARROW = 44
"""Below so many cells there is no room for times beside the text."""
_LEVEL_NAMES = (
    (50, "critical", "C"),
    (40, "error", "E"),
    (30, "warning", "W"),
    (20, "info", "I"),
    (0, "debug", "D"),
)


def level_name(level: int) -> tuple[str, str]:
    """The name and the letter of a level: that of Python's next level at or below it."""
    return next((name, letter) for least, name, letter in _LEVEL_NAMES if level >= least)


class LogLook(NamedTuple):
    """How rows are drawn.

    Args:
        width: cells of a line.
        timestamps: what the first column shows; nothing when it is narrow.
        wrap: whether long rows go on in the next line.
        x: cells that whole rows are shifted to the left.
        pattern: what stands out; null for nothing.
        origin: what relative times count from.
        zone: the operator's zone; null for the machine's.
    """

    width: int
    timestamps: Timestamps
    wrap: bool
    x: int
    pattern: re.Pattern[str] | None
    origin: datetime | None
    zone: tzinfo | None

    @property
    def shows_time(self) -> bool:
        """Whether there is a column of times."""
        return self.timestamps != "off" and self.width >= NARROW

    @property
    def gutter(self) -> int:
        """Cells before the text."""
        return MARGIN + LEVEL_WIDTH + (TIME_WIDTH if self.shows_time else 0)

    @property
    def text_width(self) -> int:
        """Cells beside the gutter."""
        return max(1, self.width - self.gutter)


class LogPainter:
    """Turns rows into strips.

    Args:
        owner: the log view; its component classes give the colours.
    """

    def __init__(self, owner: Widget) -> None:
        self._owner = owner

    def strip(self, row: LogRow, fold: int, look: LogLook, current: bool) -> Strip:
        """One line of the picture.

        Args:
            row: the row.
            fold: which of its lines, from 0, when rows are folded.
            look: how rows are drawn.
            current: whether it is the one last jumped to.
        """
        name, letter = level_name(row.level)
        level = self._owner.get_component_rich_style(f"log-view--{name}")
        first = row.part == 0 and fold == 0
        segments = [Segment(" " * MARGIN, level)]
        if look.shows_time:
            time = _time(row.at, look) if first else ""
            segments.append(
                Segment(f"{time:<{TIME_WIDTH}}", self._owner.get_component_rich_style("log-view--time"))
            )
        segments.append(Segment(f"{letter if first else '│'} ", level if first else level + Style(dim=True)))
        strip = Strip(segments + self._text(row, fold, level, look))
        strip = strip.adjust_cell_length(look.width, self._owner.rich_style)
        if current:
            strip = strip.apply_style(self._owner.get_component_rich_style("log-view--current", partial=True))
        return strip

    def _text(self, row: LogRow, fold: int, style: Style, look: LogLook) -> list[Segment]:
        room = look.text_width
        if look.wrap and row.width < 0:
            pieces = chop_cells(row.text, room)
            before = sum(len(piece) for piece in pieces[:fold])
            length = len(pieces[fold]) if fold < len(pieces) else 0
            return self._segments(row, before, before + length, style, look)
        if look.wrap:
            return self._segments(row, fold * room, (fold + 1) * room, style, look)
        x = look.x
        if row.width < 0:
            strip = Strip(self._segments(row, 0, len(row.text), style, look)).crop(x, x + room)
            segments = list(strip)
        else:
            segments = self._segments(row, x, x + room, style, look)
        if abs(row.width) > x + room:
            more = Segment("›", self._owner.get_component_rich_style("log-view--more"))
            segments = [*Strip(segments).crop(0, room - 1), more]
        return segments

    def _segments(self, row: LogRow, start: int, stop: int, style: Style, look: LogLook) -> list[Segment]:
        if look.pattern is None:
            return [Segment(row.text[start:stop], style)]
        match_style = style + self._owner.get_component_rich_style("log-view--match", partial=True)
        segments, at = [], start
        for match in look.pattern.finditer(row.text):
            first, last = max(match.start(), at), min(match.end(), stop)
            if first < last:
                segments += [Segment(row.text[at:first], style), Segment(row.text[first:last], match_style)]
                at = last
        segments.append(Segment(row.text[at:stop], style))
        return [segment for segment in segments if segment.text]


def _time(at: datetime, look: LogLook) -> str:
    if look.timestamps == "time":
        return f"{at.astimezone(look.zone):%H:%M:%S}.{at.microsecond // 1000:03}"
    seconds = (at - (look.origin or at)).total_seconds()
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{hours}:{minutes:02}:{rest:06.3f}" if hours else f"{minutes}:{rest:06.3f}"
    return f"{'-' if seconds < 0 else '+'}{text}".rjust(TIME_WIDTH - 1)
