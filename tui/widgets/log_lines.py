"""The lines of one run's log as the log view holds them: an index of all, the text of some.

25 bytes stay in memory for every row; texts are kept in chunks of 1,000 rows within a budget, and a chunk
that was let go is read again by its window of ids when it is looked at. So a log of a million lines costs
about 25 MB of index and at most `TEXT_BUDGET` of text. Arrays and plain strings only: objects that the
garbage collector follows, one for each row, would stop the screen at each of its rounds.
"""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from store.clock import from_micros, to_micros
from store.schemas import LogLine
from tui.text import harmless, width_of

CHUNK = 1_000
"""Rows whose texts are kept, let go and read again together."""

TEXT_BUDGET = 16_000_000
"""Bytes of text kept, roughly; at 100 characters a line about 100,000 lines."""

ROW_COST = 60
"""Bytes a kept text costs besides its characters."""

MAX_LINE = 20_000
"""Characters of one line that are drawn and searched; saving and the store keep all of it."""

ERROR = 40
MAX_LEVEL = 255

_FIRST_ERROR = re.compile(rb"(?<![\x28-\xff])[\x28-\xff]")
"""A record of level ERROR or above whose neighbour before is below it: where a run of errors begins."""

ReadLogs = Callable[[int, int], list[LogLine]]
"""`read(after_id, limit)`: the lines of this run with an id above `after_id`, in order of arrival."""


class LogRow(NamedTuple):
    """One row of the log: a line of a message. `part` counts the lines of one message from 0."""

    id: int
    part: int
    level: int
    at: datetime
    text: str
    width: int
    """Cells; negative when the text holds characters of other widths than one."""


class Window(NamedTuple):
    """What to read to get a chunk's rows back."""

    chunk: int
    first_id: int
    first_part: int
    last_id: int
    rows: int


def split_message(message: str) -> list[str]:
    """The rows of one message, harmless to draw; what a carriage return overwrote is gone."""
    if message.isascii() and message.isprintable() and len(message) <= MAX_LINE:
        return [message]
    rows = []
    for line in message.rstrip("\r\n").split("\n"):
        shown = line.rstrip("\r").rpartition("\r")[2]
        rest = len(shown) - MAX_LINE
        texts = harmless(shown[:MAX_LINE], lines=True).split("\n")
        if rest > 0:
            texts[-1] += f" … and {rest:,} more characters"
        rows += texts
    return rows


def _signed_width(text: str) -> int:
    width = width_of(text)
    return width if width == len(text) else -width


def rows_of(lines: Iterable[LogLine]) -> list[LogRow]:
    """The rows of these lines, in order."""
    rows = []
    for line in lines:
        level = min(max(line.level, 0), MAX_LEVEL)
        for part, text in enumerate(split_message(line.message)):
            rows.append(LogRow(line.id, part, level, line.timestamp, text, _signed_width(text)))
    return rows


