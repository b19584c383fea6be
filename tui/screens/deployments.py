"""The deployments list, Sluice's home screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple, get_args
from uuid import UUID

from textual import getters, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from store.schemas import DeploymentQuery, DeploymentRow, DeploymentSort
from tui.actions import Action, bindings, find, register
from tui.live import LatestRead
from tui.screens.base import SluiceScreen
from tui.screens.deployment_changes import DeploymentChanges
from tui.screens.deployment_columns import COLUMNS
from tui.text import harmless
from tui.widgets.deployment_preview import DeploymentPreview
from tui.widgets.empty_state import EmptyState
from tui.widgets.list_bar import ListBar
from tui.widgets.virtual_table import KeyList, VirtualTable

GROUP = "Deployments"
SORTS: dict[DeploymentSort, str] = {
    "name": "name",
    "next_run": "next run",
    "last_run": "last run",
    "state": "last state",
    "duration": "duration",
    "pool": "pool",
}
NEWEST_FIRST = frozenset({"last_run", "duration"})
"""Sorts that begin with the largest."""

ACTIONS = register(
    Action(
        "deployments.filter", "slash", "filter", "Filter by words", "View", footer="filter", immediate=True
    ),
    Action(
        "deployments.pause",
        "p",
        "pause_or_resume",
        "Pause, or resume when all are paused",
        GROUP,
        footer="pause",
        changing=True,
        undoable=True,
        long_words="Pausing stops planning; runs that were started by hand still run.",
    ),
    Action(
        "deployments.run",
        "r",
        "run_now",
        "Run now",
        GROUP,
        footer="run",
        changing=True,
        long_words="Each gets a run that is due at once.",
    ),
    Action(
        "deployments.delete",
        "d",
        "delete",
        "Delete, after a question",
        GROUP,
        footer="delete",
        changing=True,
        danger=True,
        undoable=True,
    ),
    Action("deployments.runs", "l", "open_runs", "Runs of all deployments", "Go", footer="runs"),
    Action("deployments.sort", "s", "sort_next", "Sort by the next column", "View"),
    Action("deployments.reverse", "S", "sort_reverse", "Turn the order around", "View"),
    Action("deployments.preview", "z", "toggle_preview", "Show or hide the preview", "View"),
    Action("deployments.clear", "escape", "go_back", "Leave the range, else clear the filter", "View"),
    Action("deployments.refresh", "ctrl+r", "refresh", "Read everything again", "View"),
)


class _Asked(NamedTuple):
    """A question for the list; `known` is on screen, so the thread can tell that nothing moved."""

    query: DeploymentQuery
    known: KeyList[UUID] | None
    cursor: UUID | None
    page: int


class _Answer(NamedTuple):
    """The keys, and the rows that will be on screen with them."""

    keys: KeyList[UUID]
    rows: Mapping[UUID, DeploymentRow]


class DeploymentsScreen(DeploymentChanges, SluiceScreen):
    """All deployments, live."""

    ACTIONS = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(ACTIONS)]

    table = getters.query_one("#deployments", VirtualTable)
    bar = getters.query_one(ListBar)
    empty = getters.query_one(EmptyState)
    preview = getters.query_one(DeploymentPreview)

    def __init__(self) -> None:
        super().__init__()
        self.query_now = DeploymentQuery()
        self.query_shown: DeploymentQuery | None = None
        self._keys_read: LatestRead[_Asked, _Answer | None] = LatestRead(
            self, self._read_keys, self._show_keys, self._show_failure
        )
        self._loaded = False
        self._ahead: _Answer | None = None
        self._held_action = ""
        self._repeat_pending = False

    def compose_body(self) -> Iterator[Widget]:
        yield ListBar("Deployments")
        with Horizontal(id="panes"):
            with Vertical(id="main-pane"):
                yield VirtualTable[UUID, DeploymentRow](
                    COLUMNS, self._read_rows, now=self.app.now, fail=self.app.report, id="deployments"
                )
                yield EmptyState()
            yield DeploymentPreview()

    def on_mount(self) -> None:
        self.table.set_sorted_by(self.query_now.sort, self.query_now.descending)
        self.table.focus()
        if self._ahead is None:
            self.ask_keys()
            return
        self.query_shown = self.query_now
        self.table.set_keys(self._ahead.keys, complete=True, rows=self._ahead.rows)
        self._show_counts()
        self.call_after_refresh(self.ask_keys)

    # --- reading (in threads)

    def read_ahead(self) -> None:
        """Read the list before the first picture is made, so that it shows rows.

        For the opening program: nothing is on the screen yet that could stand still. A thread would take
        longer: it shares the interpreter with the making of a picture, which would be one of an empty list.

        Raises:
            Exception: what the backend raises; the screen reads again after its first picture anyway.
        """
        self._ahead = self._read_keys(_Asked(self.query_now, None, None, self.app.size.height))

    def _read_keys(self, asked: _Asked) -> _Answer | None:
        """The keys and the rows around the cursor, or null when the keys are those already on screen."""
        keys = self.app.backend.deployment_keys(asked.query)
        if asked.known is not None and asked.known.keys == keys:
            return None
        new = KeyList.of(keys)
        place = new.places.get(asked.cursor, 0) if asked.cursor is not None else 0
        around = keys[max(0, place - asked.page) : place + asked.page + 1]
        return _Answer(new, self._read_rows(around))

    def _read_rows(self, ids: Sequence[UUID]) -> dict[UUID, DeploymentRow]:
        return self.app.backend.deployment_rows(ids)

    # --- showing

    def ask_keys(self) -> None:
        """Read the list again, now."""
        known = KeyList(self.table.keys, {}) if self.query_shown is not None else None
        table = self.table
        self._keys_read.ask(_Asked(self.query_now, known, table.cursor_key, table.page_rows))

    def refresh_data(self) -> None:
        """Rows at once; the order of a long list no more often than its reading allows."""
        if not self._loaded:
            return
        self.table.refresh_rows()
        self.preview.refresh_data()
        if rest := self._keys_read.rest:
            if not self._repeat_pending:
                self._repeat_pending = True
                self.set_timer(rest, self._repeat_keys)
        else:
            self.ask_keys()

    def _repeat_keys(self) -> None:
        self._repeat_pending = False
        self.ask_keys()

    def _show_keys(self, asked: _Asked, answer: _Answer | None) -> None:
        self._loaded = True
        self.query_shown = asked.query
        if answer is not None:
            self.table.set_keys(answer.keys, complete=not asked.query.text, rows=answer.rows)
        else:
            self.table.refresh_rows()
        self._show_counts()
        if self._held_action and asked.query == self.query_now:
            held, self._held_action = self._held_action, ""
            self.call_later(self.action_act, held)

    def _show_failure(self, error: Exception) -> None:
        self._loaded = True
        self._held_action = ""
        self.app.report(error)
        if not self.table.keys:
            self.empty.say("The deployments could not be read", [str(error)])
            self._show_empty(True)

    def _show_counts(self) -> None:
        count, text = len(self.table.keys), self.query_now.text.strip()
        marks = self.table.targets() if self.table.marks or self.table.in_range else []
        listed = self.table.places
        hidden = sum(key not in listed for key in marks)
        self.bar.show(
            count=count,
            filter_text=text,
            order=f"{'↓' if self.query_now.descending else '↑'} {SORTS[self.query_now.sort]}",
            marked=len(marks),
            hidden=hidden,
            in_range=self.table.in_range,
            place=self.table.cursor_place,
        )
        if not count:
            self._say_empty(text)
        self._show_empty(not count)

    def _say_empty(self, text: str) -> None:
        if text:
            self.empty.say(
                f"No deployment matches “{harmless(text)}”", ["[esc] clears the filter", "[/] changes it"]
            )
        else:
            self.empty.say(
                "No deployments yet",
                [
                    "[sluice apply prefect.yaml] brings in its deployments",
                    "[crontab -l | sluice import-crontab -] makes one of each line",
                    "[sluice demo] opens a throw-away database",
                ],
                "They appear here by themselves.",
            )

    def _show_empty(self, empty: bool) -> None:
        self.table.set_class(empty, "-hidden")
        self.empty.set_class(not empty, "-hidden")
        self.set_class(empty and not self.query_now.text, "-empty")

    def show_moment(self, now: datetime) -> None:
        super().show_moment(now)
        self.table.tick()
        self.preview.tick(now)

    # --- events

    @on(VirtualTable.CursorMoved)
    def _follow_cursor(self, event: VirtualTable.CursorMoved) -> None:
        self.bar.set_place(self.table.cursor_place)
        self.preview.show_deployment(
            event.key if isinstance(event.key, UUID) else None, self.table.cursor_row
        )

    @on(VirtualTable.MarksChanged)
    def _count_marks(self) -> None:
        self._show_counts()

    @on(VirtualTable.RowOpened)
    def _open_row(self, event: VirtualTable.RowOpened) -> None:
        if isinstance(event.key, UUID):
            self.app.open_deployment(event.key)

    @on(VirtualTable.SortRequested)
    def _sort_by_header(self, event: VirtualTable.SortRequested) -> None:
        same = event.sort == self.query_now.sort
        for sort in get_args(DeploymentSort):
            if sort == event.sort:
                self._sort(sort, not self.query_now.descending if same else sort in NEWEST_FIRST)

    async def action_act(self, action_id: str) -> None:
        """Run an action; a change waits until the list asked for last is on screen.

        Keys typed ahead of a filter or a sort would otherwise act on a row that is about to go.
        """
        action = find(action_id)
        if action is not None and action.changing and self.query_shown != self.query_now:
            self._held_action = action_id
        else:
            await super().action_act(action_id)

    # --- actions that look

    @property
    def filter_text(self) -> str:
        return self.query_now.text

    def set_filter(self, text: str) -> None:
        if text != self.query_now.text:
            self.query_now = self.query_now._replace(text=text)
            self.ask_keys()

    def focus_body(self) -> None:
        self.table.focus()

    def why_not(self, action: Action) -> str | None:
        if action.group == GROUP and not self.table.targets():
            return "There is no deployment to act on here."
        return super().why_not(action)

    def _sort(self, sort: DeploymentSort, descending: bool) -> None:
        self.query_now = self.query_now._replace(sort=sort, descending=descending)
        self.table.set_sorted_by(sort, descending)
        self._show_counts()
        self.ask_keys()

    def action_sort_next(self) -> None:
        """Sort by the next of the sorts."""
        sorts = list(SORTS)
        following = sorts[(sorts.index(self.query_now.sort) + 1) % len(sorts)]
        self._sort(following, following in NEWEST_FIRST)

    def action_sort_reverse(self) -> None:
        """Turn the order around."""
        self._sort(self.query_now.sort, not self.query_now.descending)

    def action_filter(self) -> None:
        """Open the `/` prompt."""
        self.open_prompt("filter")

    def action_open_runs(self) -> None:
        """Open the list of runs."""
        self.app.open_runs()

    def action_toggle_preview(self) -> None:
        """Show or hide the preview pane."""
        self.toggle_class("-preview-off" if self.app.size.width >= 120 else "-preview-below")
        self.preview.refresh_data()

    def action_refresh(self) -> None:
        """Read everything again."""
        self.table.refresh_rows()
        self.ask_keys()

    def action_go_back(self) -> None:
        """`escape` undoes the nearest thing: the range, then the filter."""
        if not self.table.leave_range():
            self.set_filter("")

    # --- what the changes need

    def targets(self) -> list[UUID]:
        """What an action acts on, pinned now."""
        return self.table.targets()

    def say_done(self, words: str) -> None:
        """Tell what a change did, and show it without waiting for the signal."""
        self.app.say(words)
        self.action_refresh()

    def names_of(self, ids: Sequence[UUID], limit: int = 5) -> list[str]:
        """The names of some deployments as far as their rows are in memory, for dialogs."""
        rows = (self.table.row_of(key) for key in ids[: limit * 4])
        return [harmless(row.full_name) for row in rows if row is not None][:limit]
