"""One deployment: what it is, when it runs, how it ran, and who changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import ClassVar, NamedTuple
from uuid import UUID

from textual import getters, on
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget

from store.errors import NotFound, SluiceError
from store.schemas import Deployment, DeploymentSchedule, FlowRunQuery
from tui.actions import Action, bindings
from tui.clipboard import copy_text
from tui.deployment_facts import DeploymentNews, beside, history, next_words, overview, trouble, yaml_parts
from tui.live import LatestRead
from tui.parameter_facts import parameter_facts
from tui.schedule_facts import UPCOMING, Timing, schedule_facts, upcoming_facts
from tui.screens.base import SluiceScreen
from tui.screens.copy_menu import Copyable, CopyMenu
from tui.screens.deployment_actions import (
    ACTIONS,
    COMING,
    HISTORY_TAB,
    OVERVIEW,
    PARAMETERS,
    RUNS,
    SCHEDULES,
    TABS,
    YAML,
)
from tui.screens.deployment_changes import DeploymentChanges
from tui.screens.flow_run_changes import FlowRunChanges
from tui.screens.flow_run_columns import DEPLOYMENT_COLUMNS
from tui.states import look_of_deployment
from tui.text import harmless
from tui.widgets.fact_list import BAD, Fact, FactList, Item
from tui.widgets.flow_run_list import FlowRunList
from tui.widgets.object_header import Head, ObjectHeader
from tui.widgets.tab_bar import TabBar

LAST_RUNS = 12
HISTORY = 200
"""Changes shown on the History tab, the newest."""


class _Asked(NamedTuple):
    """A question: which tab is open decides what is read besides."""

    tab: str


class _Read(NamedTuple):
    """A reply; `yaml` is text, or the error that stands in its place."""

    news: DeploymentNews
    yaml: str = ""
    yaml_error: str = ""


class DeploymentScreen(DeploymentChanges, FlowRunChanges, SluiceScreen):
    """A deployment in seven tabs.

    Args:
        deployment_id: which deployment.
        tab: the tab to open with.
    """

    CSS_PATH = "deployment.tcss"
    ACTIONS = ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(ACTIONS)]

    header = getters.query_one(ObjectHeader)
    tabs = getters.query_one(TabBar)
    pane = getters.query_one("#deployment-pane", VerticalScroll)
    facts = getters.query_one("#deployment-facts", FactList)
    side = getters.query_one("#deployment-beside", FactList)
    runs = getters.query_one(FlowRunList)

    def __init__(self, deployment_id: UUID, tab: str = OVERVIEW) -> None:
        super().__init__()
        self.deployment_id = deployment_id
        self._first_tab = tab
        self._shown: _Read | None = None
        self._gone = False
        self._read: LatestRead[_Asked, _Read] = LatestRead(self, self._read_all, self._show_read, self._fail)

    def compose_body(self) -> Iterator[Widget]:
        yield ObjectHeader()
        yield TabBar(TABS)
        with Horizontal(id="deployment-panes"):
            with VerticalScroll(id="deployment-pane"):
                yield FactList(label_width=12, id="deployment-facts")
            with VerticalScroll(id="deployment-side"):
                yield FactList(label_width=10, id="deployment-beside")
            yield FlowRunList(DEPLOYMENT_COLUMNS, deployment_id=self.deployment_id)

    def on_mount(self) -> None:
        self.show_tab(self._first_tab)

    # --- reading (in a thread)

    def _read_all(self, asked: _Asked) -> _Read:
        backend, key = self.app.backend, self.deployment_id
        row = backend.deployment_rows([key]).get(key)
        if row is None:
            raise NotFound("Deployment", key)
        deployment = backend.read_deployment(key)
        last = backend.flow_run_keys(
            FlowRunQuery(deployment_id=key, limit=LAST_RUNS, upcoming=False, sort="due", descending=True)
        )
        rows = backend.flow_run_rows(last)
        news = DeploymentNews(
            row,
            deployment,
            tuple(self._timing(schedule) for schedule in deployment.schedules),
            tuple(rows[run] for run in last if run in rows),
            tuple(backend.read_history(key, HISTORY)) if asked.tab == HISTORY_TAB else (),
        )
        return self._with_yaml(news) if asked.tab == YAML else _Read(news)

    def _timing(self, schedule: DeploymentSchedule) -> Timing:
        """One schedule; a rule that cannot be planned says so in its place and hides no other."""
        backend = self.app.backend
        try:
            words = backend.describe_schedule(schedule.schedule)
            times = backend.next_occurrences(schedule, self.app.now(), UPCOMING)
        except SluiceError as error:
            return Timing(schedule, "A rule that cannot be planned", (), str(error))
        return Timing(schedule, words, tuple(times))

    def _with_yaml(self, news: DeploymentNews) -> _Read:
        try:
            return _Read(news, yaml=self.app.yaml_of(news.deployment))
        except SluiceError as error:
            return _Read(news, yaml_error=str(error))

    # --- showing

    def refresh_data(self) -> None:
        if not self.is_mounted:
            return
        self._read.ask(_Asked(self.tabs.active))
        if self.tabs.active == RUNS:
            self.runs.refresh_data()

    def _show_read(self, asked: _Asked, read: _Read) -> None:
        if asked.tab == self.tabs.active or self._shown is None:
            self._shown = read
        self._show()

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, NotFound):
            self.app.report(error)
        elif not self._gone:
            self._gone = True
            self.app.say("This deployment was deleted. What is shown is how it was.", severity="warning")
            self._show()

    def show_moment(self, now: datetime) -> None:
        super().show_moment(now)
        self._show()
        if self.tabs.active == RUNS:
            self.runs.tick()

    def _show(self) -> None:
        """Draw what is known, as of now; unchanged parts are not repainted."""
        if self._shown is None:
            return
        news, now, zone = self._shown.news, self.app.now(), self.app.zone
        self.header.show(
            Head(
                look=look_of_deployment(news.row),
                name=news.row.full_name,
                message=trouble(news, now, zone),
                short=next_words(news, now),
                note="deleted" if self._gone else "",
            )
        )
        self.tabs.set_counts({SCHEDULES: len(news.timings)} if news.timings else {})
        if self.tabs.active != RUNS:
            self.facts.show(self._items(self._shown, now, zone))
            self.side.show(beside(news, now, zone))

    def _items(self, read: _Read, now: datetime, zone: tzinfo | None) -> list[Item]:
        news = read.news
        deployment = news.deployment
        views: dict[str, Callable[[], list[Item]]] = {
            OVERVIEW: lambda: overview(news, now, zone),
            SCHEDULES: lambda: schedule_facts(news.timings, now, zone),
            COMING: lambda: upcoming_facts(news.timings, now, zone, paused=news.row.paused),
            PARAMETERS: lambda: parameter_facts(
                deployment.parameter_openapi_schema,
                deployment.parameters,
                enforced=deployment.enforce_parameter_schema,
            ),
            HISTORY_TAB: lambda: history(news.history, now, zone),
            YAML: lambda: [Fact("", [(read.yaml_error, BAD)] if read.yaml_error else yaml_parts(read.yaml))],
        }
        return views[self.tabs.active]()

    # --- tabs

    def show_tab(self, tab: str) -> None:
        """Open a tab."""
        self.tabs.choose(tab)
        self.set_class(tab == RUNS, "-on-runs")
        self.pane.scroll_home(animate=False)
        self.focus_body()
        self.refresh_data()

    @on(TabBar.Chosen)
    def _choose_tab(self, event: TabBar.Chosen) -> None:
        self.show_tab(event.tab)

    def focus_body(self) -> None:
        (self.runs.table if self.tabs.active == RUNS else self.pane).focus()

    def action_next_tab(self) -> None:
        """The tab to the right."""
        self.show_tab(self.tabs.neighbour(1))

    def action_previous_tab(self) -> None:
        """The tab to the left."""
        self.show_tab(self.tabs.neighbour(-1))

    def action_show_overview(self) -> None:
        """Open Overview."""
        self.show_tab(OVERVIEW)

    def action_show_schedules(self) -> None:
        """Open Schedules."""
        self.show_tab(SCHEDULES)

    def action_show_runs(self) -> None:
        """Open Runs."""
        self.show_tab(RUNS)

    def action_show_upcoming(self) -> None:
        """Open Upcoming."""
        self.show_tab(COMING)

    def action_show_parameters(self) -> None:
        """Open Parameters."""
        self.show_tab(PARAMETERS)

    def action_show_history(self) -> None:
        """Open History."""
        self.show_tab(HISTORY_TAB)

    def action_show_yaml(self) -> None:
        """Open YAML."""
        self.show_tab(YAML)

    # --- actions

    @property
    def deployment(self) -> Deployment | None:
        """The deployment as last read."""
        return self._shown.news.deployment if self._shown else None

    def targets(self) -> list[UUID]:
        return [self.deployment_id]

    def names_of(self, ids: Sequence[UUID], limit: int = 5) -> list[str]:
        return [harmless(self.deployment.full_name)] if self.deployment else []

    def say_done(self, words: str) -> None:
        self.app.say(words)
        self.refresh_data()

    def run_targets(self) -> list[UUID]:
        return self.runs.table.targets()

    def why_not(self, action: Action) -> str | None:
        if self._gone and action.changing:
            return "This deployment was deleted."
        if action.group == "Runs" and self.tabs.active != RUNS:
            return "Open the Runs tab first, with l."
        if action.id == "deployment.cancel_run" and not self.run_targets():
            return "There is no run to act on here."
        return super().why_not(action)

    @on(FlowRunList.Opened)
    def _open_run(self, event: FlowRunList.Opened) -> None:
        self.app.open_run(event.flow_run_id)

    @property
    def filter_text(self) -> str:
        return self.runs.query_now.text

    def set_filter(self, text: str) -> None:
        self.runs.set_filter(text)

    def action_filter(self) -> None:
        """Open the `/` prompt for the runs."""
        self.open_prompt("filter")

    def action_next_span(self) -> None:
        """So far, upcoming, all."""
        self.runs.next_span()

    def action_sort_next(self) -> None:
        """Sort the runs by the next of the sorts."""
        self.runs.sort_next()

    def action_sort_reverse(self) -> None:
        """Turn the order of the runs around."""
        self.runs.sort_reverse()

    def action_toggle_beside(self) -> None:
        """Show or hide the pane at the right."""
        self.toggle_class("-beside-off" if self.app.size.width >= 120 else "-beside-below")

    def action_go_back(self) -> None:
        """`escape` undoes the nearest thing on the Runs tab, then leaves."""
        if not (self.tabs.active == RUNS and self.runs.leave_step()):
            self.app.pop_screen()

    def action_copy(self) -> None:
        """Choose what to copy."""
        self.app.push_screen(CopyMenu(self._copyables()), self._copy)

    def _copyables(self) -> list[Copyable]:
        entries = []
        if chosen := self.get_selected_text():
            entries.append(Copyable("selection", chosen))
        if self.deployment is not None:
            entries.append(Copyable("name", self.deployment.full_name))
            entries.append(Copyable("command", f"sluice inspect '{self.deployment.full_name}'"))
        entries.append(Copyable("id", str(self.deployment_id)))
        if self._shown is not None and self._shown.yaml:
            entries.append(Copyable("YAML", self._shown.yaml))
        return entries

    def _copy(self, chosen: Copyable | None) -> None:
        if chosen is not None:
            copy_text(self.app, self, chosen.what, chosen.text)
