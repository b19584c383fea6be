"""The line below a log that asks for a pattern, a filter or a file name, and says what is wrong with it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from tui.text import harmless

LogQuestion = Literal["search", "filter", "save"]
_SIGNS = {"search": "/", "filter": "&", "save": "save to "}
_HINTS = {
    "search": "regular expression · enter finds · n next · N previous",
    "filter": "regular expression and level:warning · enter filters · empty shows all",
    "save": "file name · enter saves · esc leaves",
}


class LogPrompt(Vertical):
    """Hidden until `ask`. A refusal stands above the line and keeps what was typed.

    Its keys have priority and move the focus at once: of keys that arrive in one piece over a slow line,
    those before enter belong to the text, and those after it to the log.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Take it", show=False, priority=True),
        Binding("escape", "cancel", "Close the prompt", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    LogPrompt {
        height: auto;
        background: $panel;
        &.-closed { display: none; }
        #log-prompt-line { height: 1; }
        #log-prompt-sign { width: auto; padding: 0 0 0 1; color: $text-accent; }
        #log-prompt-input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
        #log-prompt-refusal { height: auto; padding: 0 1; color: $text-error; background: $panel; }
        #log-prompt-refusal.-empty { display: none; }
    }
    """

    class _Said(Message):
        def __init__(self, question: LogQuestion, text: str) -> None:
            super().__init__()
            self.question = question
            self.text = text

    class Changed(_Said):
        """A key was typed."""

    class Submitted(_Said):
        """Enter was pressed; the prompt is closed. To refuse the answer, `ask` again and `refuse`."""

    class Cancelled(_Said):
        """Escape was pressed; the prompt is closed."""

    def __init__(self) -> None:
        super().__init__(classes="-closed")
        self.question: LogQuestion = "search"
        self._focused_before: Widget | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="log-prompt-refusal", classes="-empty", markup=False)
        with Horizontal(id="log-prompt-line"):
            yield Label("/", id="log-prompt-sign", markup=False)
            yield Input(compact=True, select_on_focus=False, id="log-prompt-input")

    @property
    def is_open(self) -> bool:
        """Whether it is on screen."""
        return not self.has_class("-closed")

    def ask(self, question: LogQuestion, text: str = "") -> None:
        """Show the line with `text` in it and take the focus."""
        self.question = question
        self.query_one("#log-prompt-sign", Label).update(_SIGNS[question])
        entry = self.query_one(Input)
        entry.placeholder = _HINTS[question]
        with entry.prevent(Input.Changed):
            entry.value = text
        entry.cursor_position = len(text)
        self.refuse("")
        self.remove_class("-closed")
        self.screen.add_class("-prompting")
        if self.screen.focused is not entry:
            self._focused_before = self.screen.focused
        self.screen.set_focus(entry)

    def refuse(self, reason: str) -> None:
        """Say why what was typed is not taken; empty for nothing wrong."""
        line = self.query_one("#log-prompt-refusal", Static)
        line.update(Content(harmless(reason)))
        line.set_class(not reason, "-empty")

    def _close(self, message: type[_Said]) -> None:
        """Hide, give the focus back at once, and tell when the keys typed until now have arrived."""
        if not self.is_open:
            return
        self.add_class("-closed")
        self.screen.remove_class("-prompting")
        self.screen.set_focus(self._focused_before)
        self.query_one(Input).call_later(partial(self._tell, message))

    def _tell(self, message: type[_Said]) -> None:
        self.post_message(message(self.question, self.query_one(Input).value))

    @on(Input.Changed)
    def _pass_on_change(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(self.question, event.value))

    def action_submit(self) -> None:
        """Take what was typed."""
        self._close(self.Submitted)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self._close(self.Cancelled)
