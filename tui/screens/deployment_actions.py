"""The tabs and the actions of the Deployment screen."""

from __future__ import annotations

from tui.actions import Action, register
from tui.widgets.tab_bar import Tab

GROUP = "Deployment"
TABS_GROUP = "Tabs"

OVERVIEW, SCHEDULES, RUNS, COMING, PARAMETERS, HISTORY_TAB, YAML = (
    "overview", "schedules", "runs", "upcoming", "parameters", "history", "yaml",
)  # fmt: skip
TABS = (
    Tab(OVERVIEW, "Overview", "O"),
    Tab(SCHEDULES, "Schedules", "h"),
    Tab(RUNS, "Runs"),
    Tab(COMING, "Upcoming", "m"),
    Tab(PARAMETERS, "Parameters", "a"),
    Tab(HISTORY_TAB, "History", "i"),
    Tab(YAML, "YAML"),
)

ACTIONS = register(
    Action(
        "deployment.pause",
        "p",
        "pause_or_resume",
        "Pause, or resume when it is paused",
        GROUP,
        footer="pause",
        changing=True,
        undoable=True,
        long_words="Pausing stops planning; runs that were started by hand still run.",
    ),
    Action("deployment.run", "r", "run_now", "Run now", GROUP, footer="run", changing=True),
    Action(
        "deployment.delete",
        "d",
        "delete",
        "Delete, after a question",
        GROUP,
        footer="delete",
        changing=True,
        danger=True,
        undoable=True,
    ),
    Action("deployment.next_tab", "right,tab", "next_tab", "Next tab", TABS_GROUP, footer="tabs"),
    Action("deployment.previous_tab", "left,shift+tab", "previous_tab", "Previous tab", TABS_GROUP),
    Action("deployment.overview", "o", "show_overview", "Overview", TABS_GROUP),
    Action("deployment.schedules", "h", "show_schedules", "Schedules", TABS_GROUP),
    Action("deployment.runs", "l", "show_runs", "Runs", TABS_GROUP, footer="runs"),
    Action("deployment.upcoming", "m", "show_upcoming", "Upcoming", TABS_GROUP),
    Action("deployment.parameters", "a", "show_parameters", "Parameters", TABS_GROUP),
    Action("deployment.history", "i", "show_history", "History", TABS_GROUP),
    Action("deployment.yaml", "Y", "show_yaml", "YAML", TABS_GROUP),
    Action(
        "deployment.cancel_run",
        "X",
        "cancel_runs",
        "Cancel the run under the cursor, or the marked ones",
        "Runs",
        changing=True,
        danger=True,
    ),
    Action("deployment.filter_runs", "slash", "filter", "Filter the runs by words", "Runs", immediate=True),
    Action("deployment.span", "f", "next_span", "Runs so far, upcoming, or all", "Runs"),
    Action("deployment.sort_runs", "s", "sort_next", "Sort the runs by the next column", "Runs"),
    Action("deployment.reverse_runs", "S", "sort_reverse", "Turn the order of the runs around", "Runs"),
    Action("deployment.back", "escape", "go_back", "Back; on the Runs tab, clear the filter first", "Go"),
    Action("deployment.beside", "z", "toggle_beside", "Show or hide what stands at the right", "View"),
    Action("deployment.copy", "y", "copy", "Copy name, id, command or YAML", GROUP),
)
