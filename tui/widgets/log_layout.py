"""Which row of a log is on which line of the screen: filtered or not, wrapped or not."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple


class Place(NamedTuple):
    """A line of the picture: the row's number, and which of its folds."""

    row: int
    fold: int


class LogLayout:
    """Maps lines of the picture to rows and back.

    Args:
        widths: the cells of every row, negative where characters are wider than one cell; shared, it grows.
        shown: the numbers of the rows that are shown, in order, or null for all.
        fold_at: cells after which a row goes on in the next line, or 0 to leave rows whole.
    """

    def __init__(self, widths: Sequence[int], shown: array[int] | None = None, fold_at: int = 0) -> None:
        self._widths = widths
        self.shown = shown
        self.fold_at = fold_at
        self._ends: array[int] | None = array("Q") if fold_at else None
        self._rows = 0
        self.grow()

    @property
    def rows(self) -> int:
        """How many rows are shown."""
        return self._rows

    @property
    def lines(self) -> int:
        """How many lines the picture has."""
        if self._ends is None:
            return self._rows
        return self._ends[-1] if self._ends else 0

    def grow(self, also_shown: Iterable[int] = ()) -> None:
        """Take in the rows that were added; under a filter, those of them that pass."""
        if self.shown is not None:
            self.shown.extend(also_shown)
        before, self._rows = self._rows, len(self._widths if self.shown is None else self.shown)
        if self._ends is not None:
            start = self._ends[-1] if self._ends else 0
            numbers = range(before, self._rows) if self.shown is None else self.shown[before:]
            ends = accumulate((self._folds(self._widths[n]) for n in numbers), initial=start)
            next(ends)
            self._ends.extend(ends)

    def _folds(self, width: int) -> int:
        if width < 0:  # a wide character may leave the last cell of a line empty
            return max(1, -(width // max(1, self.fold_at - 1)))
        return 1 if width <= self.fold_at else -(-width // self.fold_at)

    def at(self, line: int) -> Place | None:
        """What is on that line of the picture, null below its end."""
        if not 0 <= line < self.lines:
            return None
        if self._ends is None:
            return Place(line if self.shown is None else self.shown[line], 0)
        position = bisect_right(self._ends, line)
        fold = line - (self._ends[position - 1] if position else 0)
        return Place(position if self.shown is None else self.shown[position], fold)

    def line_of(self, row: int) -> int:
        """The first line of that row, or of the next one that is shown."""
        position = row if self.shown is None else bisect_left(self.shown, row)
        position = min(position, self._rows)
        if self._ends is None:
            return position
        return self._ends[position - 1] if position else 0

    def shows(self, row: int) -> bool:
        """Whether the filter lets that row through."""
        if self.shown is None:
            return row < self._rows
        position = bisect_left(self.shown, row)
        return position < len(self.shown) and self.shown[position] == row