class LogLines:
    """All rows of one log by number, from 0. Made and changed on the UI thread; threads only read."""

    def __init__(self, budget: int = TEXT_BUDGET) -> None:
        self.ids = array("q")
        self.parts = array("I")
        self.widths = array("i")
        self.times = array("q")
        """Microseconds since the epoch."""
        self.heads = bytearray()
        """The level of each message at its first row, 0 at its further rows."""
        self.widest = 0
        self._budget = budget
        self._chunks: OrderedDict[int, list[str]] = OrderedDict()
        self._kept = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def last_id(self) -> int:
        """The id of the last line, 0 when there is none."""
        return self.ids[-1] if self.ids else 0

    @property
    def first_at(self) -> datetime | None:
        """When the first line was written; null when there is none."""
        return from_micros(self.times[0]) if self.times else None

    @property
    def kept_bytes(self) -> int:
        """What the kept texts cost, roughly."""
        return self._kept

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add rows that arrived after all that are here."""
        if not rows:
            return
        number = len(self.ids)
        self.ids.extend(row.id for row in rows)
        self.parts.extend(row.part for row in rows)
        self.widths.extend(row.width for row in rows)
        self.times.extend(to_micros(row.at) for row in rows)
        self.heads.extend(0 if row.part else row.level for row in rows)
        self.widest = max(self.widest, max(abs(row.width) for row in rows))
        texts = [row.text for row in rows]
        done = 0
        while done < len(texts):
            chunk, within = divmod(number + done, CHUNK)
            some = texts[done : done + CHUNK - within]
            self._keep(chunk, within, some)
            done += len(some)
        self._let_go()

    def _keep(self, chunk: int, within: int, texts: Sequence[str]) -> None:
        kept = self._chunks.get(chunk)
        if len(kept or ()) != within:
            return  # rows before these were let go: the whole chunk is read again when it is looked at
        if kept is None:
            kept = self._chunks[chunk] = []
        kept.extend(texts)
        self._kept += _cost(texts)
        self._chunks.move_to_end(chunk)

    def _let_go(self) -> None:
        while self._kept > self._budget and len(self._chunks) > 1:
            _, texts = self._chunks.popitem(last=False)
            self._kept -= _cost(texts)

    def row(self, number: int) -> LogRow | None:
        """The row of that number, null while its chunk is not in memory."""
        chunk, within = divmod(number, CHUNK)
        texts = self._chunks.get(chunk)
        if texts is None or within >= len(texts):
            return None
        self._chunks.move_to_end(chunk)
        return self._row(number, texts[within])

    def _row(self, number: int, text: str) -> LogRow:
        part = self.parts[number]
        level = self.heads[number - part] if part <= number else 0
        at = from_micros(self.times[number])
        return LogRow(self.ids[number], part, level, at, text, self.widths[number])

    def window(self, chunk: int) -> Window:
        """How to read the rows of that chunk again."""
        first = chunk * CHUNK
        last = min(first + CHUNK, len(self.ids)) - 1
        return Window(chunk, self.ids[first], self.parts[first], self.ids[last], last - first + 1)

    def put(self, chunk: int, rows: list[LogRow]) -> None:
        """Keep a chunk that was read again."""
        old = self._chunks.pop(chunk, [])
        # Lines that arrived while it was read belong to it too, and are among the old texts only.
        texts = [row.text for row in rows] if len(rows) >= len(old) else old
        self._chunks[chunk] = texts
        self._kept += _cost(texts) - _cost(old)
        self._let_go()

    def join(self, later: LogLines) -> None:
        """Add all rows of `later`, which follow those that are here; texts that it has in memory stay."""
        number = len(self.ids)
        for name in ("ids", "parts", "widths", "times"):
            getattr(self, name).extend(getattr(later, name))
        self.heads.extend(later.heads)
        self.widest = max(self.widest, later.widest)
        for chunk in sorted(later._chunks):
            texts = later._chunks[chunk]
            start = number + chunk * CHUNK
            room = -start % CHUNK
            if room:
                self._keep(start // CHUNK, start % CHUNK, texts[:room])
            for done in range(room, len(texts), CHUNK):
                self._keep((start + done) // CHUNK, 0, texts[done : done + CHUNK])
        self._let_go()

    def end_of_message(self, number: int) -> int:
        """The number after the last row of the message that `number` is in or begins."""
        number += 1
        while number < len(self.parts) and self.parts[number]:
            number += 1
        return number

    def start_of_message(self, number: int) -> int:
        """The number of the first row of the message that row `number` belongs to."""
        return max(number - self.parts[number], 0)

    def read(self, start: int, stop: int, read_logs: ReadLogs) -> Iterator[tuple[int, LogRow]]:
        """Rows `start` to `stop` with their numbers, from memory or by `read_logs`; for threads."""
        for chunk in range(start // CHUNK, (stop - 1) // CHUNK + 1 if stop > start else start // CHUNK):
            texts = self._chunks.get(chunk)
            base = chunk * CHUNK
            if texts is None or base + len(texts) < min(stop, base + CHUNK):
                texts = [row.text for row in read_window(self.window(chunk), read_logs)]
            for number in range(max(start, base), min(stop, base + len(texts))):
                yield number, self._row(number, texts[number - base])

    def next_error(self, after: int) -> int | None:
        """The first row of the next run of errors that begins at or after row `after`."""
        found = _FIRST_ERROR.search(self.heads, max(after, 0))
        return found.start() if found else None

    def previous_error(self, before: int) -> int | None:
        """The first row of the last run of errors that begins before row `before`."""
        number = before - 1
        while number >= 0:
            # bytes have no backward search by class, so: the last error byte, block by block
            block = max(0, number - 64 * CHUNK)
            starts = [m.start() for m in _FIRST_ERROR.finditer(self.heads, block, number + 1)]
            if starts:
                return starts[-1]
            number = block - 1
        return None


def _cost(texts: Sequence[str]) -> int:
    return sum(map(len, texts)) + ROW_COST * len(texts)


def read_window(window: Window, read_logs: ReadLogs) -> list[LogRow]:
    """The rows of one chunk, read from the store; fewer when lines were deleted meanwhile."""
    lines = [line for line in read_logs(window.first_id - 1, window.rows) if line.id <= window.last_id]
    rows = rows_of(lines)
    first = next(
        (i for i, row in enumerate(rows) if row[:2] >= (window.first_id, window.first_part)), len(rows)
    )
    return rows[first : first + window.rows]
