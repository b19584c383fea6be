"""What an operator does with a log: find, filter, fold, save, copy. For any screen that shows one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui.actions import Action
from tui.screens.dialogs import Question, QuestionDialog
from tui.widgets.log_panel import LogPanel
from tui.widgets.log_save import LogSaver

if TYPE_CHECKING:
    from tui.screens.base import SluiceScreen

    _Base = SluiceScreen
else:
    _Base = object

GROUP = "Log"

LOG_ACTIONS = (
    Action(
        "log.find", "slash", "find_text", "Find a regular expression", GROUP, footer="find", immediate=True
    ),
    Action("log.find_next", "n", "find_next", "Next match", GROUP),
    Action("log.find_previous", "N", "find_previous", "Previous match", GROUP),
    Action(
        "log.filter",
        "ampersand",
        "filter_log",
        "Filter by regular expression and level",
        GROUP,
        footer="filter",
        long_words="level:warning time.?out · while following, new lines are filtered too · empty shows all",
        immediate=True,
    ),
    Action("log.next_error", "e", "next_error", "Next error", GROUP, footer="error"),
    Action("log.previous_error", "E", "previous_error", "Previous error", GROUP),
    Action("log.follow", "G,end", "follow_log", "To the end, and follow", GROUP),
    Action("log.wrap", "W", "wrap_log", "Fold long lines, or leave them whole", GROUP),
    Action("log.timestamps", "T", "change_timestamps", "Times: of day, since the start, none", GROUP),
    Action(
        "log.save",
        "S",
        "save_log",
        "Save the log to a file",
        GROUP,
        long_words="With a filter, what passes it.",
        immediate=True,
    ),
)


class LogActions(_Base):
    """Mixin for a screen with a `LogPanel`."""

    @property
    def log_panel(self) -> LogPanel:
        """The log's panel."""
        return self.query_one(LogPanel)

    def why_not(self, action: Action) -> str | None:
        view = self.log_panel.view
        if action.group == GROUP and not len(view.lines) and action.id != "log.timestamps":
            return "This run has no log lines yet."
        if action.id in ("log.find_next", "log.find_previous") and view.pattern is None:
            return "Nothing is looked for. Press / and type what to find."
        return super().why_not(action)

    def action_find_text(self) -> None:
        """Open the `/` prompt of the log."""
        self.log_panel.ask("search")

    def action_find_next(self) -> None:
        """Go to the next match."""
        self.log_panel.find()

    def action_find_previous(self) -> None:
        """Go to the previous match."""
        self.log_panel.find(backwards=True)

    def action_filter_log(self) -> None:
        """Open the `&` prompt of the log."""
        self.log_panel.ask("filter")

    def action_next_error(self) -> None:
        """Go to the next error."""
        self.log_panel.find_error()

    def action_previous_error(self) -> None:
        """Go to the previous error."""
        self.log_panel.find_error(backwards=True)

    def action_follow_log(self) -> None:
        """Go to the end and follow."""
        self.log_panel.view.to_end()

    def action_wrap_log(self) -> None:
        """Fold long lines, or leave them whole."""
        self.log_panel.toggle_wrap()

    def action_change_timestamps(self) -> None:
        """The next kind of times."""
        self.log_panel.next_timestamps()

    def action_save_log(self) -> None:
        """Ask where to save."""
        self.log_panel.ask("save")

    # Handlers by name: Textual collects `@on` only from classes that are nodes themselves.

    def on_log_saver_saved(self, event: LogSaver.Saved) -> None:
        """Say what was saved where."""
        self.app.say(event.words)

    def on_log_saver_failed(self, event: LogSaver.Failed) -> None:
        """Say why nothing was saved."""
        self.app.report(event.error)

    def on_log_panel_failed(self, event: LogPanel.Failed) -> None:
        """Say why the log could not be read."""
        self.app.report(event.error)

    def on_log_saver_exists(self, event: LogSaver.Exists) -> None:
        """Ask before a file is replaced."""
        question = Question(
            title=f"Replace {event.path.name}?",
            body=f"{event.path} exists already. Its content would be lost.",
            confirm="Replace",
            danger=True,
        )
        self.app.push_screen(QuestionDialog(question), partial(self._overwrite, event))

    def _overwrite(self, event: LogSaver.Exists, confirmed: bool | None) -> None:
        if confirmed:
            self.log_panel.saver.start(event.path, event.chosen, overwrite=True)
