"""The list of all runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from textual import getters, on
from textual.binding import BindingType
from textual.widget import Widget

from tui.actions import Action, bindings, register
from tui.screens.base import SluiceScreen
from tui.screens.flow_run_changes import FlowRunChanges, change_actions
from tui.screens.flow_run_columns import COLUMNS
from tui.widgets.flow_run_list import FlowRunList
from tui.widgets.virtual_table import VirtualTable

GROUP = "Runs"

ACTIONS = register(
    Action("runs.open", "enter", "open_run", "Open the run", GROUP, footer="open"),
    Action("runs.filter", "slash", "filter", "Filter by words", "View", footer="filter", immediate=True),
    Action(
        "runs.span",
        "f",
        "next_span",
        "Runs so far, upcoming, or all",
        "View",
        footer="so far/upcoming",
        long_words="So far: whatever was due until now. Upcoming: what is planned, the next first.",
    ),
    *change_actions("runs", GROUP),
    Action("runs.open_deployment", "o", "open_deployment", "Open the run's deployment", "Go"),
    Action("runs.sort", "s", "sort_next", "Sort by the next column", "View"),
    Action("runs.reverse", "S", "sort_reverse", "Turn the order around", "View"),
    Action("runs.back", "escape", "go_back", "Leave the range, else clear the filter, else back", "Go"),
    Action("runs.refresh", "ctrl+r", "refresh", "Read everything again", "View"),
)


class FlowRunsScreen(FlowRunChanges, SluiceScreen):
    """All runs, live.

    Args:
        text: filter to begin with.
        deployment_id: show only the runs of this deployment.
    """

    ACTIONS = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(ACTIONS)]

    runs = getters.query_one(FlowRunList)

    def __init__(self, text: str = "", deployment_id: UUID | None = None) -> None:
        super().__init__()
        self._text = text
        self._deployment_id = deployment_id

    def compose_body(self) -> Iterator[Widget]:
        yield FlowRunList(COLUMNS, deployment_id=self._deployment_id, text=self._text)

    @property
    def table(self) -> VirtualTable[UUID, object]:
        """The table of runs."""
        return self.runs.table

    def on_mount(self) -> None:
        self.table.focus()

    def refresh_data(self) -> None:
        self.runs.refresh_data()

    def show_moment(self, now: datetime) -> None:
        super().show_moment(now)
        self.runs.tick()

    @on(FlowRunList.Opened)
    def _open(self, event: FlowRunList.Opened) -> None:
        self.app.open_run(event.flow_run_id)

    # --- actions

    @property
    def filter_text(self) -> str:
        return self.runs.query_now.text

    def set_filter(self, text: str) -> None:
        self.runs.set_filter(text)

    def focus_body(self) -> None:
        self.table.focus()

    def run_targets(self) -> list[UUID]:
        return self.table.targets()

    def why_not(self, action: Action) -> str | None:
        if action.group == GROUP and not self.table.targets():
            return "There is no run to act on here."
        if action.id == "runs.open_deployment" and self._deployment_of_row() is None:
            return "This run has no deployment: it was deleted, or there never was one."
        return super().why_not(action)

    def _deployment_of_row(self) -> UUID | None:
        row = self.runs.cursor_run
        return row.deployment_id if row else None

    def action_open_run(self) -> None:
        """Open the run under the cursor."""
        if self.table.cursor_key is not None:
            self.app.open_run(self.table.cursor_key)

    def action_open_deployment(self) -> None:
        """Open the deployment of the run under the cursor."""
        deployment_id = self._deployment_of_row()
        if deployment_id is not None:
            self.app.open_deployment(deployment_id)

    def action_filter(self) -> None:
        """Open the `/` prompt."""
        self.open_prompt("filter")

    def action_next_span(self) -> None:
        """So far, upcoming, all."""
        self.runs.next_span()

    def action_sort_next(self) -> None:
        """Sort by the next of the sorts."""
        self.runs.sort_next()

    def action_sort_reverse(self) -> None:
        """Turn the order around."""
        self.runs.sort_reverse()

    def action_refresh(self) -> None:
        """Read everything again."""
        self.runs.table.refresh_rows()
        self.runs.ask_keys()

    def action_go_back(self) -> None:
        """`escape` undoes the nearest thing: the range, the filter, then it leaves."""
        if not self.runs.leave_step():
            self.app.pop_screen()
