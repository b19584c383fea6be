"""The footer: the few keys that matter here, then help and quit, in one line that always fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from textual.binding import ActiveBinding
from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget

from tui.actions import find

ALWAYS = ("app.help", "app.quit")
"""Stand at the right end, and never give way."""

_KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "backslash": "\\",
    "asterisk": "*",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "enter": "↵",
    "escape": "esc",
    "space": "␣",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "full_stop": ".",
    "comma": ",",
    "ampersand": "&",
}


def key_name(key: str) -> str:
    """A key as people write it: `?` for `question_mark`, `^p` for `ctrl+p`, `G` for `upper_g`."""
    *modifiers, last = key.split("+")
    last = _KEY_NAMES.get(last, last.removeprefix("upper_").upper() if last.startswith("upper_") else last)
    prefix = "".join(
        {"ctrl": "^", "shift": "⇧", "alt": "⌥"}.get(modifier, modifier) for modifier in modifiers
    )
    return prefix + last


class Entry(NamedTuple):
    """One key in the footer."""

    name: str
    key: str
    label: str
    active: ActiveBinding

    @property
    def width(self) -> int:
        """Cells with the space between key and label."""
        return len(self.key) + 1 + len(self.label)


def entries_of(screen: Screen[object]) -> list[Entry]:
    """The footer's entries from the bindings that are active on a screen, in the order of its key map.

    Actions say their own short label; a widget's binding shows its description when it asks to be shown.
    """
    entries: dict[str, Entry] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        name, action = binding.id or binding.action, find(binding.id)
        label = action.footer if action else binding.description if binding.show else ""
        if not label or (binding.system and action is None):
            continue
        entry = Entry(name, key_name(key), label, active)
        if name not in entries or len(entry.key) < len(entries[name].key):
            entries[name] = entry
    return list(entries.values())


def choose(entries: list[Entry], width: int, gap: int = 2) -> tuple[list[Entry], list[Entry]]:
    """The entries that fit into `width` cells: those at the left, and help and quit at the right."""
    right = [entry for name in ALWAYS for entry in entries if entry.name == name]
    left = [entry for entry in entries if entry.name not in ALWAYS]
    room = width - sum(entry.width + gap for entry in right)
    chosen: list[Entry] = []
    for entry in left:
        room -= entry.width + gap
        if room < 0:
            break
        chosen.append(entry)
    return chosen, right


class FooterBar(Widget):
    """One line of keys; each can be clicked. `update_keys` is for a new key map, never for a cursor move."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer-bar--key", "footer-bar--label", "footer-bar--note"}

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []
        self._spots: list[tuple[int, int, ActiveBinding]] = []
        self.note = ""

    def on_mount(self) -> None:
        self.call_after_refresh(self.update_keys)

    def update_keys(self) -> None:
        """Read the keys again from the screen's bindings."""
        self._entries = entries_of(self.screen)
        self.refresh()

    def set_note(self, note: str) -> None:
        """A word at the right, before help and quit, such as `following`; empty for none."""
        if note != self.note:
            self.note = note
            self.refresh()

    def render(self) -> Content:
        width = self.size.width - 2
        note_width = len(self.note) + 2 if self.note else 0
        left, right = choose(self._entries, width - note_width)
        taken = sum(entry.width + 2 for entry in [*left, *right])
        gap = max(0, width - taken - note_width + 2)
        self._spots = []
        parts = [Content(" "), *self._keys(left, 1), Content(" " * gap)]
        x = 1 + sum(entry.width + 2 for entry in left) + gap
        if self.note:
            note = self.get_visual_style("footer-bar--note", partial=True)
            parts += [Content.styled(self.note, note), Content("  ")]
        return Content.assemble(*parts, *self._keys(right, x + note_width))

    def _keys(self, entries: list[Entry], x: int) -> Iterator[Content]:
        """Draw entries from cell `x` on, and remember where they are for clicks."""
        key, label = (self.get_visual_style(f"footer-bar--{part}", partial=True) for part in ("key", "label"))
        for entry in entries:
            yield Content.assemble((entry.key, key), " ", (entry.label, label), "  ")
            self._spots.append((x, x + entry.width, entry.active))
            x += entry.width + 2

    async def on_click(self, event: Click) -> None:
        """Run the action whose key was clicked."""
        for start, end, active in self._spots:
            if start <= event.x < end:
                await self.app.run_action(active.binding.action, active.node)
