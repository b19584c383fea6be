"""The docked prompt: `/` filters the list above it, `:` jumps to another screen."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label

from tui.text import harmless

HINTS = {
    "filter": "words in name, tag, pool or description · enter keeps · esc clears",
    "jump": "deployments · runs TEXT · dep NAME · theme NAME · help · quit",
}
SIGNS = {"filter": "/", "jump": ":"}


class Prompt(Horizontal):
    """One line at the bottom that stands in place of the footer while it is open.

    Its keys have priority, and move the focus before the next key is looked at: of keys that arrive in one
    piece, those before enter belong to the text and those after it to the list.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Take it", show=False, priority=True),
        Binding("escape", "cancel", "Close the prompt", show=False, priority=True),
        Binding("down", "keep", "Back to the list", show=False, priority=True),
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
        self._focused_before: Widget | None = None

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
        if self.screen.focused is not entry:
            self._focused_before = self.screen.focused
        self.screen.set_focus(entry)

    def _close(self, message: type[_Said]) -> None:
        """Hide, give the focus back at once, and tell when the keys typed until now have arrived."""
        if not self.is_open:
            return
        self.add_class("-closed")
        self.screen.remove_class("-prompting")
        self.screen.set_focus(self._focused_before)
        self.query_one(Input).call_later(partial(self._tell, message))

    def _tell(self, message: type[_Said]) -> None:
        self.post_message(message(self.kind, self.query_one(Input).value))

    @on(Input.Changed)
    def _pass_on_change(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Changed(self.kind, event.value))

    def action_submit(self) -> None:
        """Take what was typed."""
        self._close(self.Submitted)

    def action_keep(self) -> None:
        """Keep the filter and go back to the list."""
        if self.kind == "filter":
            self._close(self.Submitted)

    def action_cancel(self) -> None:
        """Close, and clear what was typed."""
        self._close(self.Cancelled)
