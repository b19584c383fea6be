"""A run's log with everything around it: loading, following, searching, filtering, saving.

The last lines are shown at once; earlier ones are read in a thread and put before them when all are there.
Every read goes by windows of ids, so a log of any length costs the same to open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple, Protocol

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from store.errors import Invalid
from store.schemas import LogLine
from tui.live import LatestRead
from tui.widgets.log_filter import LogFilter, parse_filter, parse_pattern
from tui.widgets.log_lines import LogLines, LogRow, read_window, rows_of
from tui.widgets.log_painter import TIMESTAMPS
from tui.widgets.log_prompt import LogPrompt, LogQuestion
from tui.widgets.log_save import LogSaver, checked_path
from tui.widgets.log_scan import PAGE, find_row, pages_from, passing_rows
from tui.widgets.log_status import LogStatus
from tui.widgets.log_view import LogView

FIRST_LINES = 2_000
"""Lines shown at once when a log is opened."""

SOON = 0.05
"""Seconds that a filter may take before it shows what it has found so far."""


class LogSource(Protocol):
    """Reads the log of one run; called in threads."""

    def read(self, after_id: int, limit: int) -> list[LogLine]:
        """Lines with an id above `after_id`, in order of arrival."""
        ...

    def read_last(self, limit: int) -> list[LogLine]:
        """The last lines, in order of arrival."""
        ...


class _News(NamedTuple):
    """What a read brought: rows, and whether there are more right now."""

    rows: list[LogRow]
    more: bool


class LogPanel(Vertical):
    """The log of one run.

    Args:
        source: reads the lines.
        zone: the operator's zone; null for the machine's.
        file_name: what `save` suggests.
    """

    DEFAULT_CSS = """
    LogPanel { height: 1fr; }
    """

    class Failed(Message):
        """A read or a save failed."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    class FollowChanged(Message):
        """Following began or ended."""

    def __init__(self, source: LogSource, *, zone: tzinfo | None = None, file_name: str = "run.log") -> None:
        super().__init__()
        self.source = source
        self.file_name = file_name
        self._zone = zone
        self.view = LogView(zone=zone, id="log")
        self.status = LogStatus(self.view)
        self.prompt = LogPrompt()
        self._loaded = False
        self.saver = LogSaver(self, source.read, zone, self.status.set_note)
        self._followed = True
        self._news: LatestRead[int | None, _News] = LatestRead(
            self, self._read_news, self._show_news, self._fail
        )

    def compose(self) -> ComposeResult:
        yield self.view
        yield self.status
        yield self.prompt

    # --- Reading

    def refresh_lines_below(self) -> None:
        """Read what arrived; the first call opens the log."""
        self._news.ask(self.view.lines.last_id if self._loaded else None)

    def _read_news(self, after_id: int | None) -> _News:
        if after_id is None:
            return _News(rows_of(self.source.read_last(FIRST_LINES)), False)
        lines = self.source.read(after_id, PAGE)
        return _News(rows_of(lines), len(lines) == PAGE)

    def _show_news(self, after_id: int | None, news: _News) -> None:
        if after_id is None and not self._loaded:
            self._loaded = True
            self.view.append(news.rows)
            if len({row.id for row in news.rows}) >= FIRST_LINES:
                self.run_worker(self._load_earlier(self.view.lines.ids[0]), group="earlier", exclusive=True)
        elif after_id == self.view.lines.last_id:
            self.view.append(news.rows)
            if news.more:
                self._news.ask(self.view.lines.last_id)

    def _fail(self, error: Exception) -> None:
        self.post_message(self.Failed(error))

    async def _load_earlier(self, before_id: int) -> None:
        """Read all lines before `before_id`, a page at a time, and put them before those on screen."""
        earlier = LogLines()
        after = 0
        while True:
            try:
                rows, after, done = await asyncio.to_thread(self._read_earlier, after, before_id)
            except Exception as error:  # noqa: BLE001  outermost frame of the thread: shown, the log stays open
                self.status.set_note("earlier lines could not be read")
                self._fail(error)
                return
            earlier.append(rows)
            if done:
                break
            self.status.set_note(f"reading earlier lines: {len(earlier):,}")
        number = len(earlier)
        earlier.join(self.view.lines)
        self.view.replace(earlier, number)
        self.status.set_note("")
        if self.view.filter or self.view.scanning:
            self.apply_filter(self.view.filter, at_once=True)

    def _read_earlier(self, after: int, before_id: int) -> tuple[list[LogRow], int, bool]:
        page = self.source.read(after, PAGE)
        lines = [line for line in page if line.id < before_id]
        return rows_of(lines), page[-1].id if page else before_id, len(lines) < PAGE

    @on(LogView.ChunkWanted)
    def _read_chunk(self, event: LogView.ChunkWanted) -> None:
        event.stop()
        self.run_worker(self._load_chunk(event.chunk), group="chunks")

    async def _load_chunk(self, chunk: int) -> None:
        lines = self.view.lines
        try:
            rows = await asyncio.to_thread(read_window, lines.window(chunk), self.source.read)
        except Exception as error:  # noqa: BLE001  outermost frame of the thread: shown, the log stays open
            self._fail(error)
            return
        if self.view.lines is lines:
            self.view.put_chunk(chunk, rows)

    @on(LogView.Moved)
    def _tell_status(self, event: LogView.Moved) -> None:
        event.stop()
        self.status.refresh()
        if self._followed != self.view.follow:
            self._followed = self.view.follow
            self.post_message(self.FollowChanged())

    # --- Filtering

    def apply_filter(self, chosen: LogFilter, *, at_once: bool = False) -> None:
        """Show only what passes; the rows found within a moment at once, further ones as they are found.

        Args:
            chosen: the filter; an empty one shows all.
            at_once: show nothing before everything is known (used when rows came before those on screen).
        """
        self.run_worker(self._scan(chosen, at_once), group="filter", exclusive=True)

    async def _scan(self, chosen: LogFilter, at_once: bool) -> None:
        view, lines, began = self.view, self.view.lines, time.monotonic()
        shown: list[int] = []
        visible = False
        number = 0
        while chosen and number < len(lines):
            stop = lines.end_of_message(min(number + PAGE, len(lines)) - 1)
            try:
                passing = await asyncio.to_thread(passing_rows, lines, number, stop, chosen, self.source.read)
            except Exception as error:  # noqa: BLE001  outermost frame of the thread: shown, the log stays open
                self._fail(error)
                break
            number = stop
            if visible:
                view.grow_filtered(passing)
            else:
                shown += passing
                if not at_once and time.monotonic() - began > SOON and number < len(lines):
                    visible = view.scanning = True
                    view.set_filter(chosen, shown)
            if number < len(lines):
                self.status.set_note(f"filtering: {number:,}")
        view.scanning = False
        if not visible:
            view.set_filter(chosen, shown)
        self.status.set_note("" if view.layout_map.rows or not chosen else "no line passes")

    # --- Finding

    def find(self, *, backwards: bool = False) -> None:
        """Go to the next row in which the pattern is found, going on at the other end."""
        if self.view.pattern is not None:
            self.run_worker(self._find(backwards), group="find", exclusive=True)

    async def _find(self, backwards: bool) -> None:
        view, lines, pattern = self.view, self.view.lines, self.view.pattern
        if pattern is None or not len(lines):
            return
        start = self._start(backwards)
        pages = self._told(pages_from(start, len(lines), backwards), len(lines))
        try:
            row = await asyncio.to_thread(
                find_row, lines, pattern, pages, backwards, view.layout_map.shows, self.source.read
            )
        except Exception as error:  # noqa: BLE001  outermost frame of the thread: shown, the log stays open
            self._fail(error)
            return
        if view.lines is not lines:
            return
        self._go_to(row, start, backwards, f"no line matches {pattern.pattern}")

    def _told(self, pages: Iterator[tuple[int, int]], total: int) -> Iterator[tuple[int, int]]:
        return pages if total <= PAGE * 4 else self._counted(pages)

    def _counted(self, pages: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        for done, page in enumerate(pages):
            if done and done % 4 == 0:
                self.app.call_later(self.status.set_note, f"searching: {done * PAGE:,}")
            yield page

    def _start(self, backwards: bool) -> int:
        """Where to look from: beside the current row while it is on screen, else the edge of the screen."""
        view = self.view
        height = view.scrollable_content_region.height
        top = view.scroll_offset.y
        if view.current is not None and top <= view.layout_map.line_of(view.current) < top + height:
            return view.current if backwards else view.current + 1
        return view.top_row

    def _go_to(self, row: int | None, start: int, backwards: bool, nothing: str) -> None:
        if row is None:
            self.status.set_note(nothing)
            return
        around = row >= start if backwards else row < start
        self.status.set_note(f"went on from the {'end' if backwards else 'start'}" if around else "")
        self.view.go_to(row)

    def find_error(self, *, backwards: bool = False) -> None:
        """Go to the next place where errors begin, going on at the other end."""
        view, start = self.view, self._start(backwards)
        row = self._error_from(start, backwards)
        if row is None:
            row = self._error_from(len(view.lines) if backwards else 0, backwards)
        self._go_to(row, start, backwards, "no errors" + (" pass the filter" if view.filter else ""))

    def _error_from(self, row: int, backwards: bool) -> int | None:
        lines, layout = self.view.lines, self.view.layout_map
        found = lines.previous_error(row) if backwards else lines.next_error(row)
        while found is not None and not layout.shows(found):
            found = lines.previous_error(found) if backwards else lines.next_error(found + 1)
        return found

    # --- The prompt

    def ask(self, question: LogQuestion) -> None:
        """Open the prompt: `search`, `filter` or `save`."""
        texts = {
            "search": "",
            "filter": self.view.filter.text,
            "save": str(Path.cwd() / self.file_name),
        }
        self.prompt.ask(question, texts[question])

    @on(LogPrompt.Changed)
    def _while_typing(self, event: LogPrompt.Changed) -> None:
        event.stop()
        try:
            if event.question == "search":
                self.view.set_pattern(parse_pattern(event.text) if event.text else None)
            elif event.question == "filter":
                parse_filter(event.text)
        except Invalid as invalid:
            self.prompt.refuse(str(invalid))
        else:
            self.prompt.refuse("")

    @on(LogPrompt.Cancelled)
    def _leave_prompt(self, event: LogPrompt.Cancelled) -> None:
        event.stop()
        if event.question == "search":
            self.view.set_pattern(None)
            self.status.refresh()

    @on(LogPrompt.Submitted)
    def _take_answer(self, event: LogPrompt.Submitted) -> None:
        event.stop()
        answers = {"search": self._search, "filter": self._filter, "save": self._save_as}
        try:
            answers[event.question](event.text)
        except Invalid as invalid:
            self.prompt.ask(event.question, event.text)
            self.prompt.refuse(str(invalid))

    def _search(self, text: str) -> None:
        self.view.set_pattern(parse_pattern(text) if text else None)
        self.view.current = None
        self.status.set_note("")
        self.find()

    def _filter(self, text: str) -> None:
        self.apply_filter(parse_filter(text))

    def _save_as(self, text: str) -> None:
        self.saver.start(checked_path(text), self.view.filter)

    # --- Ways of showing

    def set_run(self, *, file_name: str, started: datetime | None) -> None:
        """What is known of the run: the file name to suggest, and what relative times count from."""
        self.file_name = file_name
        self.view.set_origin(started)

    def set_ended(self, ended: bool) -> None:
        """Whether no more lines will come."""
        if ended != self.status.ended:
            self.status.ended = ended
            self.status.refresh()

    def toggle_wrap(self) -> None:
        """Fold long lines, or leave them whole."""
        self.view.set_wrap(not self.view.wrap)

    def next_timestamps(self) -> None:
        """Time of day, time since the start, none."""
        at = TIMESTAMPS.index(self.view.timestamps)
        self.view.set_timestamps(TIMESTAMPS[(at + 1) % len(TIMESTAMPS)])
