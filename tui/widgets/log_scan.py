"""Reading through a log in pages, for threads: which rows pass a filter, where a pattern is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tui.widgets.log_filter import LogFilter
from tui.widgets.log_lines import LogLines, ReadLogs

PAGE = 5_000
"""Lines per read: few enough that a page is done within about 50 ms."""


def passing_rows(lines: LogLines, start: int, stop: int, chosen: LogFilter, read_logs: ReadLogs) -> list[int]:
    """The numbers of the rows whose message passes; `start` and `stop` are where messages begin."""
    if chosen.pattern is None:
        return _rows_of_level(lines, start, stop, chosen.min_level)
    passing: list[int] = []
    message: list[int] = []
    passes = False
    for number, row in lines.read(start, stop, read_logs):
        if row.part == 0:
            passing += message if passes else ()
            message, passes = [], False
        message.append(number)
        passes = passes or chosen.passes(row.level, row.text)
    return passing + (message if passes else [])


def _rows_of_level(lines: LogLines, start: int, stop: int, min_level: int) -> list[int]:
    passing = []
    passes = False
    for number in range(start, stop):
        if not lines.parts[number]:
            passes = lines.heads[number] >= min_level
        if passes:
            passing.append(number)
    return passing


def find_row(
    lines: LogLines,
    pattern: re.Pattern[str],
    pages: Iterator[tuple[int, int]],
    backwards: bool,
    shows: Callable[[int], bool],
    read_logs: ReadLogs,
) -> int | None:
    """The first row of these pages, in their order, in which the pattern is found."""
    for start, stop in pages:
        rows = list(lines.read(start, stop, read_logs))
        for number, row in reversed(rows) if backwards else rows:
            if pattern.search(row.text) and shows(number):
                return number
    return None


def pages_from(number: int, total: int, backwards: bool) -> Iterator[tuple[int, int]]:
    """Pages of rows from row `number` to the end, then from the start to `number`; or the other way round."""
    if backwards:
        yield from _pages_down(number, 0)
        yield from _pages_down(total, number)
    else:
        yield from _pages_up(number, total)
        yield from _pages_up(0, number)


def _pages_up(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for first in range(start, stop, PAGE):
        yield first, min(first + PAGE, stop)


def _pages_down(stop: int, start: int) -> Iterator[tuple[int, int]]:
    for last in range(stop, start, -PAGE):
        yield max(last - PAGE, start), last
