"""Help: every key that works on the screen below, from the bindings themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from tui.actions import find
from tui.states import LEGEND, STYLES
from tui.widgets.footer_bar import key_name

GROUPS = ("Deployments", "Deployment", "Runs", "Run", "Log", "Marks", "View", "Move", "Go")
"""Order of the headings; groups that are not named here come after them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: the keys of one thing, and how to do it."""

    keys: tuple[str, ...]
    words: str
    long_words: str
    group: str
    changing: bool
    active: ActiveBinding

    def matches(self, text: str) -> bool:
        """Whether all words of a filter occur in the line, or it is one of the keys."""
        haystack = f"{' '.join(self.keys)} {self.words} {self.long_words} {self.group}".lower()
        return text in self.keys or all(word in haystack for word in text.lower().split())


def entries_of(screen: Screen[object]) -> list[Entry]:
    """The entries of a screen: its active bindings, several keys of one thing together, by group."""
    found: dict[str, Entry] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        action = find(binding.id)
        if not binding.description or (binding.system and action is None):
            continue
        name = binding.id or binding.action
        keys = (*(found[name].keys if name in found else ()), key_name(key))
        words = action.words if action else binding.tooltip or binding.description
        group = binding.group.description if binding.group else "Other"
        found[name] = Entry(
            keys, words, action.long_words if action else "", group, bool(action and action.changing), active
        )
    rank = {group: number for number, group in enumerate(GROUPS)}
    return sorted(found.values(), key=lambda entry: rank.get(entry.group, len(rank)))


class HelpScreen(ModalScreen[None]):
    """Lists the entries, filters them while typing, and runs the chosen one.

    Args:
        entries: made by `entries_of` before this screen opened, so that they are the other screen's.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"help--key", "help--words", "help--group", *STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("pagedown", "move(8)", "Page down", show=False),
        Binding("pageup", "move(-8)", "Page up", show=False),
    ]

    def __init__(self, entries: list[Entry]) -> None:
        super().__init__()
        self._entries = entries
        self._listed: list[Entry | None] = []

    @classmethod
    def of(cls, screen: Screen[object]) -> HelpScreen:
        """The help of a screen."""
        return cls(entries_of(screen))

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Label("Keys", id="help-title", markup=False)
            yield Input(
                placeholder="filter · enter runs the entry · esc closes", compact=True, id="help-filter"
            )
            entries = OptionList(id="help-entries", markup=False, compact=True)
            entries.can_focus = False
            yield entries
            yield Static(id="help-about", markup=False)
            yield Static(id="help-legend", markup=False)

    def on_mount(self) -> None:
        self._list("")
        self.query_one(Input).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self.query_one("#help-legend", Static).update(self._legend()))

    def _legend(self) -> Content:
        """The glyphs and their words, a glyph never parted from its word."""
        width = self.query_one("#help-legend", Static).size.width
        lines: list[list[Content]] = [[]]
        taken = 0
        for look in LEGEND:
            style = self.get_visual_style(look.style, partial=True)
            part = Content.assemble((look.glyph, style), f" {look.word}")
            if taken + part.cell_length > width and lines[-1]:
                lines.append([])
                taken = 0
            lines[-1].append(part)
            taken += part.cell_length + 2
        return Content("\n").join([Content("  ").join(line) for line in lines])

    def _list(self, text: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        self._listed = []
        group = ""
        for entry in self._entries:
            if not entry.matches(text):
                continue
            if entry.group != group:
                group = entry.group
                heading = Content.styled(group, self.get_visual_style("help--group", partial=True))
                self._listed.append(None)
                options.add_option(Option(heading, disabled=True))
            self._listed.append(entry)
            options.add_option(Option(self._line(entry)))
        first = next((place for place, entry in enumerate(self._listed) if entry), None)
        options.highlighted = first
        if first is None:
            options.add_option(Option(Content("No key does that."), disabled=True))
        options.scroll_to(y=0, animate=False)

    def _line(self, entry: Entry) -> Content:
        key, words = (self.get_visual_style(f"help--{part}", partial=True) for part in ("key", "words"))
        keys = " ".join(entry.keys)
        return Content.assemble("  ", (f"{keys:<12}", key), " ", (entry.words, words))

    @on(OptionList.OptionHighlighted)
    def _say_more(self, event: OptionList.OptionHighlighted) -> None:
        entry = self._listed[event.option_index] if event.option_index < len(self._listed) else None
        self.query_one("#help-about", Static).update(entry.long_words if entry else "")

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self._list(event.value)

    @on(Input.Submitted)
    async def _run_highlighted(self) -> None:
        place = self.query_one(OptionList).highlighted
        if place is not None:
            await self._run(place)

    @on(OptionList.OptionSelected)
    async def _run_clicked(self, event: OptionList.OptionSelected) -> None:
        await self._run(event.option_index)

    async def _run(self, place: int) -> None:
        entry = self._listed[place] if place < len(self._listed) else None
        if entry is not None:
            self.dismiss()
            self.app.call_later(self.app.run_action, entry.active.binding.action, entry.active.node)

    def action_move(self, step: int) -> None:
        """Move the highlight while the filter keeps the focus."""
        options = self.query_one(OptionList)
        for _ in range(abs(step)):
            options.action_cursor_down() if step > 0 else options.action_cursor_up()

    def action_leave(self) -> None:
        """Close the help."""
        self.dismiss()
