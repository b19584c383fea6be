"""One line of tabs; each is chosen by its underlined letter, by the arrows, or with the mouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget


class Tab(NamedTuple):
    """A tab: its id, its label, and the letter of the label that chooses it (empty for none)."""

    id: str
    label: str
    letter: str = ""


class TabBar(Widget):
    """Shows which tab is chosen. The screen decides; a click asks by `Chosen`.

    Args:
        tabs: in order.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tab-bar--tab",
        "tab-bar--active",
        "tab-bar--letter",
        "tab-bar--count",
    }
    DEFAULT_CSS = """
    TabBar {
        height: 1;
        background: $surface;
        .tab-bar--tab { color: $foreground 70%; }
        .tab-bar--letter { color: $text-accent; text-style: underline; }
        .tab-bar--count { color: $foreground 50%; }
        .tab-bar--active { color: $foreground; background: $primary 30%; text-style: bold; }
    }
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, tabs: Sequence[Tab]) -> None:
        super().__init__()
        self.tabs = tabs
        self.active = tabs[0].id
        self._counts: Mapping[str, int] = {}
        self._spots: list[tuple[int, int, str]] = []

    def choose(self, tab: str) -> None:
        """Show another tab as the chosen one."""
        self.active = tab
        self.refresh()

    def set_counts(self, counts: Mapping[str, int]) -> None:
        """Numbers behind labels, by id; left out when there is no room."""
        if counts != self._counts:
            self._counts = dict(counts)
            self.refresh()

    def neighbour(self, steps: int) -> str:
        """The id of the tab that many steps away, going round."""
        ids = [tab.id for tab in self.tabs]
        return ids[(ids.index(self.active) + steps) % len(ids)]

    def render(self) -> Content:
        counts = self._counts if self._needed(self._counts) <= self.size.width else {}
        self._spots = []
        parts: list[Content] = []
        x = 0
        for tab in self.tabs:
            piece = self._piece(tab, counts.get(tab.id))
            self._spots.append((x, x + piece.cell_length, tab.id))
            x += piece.cell_length
            parts.append(piece)
        return Content.assemble(*parts)

    def _needed(self, counts: Mapping[str, int]) -> int:
        return sum(
            len(tab.label) + 2 + (len(f" {counts[tab.id]:,}") if tab.id in counts else 0) for tab in self.tabs
        )

    def _piece(self, tab: Tab, count: int | None) -> Content:
        look = {
            part: self.get_visual_style(f"tab-bar--{part}", partial=True)
            for part in ("tab", "letter", "count")
        }
        active = self.get_visual_style("tab-bar--active", partial=True)
        number = "" if count is None else f" {count:,}"
        if tab.id == self.active:
            return Content.styled(f" {tab.label}{number} ", active)
        before, letter, after = tab.label.partition(tab.letter) if tab.letter else (tab.label, "", "")
        pieces = ((f" {before}", "tab"), (letter, "letter"), (after, "tab"), (f"{number} ", "count"))
        return Content.assemble(*(Content.styled(text, look[part]) for text, part in pieces if text))

    def on_click(self, event: Click) -> None:
        """Choose the tab that was clicked."""
        for start, end, tab in self._spots:
            if start <= event.x < end:
                self.post_message(self.Chosen(tab))
