"""The small menu of `y`: what to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from tui.text import cut, fit, harmless, plural

NAME_WIDTH = 18
SHOWN_WIDTH = 40


class Copyable(NamedTuple):
    """One thing to copy: what it is, and its text."""

    what: str
    text: str

    def line(self) -> str:
        """How it stands in the menu."""
        lines = self.text.count("\n") + 1
        shown = plural(lines, "line") if lines > 1 else cut(harmless(self.text), SHOWN_WIDTH)
        return f"{fit(self.what, NAME_WIDTH)} {shown}"


class CopyMenu(ModalScreen[Copyable | None]):
    """Answers what was chosen, or null."""

    CSS_PATH = "copy_menu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,y,q", "leave", "Close", show=False),
        Binding("j", "down", "Down", show=False),
        Binding("k", "up", "Up", show=False),
    ]

    def __init__(self, entries: Sequence[Copyable]) -> None:
        super().__init__()
        self._entries = entries

    def compose(self) -> ComposeResult:
        with Vertical(id="copy-menu"):
            yield Label("Copy", id="copy-title", markup=False)
            yield OptionList(*(Option(Content(entry.line())) for entry in self._entries), id="copy-entries")

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._entries[event.option_index])

    def action_leave(self) -> None:
        """Copy nothing."""
        self.dismiss(None)

    def action_down(self) -> None:
        """Next entry."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """Previous entry."""
        self.query_one(OptionList).action_cursor_up()
