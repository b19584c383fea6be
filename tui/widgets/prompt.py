"""The docked prompt: `/` filters the list above it, `:` jumps to another screen."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from tui.text import harmless

HINTS = {
    "filter": "words in name, tag, pool or description · enter keeps · esc clears",
    "jump": "deployments · runs TEXT · dep NAME · theme NAME · help · quit",
}
SIGNS = {"filter": "/", "jump": ":"}


class Prompt(Horizontal):
    """One line at the bottom that appears in place of the footer while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Close the prompt", show=False),
        Binding("down", "keep", "Back to the list", show=False),
    ]

    class _Said(Message):
        def __init__(self, kind: str, text: str) -> None:
            self.kind = kind
            self.text = text
            super().__init__()

    class Changed(_Said):
        """A key was typed."""

    class Submitted(_Said):
        """Enter was pressed; the prompt is closed."""

    class Cancelled(_Said):
        """Escape was pressed; the prompt is closed."""

    def __init__(self) -> None:
        super().__init__(classes="-closed")
        self.kind = "filter"

    def compose(self) -> ComposeResult:
        yield Label("/", id="prompt-sign", markup=False)
        yield Input(compact=True, select_on_focus=False, id="prompt-input")

    @property
    def is_open(self) -> bool:
        """Whether the prompt is on screen."""
        return not self.has_class("-closed")

    def open(self, kind: str, text: str = "") -> None:
        """Show the prompt and take the focus."""
        self.kind = kind
        self.query_one("#prompt-sign", Label).update(SIGNS[kind])
        entry = self.query_one(Input)
        entry.placeholder = HINTS[kind]
        with entry.prevent(Input.Changed):
            entry.value = harmless(text)
        entry.cursor_position = len(entry.value)
        self.remove_class("-closed")
        self.screen.add_class("-prompting")
        entry.focus()

    def close(self) -> None:
        """Hide the prompt."""
        self.add_class("-closed")
        self.screen.remove_class("-prompting")

    @on(Input.Changed)
    def _pass_on_change(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(self.kind, event.value))

    @on(Input.Submitted)
    def _pass_on_submit(self, event: Input.Submitted) -> None:
        event.stop()
        self.close()
        self.post_message(self.Submitted(self.kind, event.value))

    def action_keep(self) -> None:
        """Keep the filter and go back to the list."""
        if self.kind == "filter":
            self.close()
            self.post_message(self.Submitted(self.kind, self.query_one(Input).value))

    def action_cancel(self) -> None:
        """Close, and clear what was typed."""
        self.close()
        self.post_message(self.Cancelled(self.kind, ""))
