"""Which columns of a table fit a terminal, and how wide each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

GAP = 2
"""Spaces between two columns."""


class Column(NamedTuple):
    """A table's column.

    Args:
        title: stands above it.
        align: where its text stands.
        keep: never cut on a narrow terminal.
        least: how many cells it needs to be of use where it may be cut.
        leaves: on a narrow terminal the column with the highest number goes first; 0 stays to the end.
    """

    title: str
    align: Literal["left", "right"] = "left"
    keep: bool = False
    least: int = 8
    leaves: int = 0


def lay_out(columns: Sequence[Column], natural: Sequence[int], room: int) -> dict[int, int]:
    """Index to width of the columns that are shown; what room is left goes to the first that can use it.

    Args:
        columns: all of them.
        natural: the width of each one's widest text, its title included; 0 where all its cells are empty.
        room: cells in a line.
    """
    shown = {index: _least(columns[index], width) for index, width in enumerate(natural) if width}
    while _total(shown) > room:
        leaving = max(shown, key=lambda index: (columns[index].leaves, index), default=None)
        if leaving is None or not columns[leaving].leaves:
            break
        del shown[leaving]
    spare = room - _total(shown)
    for index, width in shown.items():
        more = min(natural[index] - width, max(spare, 0))
        shown[index] = width + more
        spare -= more
    return _cut(shown, -spare)


def _least(column: Column, natural: int) -> int:
    return natural if column.keep else min(natural, max(column.least, len(column.title)))


def _total(shown: dict[int, int]) -> int:
    return sum(shown.values()) + GAP * max(len(shown) - 1, 0)


def _cut(shown: dict[int, int], excess: int) -> dict[int, int]:
    """On a terminal narrower than all that must stay, the widest column gives way, cell by cell."""
    while excess > 0 and any(width > 1 for width in shown.values()):
        widest = max(shown, key=lambda index: shown[index])
        shown[widest] -= 1
        excess -= 1
    return shown
