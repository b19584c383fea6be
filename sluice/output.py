"""Printing: JSON, tables (rich on a terminal, plain aligned columns elsewhere), and harmless text.

Only results go to stdout; what is said beside them (`note`) goes to stderr, so that a pipe gets clean data.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel

from sluice.table_layout import GAP, Column, lay_out
from tui.states import Look
from tui.text import fit, harmless, width_of
from tui.times import ago, countdown, exact

WIDE_COLUMNS = 200
"""From this width on, and in pipes, a table gives exact times beside the relative ones."""

STATE_COLOURS = {
    "state-completed": "green",
    "state-failed": "red",
    "state-crashed": "magenta",
    "state-cancelled": "bright_black",
    "state-running": "cyan",
    "state-late": "yellow",
    "state-paused": "yellow",
    "state-error": "red",
}


class Cell(NamedTuple):
    """A table's cell: its text, and on a terminal a rich style."""

    text: str
    style: str = ""


def is_terminal() -> bool:
    """Whether a person sees stdout."""
    return sys.stdout.isatty()


def is_wide() -> bool:
    """Whether there is room for exact times beside relative ones."""
    return not is_terminal() or shutil.get_terminal_size().columns >= WIDE_COLUMNS


def say(text: str) -> None:
    """One line of result on stdout."""
    print(harmless(text))


def note(text: str) -> None:
    """Something beside the result, on stderr."""
    print(harmless(text, lines=True), file=sys.stderr)


def print_json(value: Any) -> None:
    """`value` as indented JSON on stdout. Instants are ISO 8601 in UTC, ids and enums are strings."""
    print(_json_text(value))


def print_json_list(values: Iterable[Any]) -> None:
    """What print_json prints of a list, each value as soon as it is there: `| head` does not wait for all."""
    begin = "[\n  "
    for value in values:
        # No other line ends than those of the layout: inside JSON strings they are written as escapes.
        print(begin + _json_text(value).replace("\n", "\n  "), end="")
        begin = ",\n  "
    print("[]" if begin.startswith("[") else "\n]")


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_to_json)


def _to_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (UUID, Path)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]]) -> None:
    """A table on stdout: drawn by rich on a terminal, in plain aligned columns elsewhere."""
    cells = [
        [
            Cell(harmless(cell)) if isinstance(cell, str) else Cell(harmless(cell.text), cell.style)
            for cell in row
        ]
        for row in rows
    ]
    if is_terminal():
        _print_rich(columns, cells)
    else:
        _print_plain(columns, cells)


def _print_rich(columns: Sequence[Column], rows: list[list[Cell]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=False)
    shown = lay_out(columns, _natural_widths(columns, rows), console.width)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for index, width in shown.items():
        column = columns[index]
        table.add_column(column.title, justify=column.align, no_wrap=True, width=width)
    for row in rows:
        table.add_row(*(Text(row[index].text, style=row[index].style, end="") for index in shown))
    console.print(table)


def _natural_widths(columns: Sequence[Column], rows: list[list[Cell]]) -> list[int]:
    """The width of each column's widest text, title included; 0 where nothing stands in it."""
    found = [max((width_of(row[index].text) for row in rows), default=0) for index in range(len(columns))]
    return [width and max(width, len(column.title)) for column, width in zip(columns, found, strict=True)]


def _print_plain(columns: Sequence[Column], rows: list[list[Cell]]) -> None:
    lines = [[column.title for column in columns], *([cell.text for cell in row] for row in rows)]
    widths = [max(width_of(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        parts = [
            fit(text, width, column.align) for text, width, column in zip(line, widths, columns, strict=True)
        ]
        print((" " * GAP).join(parts).rstrip())


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """`name   value` lines, aligned; further lines of a value are indented below it."""
    pairs = [(name, harmless(value, lines=True)) for name, value in fields if value]
    width = max((len(name) for name, _ in pairs), default=0) + 2
    for name, value in pairs:
        first, *rest = value.split("\n")
        print(f"{name:<{width}}{first}")
        for line in rest:
            print(" " * width + line)


def state_cell(look: Look) -> Cell:
    """A state as glyph and word, coloured on a terminal."""
    return Cell(f"{look.glyph} {look.word}", STATE_COLOURS.get(look.style, ""))


def until(when: datetime | None, now: datetime, *, wide: bool = True) -> str:
    """`in 4m (2026-03-02 12:00:00 UTC)` in the operator's zone; the exact part only when `wide`."""
    return _both(countdown(when, now), when, wide) if when else ""


def since(when: datetime | None, now: datetime, *, wide: bool = True) -> str:
    """`2h ago (2026-03-02 12:00:00 UTC)` in the operator's zone; the exact part only when `wide`."""
    return _both(ago(when, now), when, wide) if when else ""


def _both(relative: str, when: datetime, wide: bool) -> str:
    return f"{relative} ({exact(when, None)})" if wide else relative
