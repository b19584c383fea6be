"""The line below a log that asks for a pattern, a filter or a file name, and says what is wrong with it."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
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
    """Hidden until `ask`. A refusal stands above the line and keeps what was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Close the prompt", show=False)]
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
        """Enter was pressed; the prompt stays until `close`, because the answer may be refused."""

    class Cancelled(_Said):
        """Escape was pressed; the prompt is closed."""

    def __init__(self) -> None:
        super().__init__(classes="-closed")
        self.question: LogQuestion = "search"

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
        entry.focus()

    def refuse(self, reason: str) -> None:
        """Say why what was typed is not taken; empty for nothing wrong."""
        line = self.query_one("#log-prompt-refusal", Static)
        line.update(Content(harmless(reason)))
        line.set_class(not reason, "-empty")

    def close(self) -> None:
        """Hide the line."""
        self.add_class("-closed")
        self.screen.remove_class("-prompting")

    @on(Input.Changed)
    def _pass_on_change(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(self.question, event.value))

    @on(Input.Submitted)
    def _pass_on_submit(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self.question, event.value))

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.close()
        self.post_message(self.Cancelled(self.question, self.query_one(Input).value))
