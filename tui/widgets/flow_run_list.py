"""A live list of runs: all of them, or those of one deployment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from textual import getters, on
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from store.schemas import FlowRunQuery, FlowRunRow, FlowRunSort
from tui.app import SluiceApp
from tui.live import LatestRead
from tui.text import harmless
from tui.widgets.columns import Column
from tui.widgets.empty_state import EmptyState
from tui.widgets.list_bar import ListBar
from tui.widgets.virtual_table import KeyList, VirtualTable

Span = Literal["so far", "upcoming", "all"]
SPANS: tuple[Span, ...] = get_args(Span)

SORTS: dict[FlowRunSort, str] = {
    "due": "due",
    "start": "started",
    "duration": "duration",
    "state": "state",
    "name": "name",
    "deployment": "deployment",
}
LARGEST_FIRST = frozenset({"due", "start", "end", "duration"})


class _Asked(NamedTuple):
    """A question; `known` are the keys on screen, so that an equal answer is recognised in the thread."""

    query: FlowRunQuery
    span: Span
    known: list[UUID] | None


class FlowRunList(Vertical):
    """Bar, table and empty state.

    Args:
        columns: of the table.
        deployment_id: show only its runs.
        text: filter to begin with.
        title: what the bar says.
    """

    DEFAULT_CSS = "FlowRunList { height: 1fr; }"

    app = getters.app(SluiceApp)
    table = getters.query_one(VirtualTable)
    bar = getters.query_one(ListBar)
    empty = getters.query_one(EmptyState)

    class Opened(Message):
        """Enter on a run."""

        def __init__(self, flow_run_id: UUID) -> None:
            super().__init__()
            self.flow_run_id = flow_run_id

    def __init__(
        self,
        columns: Sequence[Column[FlowRunRow]],
        *,
        deployment_id: UUID | None = None,
        text: str = "",
        title: str = "Runs",
    ) -> None:
        super().__init__()
        self._columns = columns
        self._title = title
        self.query_now = FlowRunQuery(deployment_id=deployment_id, text=text)
        self.span: Span = "so far"
        self._loaded = False
        self._repeat_pending = False
        self._keys_read: LatestRead[_Asked, KeyList[UUID] | None] = LatestRead(
            self, self._read_keys, self._show_keys, self._show_failure
        )

    def compose(self) -> Iterator[Widget]:
        yield ListBar(self._title)
        yield VirtualTable[UUID, FlowRunRow](
            self._columns, self._read_rows, now=self.app.now, fail=self.app.report
        )
        yield EmptyState()

    def on_mount(self) -> None:
        self.table.set_sorted_by(self.query_now.sort, self.query_now.descending)

    # --- reading (in threads)

    def _read_keys(self, asked: _Asked) -> KeyList[UUID] | None:
        spans = {
            "so far": asked.query._replace(due_before=self.app.now()),
            "upcoming": asked.query._replace(upcoming=True),
            "all": asked.query,
        }
        keys = self.app.backend.flow_run_keys(spans[asked.span])
        return None if keys == asked.known else KeyList.of(keys)

    def _read_rows(self, ids: Sequence[UUID]) -> dict[UUID, FlowRunRow]:
        return self.app.backend.flow_run_rows(ids)

    # --- showing

    def ask_keys(self) -> None:
        """Read the list again, now."""
        self._keys_read.ask(_Asked(self.query_now, self.span, self.table.keys if self._loaded else None))

    def refresh_data(self) -> None:
        """Rows at once; the order of a long list no more often than its reading allows."""
        if not self.is_mounted:
            return
        self.table.refresh_rows()
        rest = self._keys_read.rest
        if not rest:
            self.ask_keys()
        elif not self._repeat_pending:
            self._repeat_pending = True
            self.set_timer(rest, self._repeat_keys)

    def _repeat_keys(self) -> None:
        self._repeat_pending = False
        self.ask_keys()

    def _show_keys(self, asked: _Asked, keys: KeyList[UUID] | None) -> None:
        self._loaded = True
        if keys is not None:
            complete = not asked.query.text and asked.span == "all"
            self.table.set_keys(keys, complete=complete)
        self._show_counts()

    def _show_failure(self, error: Exception) -> None:
        self.app.report(error)
        if not self.table.keys:
            self.empty.say("The runs could not be read", [str(error)])
            self._show_empty(True)

    def _show_counts(self) -> None:
        count, listed = len(self.table.keys), self.table.places
        marks = self.table.targets() if self.table.marks or self.table.in_range else []
        arrow = "↓" if self.query_now.descending else "↑"
        self.bar.show(
            count=count,
            filter_text=self.query_now.text.strip(),
            order=f"{self.span} · {arrow} {SORTS.get(self.query_now.sort, self.query_now.sort)}",
            marked=len(marks),
            hidden=sum(key not in listed for key in marks),
            in_range=self.table.in_range,
            place=self.table.cursor_place,
        )
        if not count and self._loaded:
            self._say_empty()
        self._show_empty(not count and self._loaded)

    def _say_empty(self) -> None:
        text = self.query_now.text.strip()
        if text:
            title = f"No run matches “{harmless(text)}”"
            self.empty.say(title, ["[esc] clears the filter", "[/] changes it", "[f] shows other times"])
        elif self.span == "upcoming":
            self.empty.say(
                "No runs are planned", ["[f] shows other times"], "Paused deployments plan nothing."
            )
        else:
            self.empty.say(
                "No runs yet",
                ["[f] shows those to come"],
                "They appear here by themselves when their time has come.",
            )

    def _show_empty(self, empty: bool) -> None:
        self.table.set_class(empty, "-hidden")
        self.empty.set_class(not empty, "-hidden")

    def tick(self) -> None:
        """Move countdowns and durations; what became due since the last reading appears."""
        self.table.tick()
        if self.span == "so far" and self._loaded and not self._keys_read.busy and not self._keys_read.rest:
            self.ask_keys()

    # --- events

    @on(VirtualTable.CursorMoved)
    def _follow_cursor(self, event: VirtualTable.CursorMoved) -> None:
        event.stop()
        self.bar.set_place(self.table.cursor_place)

    @on(VirtualTable.MarksChanged)
    def _count_marks(self, event: VirtualTable.MarksChanged) -> None:
        event.stop()
        self._show_counts()

    @on(VirtualTable.RowOpened)
    def _open_row(self, event: VirtualTable.RowOpened) -> None:
        event.stop()
        if isinstance(event.key, UUID):
            self.post_message(self.Opened(event.key))

    @on(VirtualTable.SortRequested)
    def _sort_by_header(self, event: VirtualTable.SortRequested) -> None:
        event.stop()
        same = event.sort == self.query_now.sort
        for sort in SORTS:
            if sort == event.sort:
                self._sort(sort, not self.query_now.descending if same else sort in LARGEST_FIRST)

    @property
    def cursor_run(self) -> FlowRunRow | None:
        """The run under the cursor, as far as it is read."""
        row = self.table.cursor_row
        return row if isinstance(row, FlowRunRow) else None

    # --- what it can be told

    def set_filter(self, text: str) -> None:
        """Show only what matches these words."""
        if text != self.query_now.text:
            self.query_now = self.query_now._replace(text=text)
            self.ask_keys()

    def next_span(self) -> None:
        """What was due so far, what is to come (the next first), all."""
        self.span = SPANS[(SPANS.index(self.span) + 1) % len(SPANS)]
        self._sort("due", self.span != "upcoming")

    def sort_next(self) -> None:
        """Sort by the next of the sorts."""
        sorts = list(SORTS)
        at = sorts.index(self.query_now.sort) if self.query_now.sort in sorts else -1
        following = sorts[(at + 1) % len(sorts)]
        self._sort(following, following in LARGEST_FIRST)

    def sort_reverse(self) -> None:
        """Turn the order around."""
        self._sort(self.query_now.sort, not self.query_now.descending)

    def _sort(self, sort: FlowRunSort, descending: bool) -> None:
        self.query_now = self.query_now._replace(sort=sort, descending=descending)
        self.table.set_sorted_by(sort, descending)
        self._show_counts()
        self.ask_keys()

    def leave_step(self) -> bool:
        """Undo the nearest thing for `escape`: a range, then the filter; false when there is none."""
        if self.table.leave_range():
            return True
        if self.query_now.text:
            self.set_filter("")
            return True
        return False
