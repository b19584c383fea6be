"""What every screen of Sluice has: header, body, prompt, footer, live data, and actions that say why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, Literal

from textual import getters, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import Screen
from textual.widget import Widget

from tui.actions import READ_ONLY, Action, ActionHost
from tui.app import SMALLEST_HEIGHT, SMALLEST_WIDTH, SluiceApp
from tui.live import StoreChanged
from tui.widgets.footer_bar import FooterBar
from tui.widgets.header_bar import HeaderBar
from tui.widgets.prompt import Prompt
from tui.widgets.too_small import TooSmall

PromptKind = Literal["filter", "jump"]


class SluiceScreen(ActionHost, Screen[None]):
    """Base of the full screens. Subclasses give `compose_body`, `refresh_data`, and `action_...` methods.

    `ACTIONS` are the screen's own actions, bound with `BINDINGS = bindings(ACTIONS)`; those with a footer
    label stand in the footer in this order.
    """

    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    AUTO_FOCUS = None

    app = getters.app(SluiceApp)

    def __init__(self) -> None:
        super().__init__()
        # Textual sets these after the first layout only, and then styles and lays out everything once more.
        self.add_class(*self.app.size_classes(), update=False)

    def compose(self) -> ComposeResult:
        yield HeaderBar()
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Prompt()
        yield FooterBar()
        yield TooSmall(SMALLEST_WIDTH, SMALLEST_HEIGHT)

    def compose_body(self) -> Iterator[Widget]:
        """The widgets between header and footer."""
        yield from ()

    @property
    def changes_allowed(self) -> bool:
        return self.app.changes_allowed

    # --- live

    def refresh_data(self) -> None:
        """Read again what the screen shows; called after changes and when the screen comes back."""

    def show_moment(self, now: datetime) -> None:
        """Called each second, and when the status is new: move clocks and countdowns."""
        self.query_one(HeaderBar).show(self.app.status, now)

    def on_store_changed(self, event: StoreChanged) -> None:
        """Refresh what can be seen. A screen below another full screen refreshes when it comes back."""
        stack = self.app.screen_stack
        above = stack[stack.index(self) + 1 :] if self in stack else []
        if self.is_mounted and all(screen.is_modal for screen in above):
            self.refresh_data()

    def on_screen_resume(self) -> None:
        self.show_moment(self.app.now())
        self.refresh_data()

    # --- prompt

    def open_prompt(self, kind: PromptKind) -> None:
        """Open the docked prompt: `/` filters this screen, `:` jumps to another."""
        self.query_one(Prompt).open(kind, self.filter_text if kind == "filter" else "")

    @property
    def filter_text(self) -> str:
        """What the `/` prompt starts with."""
        return ""

    def set_filter(self, text: str) -> None:
        """Filter what this screen shows; called with each key typed into the `/` prompt."""

    def focus_body(self) -> None:
        """Give the focus back to the screen's main widget after the prompt closed."""

    @on(Prompt.Changed)
    def _filter_while_typing(self, event: Prompt.Changed) -> None:
        if event.kind == "filter":
            self.set_filter(event.text)

    @on(Prompt.Submitted)
    def _take_prompt(self, event: Prompt.Submitted) -> None:
        self.focus_body()
        if event.kind == "filter":
            self.set_filter(event.text)
            return
        from tui.jumps import jump

        if reason := jump(self.app, event.text):
            self.refuse(reason)

    @on(Prompt.Cancelled)
    def _leave_prompt(self, event: Prompt.Cancelled) -> None:
        self.focus_body()
        if event.kind == "filter":
            self.set_filter("")

    # --- read-only

    def on_key(self, event: Key) -> None:
        """Say why nothing happens when a key is pressed that read-only mode has dropped."""
        if not self.changes_allowed and self._is_dropped(event.key):
            event.stop()
            self.refuse(READ_ONLY)

    def _is_dropped(self, key: str) -> bool:
        return any(action.changing and key in action.keys.split(",") for action in self.ACTIONS)
