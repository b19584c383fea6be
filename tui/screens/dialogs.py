"""Dialogs that ask first. Cancel has the focus, and the key that opened them never confirms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from tui.text import cut, harmless


@dataclass(frozen=True, slots=True)
class Question:
    """What a dialog asks.

    Args:
        title: the question.
        body: what will happen, in whole sentences.
        confirm: the label of the confirming button, a verb.
        items: some of the objects it happens to.
        more: how many further objects are not listed.
        danger: draws it as one that destroys.
        typed: the operator has to type this to enable the button; empty for no such guard.
        decline: the label of the button that has the focus, where "Cancel" could be misread.
    """

    title: str
    body: str
    confirm: str
    items: tuple[str, ...] = ()
    more: int = 0
    danger: bool = False
    typed: str = ""
    decline: str = "Cancel"


class QuestionDialog(ModalScreen[bool]):
    """Asks a question; answers true only when the confirming button was pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer_no", "Cancel", show=False),
        Binding("left,up", "app.focus_previous", "Previous", show=False),
        Binding("right,down", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        asked = self.question
        with Vertical(id="dialog", classes="-danger" if asked.danger else ""):
            yield Label(harmless(asked.title), id="dialog-title", markup=False)
            with VerticalScroll(id="dialog-body", can_focus=False):
                if asked.items:
                    yield Static(self._list(), id="dialog-items", markup=False)
                yield Static(harmless(asked.body, lines=True), markup=False)
            if asked.typed:
                yield Label(f"Type {asked.typed} to confirm:", id="dialog-ask", markup=False)
                yield Input(id="dialog-typed", compact=True)
            with Horizontal(id="dialog-buttons"):
                yield Button(asked.decline, id="no", compact=True)
                yield Button(
                    asked.confirm,
                    id="yes",
                    compact=True,
                    variant="error" if asked.danger else "primary",
                    disabled=bool(asked.typed),
                )

    def _list(self) -> str:
        lines = [f"• {cut(harmless(item), 54)}" for item in self.question.items]
        if self.question.more:
            lines.append(f"  and {self.question.more:,} more")
        return "\n".join(lines)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    @on(Input.Changed, "#dialog-typed")
    def _check_typed(self, event: Input.Changed) -> None:
        self.query_one("#yes", Button).disabled = event.value.strip() != self.question.typed

    @on(Input.Submitted, "#dialog-typed")
    def _go_on_to_button(self) -> None:
        button = self.query_one("#yes", Button)
        if not button.disabled:
            button.focus()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer_no(self) -> None:
        """Cancel."""
        self.dismiss(False)
