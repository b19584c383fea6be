"""One run: what it is, how it went, and its log as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from textual import getters, on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget

from store.errors import NotFound
from store.schemas import TERMINAL_STATES, FlowRun, LogLine
from tui.actions import Action, bindings, register
from tui.clipboard import copy_text
from tui.live import LatestRead
from tui.run_facts import RunNews, details, headline, timing_words
from tui.screens.base import SluiceScreen
from tui.screens.copy_menu import Copyable, CopyMenu
from tui.screens.flow_run_changes import FlowRunChanges, change_actions
from tui.screens.log_actions import LOG_ACTIONS, LogActions
from tui.states import look_of
from tui.widgets.fact_list import FactList
from tui.widgets.footer_bar import FooterBar
from tui.widgets.log_panel import LogPanel
from tui.widgets.object_header import Head, ObjectHeader

GROUP = "Run"

ACTIONS = register(
    *LOG_ACTIONS,
    *change_actions("run", GROUP),
    Action("run.details", "z", "toggle_details", "Show or hide the details", "View", footer="details"),
    Action("run.copy", "y", "copy", "Copy lines, id, name or command", GROUP),
    Action("run.back", "escape", "go_back", "Back; while a file is written, stop that", "Go"),
    Action("run.open_deployment", "o", "open_deployment", "Open its deployment", "Go"),
)


class BackendLog(NamedTuple):
    """The log of one run, read from the backend."""

    screen: FlowRunScreen

    def read(self, after_id: int, limit: int) -> list[LogLine]:
        """Lines with an id above `after_id`."""
        return self.screen.app.backend.read_logs(self.screen.flow_run_id, after_id=after_id, limit=limit)

    def read_last(self, limit: int) -> list[LogLine]:
        """The last lines."""
        return self.screen.app.backend.read_last_logs(self.screen.flow_run_id, limit=limit)


class FlowRunScreen(FlowRunChanges, LogActions, SluiceScreen):
    """A run with its live log.

    Args:
        flow_run_id: which run.
    """

    CSS_PATH = "flow_run.tcss"
    ACTIONS = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(ACTIONS)]

    header = getters.query_one(ObjectHeader)
    panel = getters.query_one(LogPanel)
    facts = getters.query_one("#run-facts", FactList)

    def __init__(self, flow_run_id: UUID) -> None:
        super().__init__()
        self.flow_run_id = flow_run_id
        self.news: RunNews | None = None
        self._gone = False
        self._read: LatestRead[None, RunNews] = LatestRead(self, self._read_run, self._show_run, self._fail)

    def compose_body(self) -> Iterator[Widget]:
        yield ObjectHeader()
        with Horizontal(id="run-panes"):
            with Vertical(id="run-log"):
                yield LogPanel(BackendLog(self), zone=self.app.zone)
            with VerticalScroll(id="run-details"):
                yield FactList(label_width=12, id="run-facts")

    def on_mount(self) -> None:
        self.panel.view.focus()

    # --- reading and showing

    def refresh_data(self) -> None:
        self._read.ask(None)
        self.panel.refresh_lines_below()

    def _read_run(self, _: None) -> RunNews:
        backend = self.app.backend
        run = backend.read_flow_run(self.flow_run_id)
        return RunNews(run, tuple(backend.read_flow_run_states(self.flow_run_id)))

    def _show_run(self, _: None, news: RunNews) -> None:
        self.news = news
        self.panel.set_run(file_name=f"{_file_name(news.run.name)}.log", started=news.run.start_time)
        self._show()

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, NotFound):
            self.app.report(error)
        elif not self._gone:
            self._gone = True
            self.panel.view.say_nothing("This run is gone.")
            self.app.say("This run was deleted. Its log stays here until you leave.", severity="warning")
            self._show()

    def show_moment(self, now: datetime) -> None:
        super().show_moment(now)
        self._show()

    def _show(self) -> None:
        """Draw what is known, as of now; unchanged parts are not repainted."""
        if self.news is None:
            return
        now, run, status = self.app.now(), self.news.run, self.app.status
        self.header.show(
            Head(
                look=look_of(run.state_type, run.state_name),
                name=run.name,
                place=run.full_deployment_name or "no deployment",
                message=headline(run, status, now),
                short=timing_words(run, now, self.app.zone),
                note="deleted" if self._gone else "",
            )
        )
        self.facts.show(details(self.news, now, self.app.zone))
        if not self._gone:
            self.panel.view.say_nothing(log_words(run))
        self.panel.set_ended(run.state_type in TERMINAL_STATES)

    @on(LogPanel.FollowChanged)
    def _tell_footer(self) -> None:
        view = self.panel.view
        self.query_one(FooterBar).set_note("" if view.follow else "not following · G")

    # --- actions

    @property
    def run(self) -> FlowRun | None:
        """The run as last read."""
        return self.news.run if self.news else None

    def run_targets(self) -> list[UUID]:
        return [self.flow_run_id]

    def runs_deleted(self, count: int) -> None:
        self.app.say(f"Deleted run {self.run.name}." if self.run and count else "It was deleted before.")
        if self.is_current:
            self.app.pop_screen()

    def why_not(self, action: Action) -> str | None:
        if self._gone and action.changing:
            return "This run was deleted."
        if action.id == "run.open_deployment" and (self.run is None or self.run.deployment_id is None):
            return "This run has no deployment: it was deleted, or there never was one."
        return super().why_not(action)

    def action_toggle_details(self) -> None:
        """Show or hide the details: at the right when there is room, else below the log."""
        self.toggle_class("-details-off" if self.app.size.width >= 120 else "-details-below")

    def action_open_deployment(self) -> None:
        """Open the deployment of this run."""
        if self.run is not None and self.run.deployment_id is not None:
            self.app.open_deployment(self.run.deployment_id)

    def action_go_back(self) -> None:
        """Stop saving if a file is being written, else leave."""
        if self.panel.saver.running:
            self.panel.saver.stop()
        else:
            self.app.pop_screen()

    def action_copy(self) -> None:
        """Choose what to copy."""
        self.app.push_screen(CopyMenu(self._copyables()), self._copy)

    def _copyables(self) -> list[Copyable]:
        entries = []
        if chosen := self.get_selected_text():
            entries.append(Copyable("selection", chosen))
        if lines := self.panel.view.shown_texts():
            entries.append(Copyable("log on screen", "\n".join(lines)))
        entries.append(Copyable("run id", str(self.flow_run_id)))
        if self.run is not None:
            entries.append(Copyable("run name", self.run.name))
        entries.append(Copyable("command", f"sluice logs {self.flow_run_id}"))
        return entries

    def _copy(self, chosen: Copyable | None) -> None:
        if chosen is not None:
            copy_text(self.app, self, chosen.what, chosen.text)

    def focus_body(self) -> None:
        self.panel.view.focus()


def _file_name(name: str) -> str:
    """A run's name as a file name: it may have been given by anybody."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name).strip(".") or "run"


def log_words(run: FlowRun) -> str:
    """What stands in place of a log without lines."""
    if run.state_type in TERMINAL_STATES:
        return (
            "This run wrote no log lines." if run.start_time else "This run never started: there is no log."
        )
    return "No log lines yet." if run.start_time else "It has not started: there is no log yet."
