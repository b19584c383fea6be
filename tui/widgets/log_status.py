"""The line between a log and the footer: following or not, how much there is, what is looked for."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from tui.text import cut, harmless, plural
from tui.widgets.log_view import LogView


class LogStatus(Widget):
    """One line about a `LogView`; call `refresh` when the view or the note changed.

    Args:
        view: the log view it speaks about.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log-status--follow", "log-status--left", "log-status--note"}
    DEFAULT_CSS = """
    LogStatus {
        height: 1;
        background: $panel;
        color: $foreground 60%;
        padding: 0 1;
        .log-status--follow { color: $text-success; }
        .log-status--left { color: $text-warning; text-style: bold; }
        .log-status--note { color: $text-accent; }
    }
    """

    def __init__(self, view: LogView) -> None:
        super().__init__()
        self._view = view
        self.note = ""
        """What goes on or what was found: `reading 40,000 earlier lines`, `no line matches x`."""
        self.ended = False
        """Whether no more lines will come."""

    def set_note(self, note: str) -> None:
        """Say what goes on; empty for nothing."""
        if note != self.note:
            self.note = note
            self.refresh()

    def _following(self) -> tuple[str, str]:
        view = self._view
        if self.ended and (view.follow or not view.unseen):
            return "", "end of log" if view.follow else "G to the end"
        if view.follow:
            return "follow", "● following"
        below = f"{view.unseen:,} new below" if view.unseen else "not following"
        return "left", f"◌ {below} · G follows"

    def _counts(self) -> str:
        view = self._view
        total = len(view.lines)
        if view.filter:
            words = f"{view.layout_map.rows:,} of {plural(total, 'line')} · & {harmless(view.filter.text)}"
        else:
            words = plural(total, "line")
        return words

    def _modes(self) -> str:
        view = self._view
        modes = [] if view.pattern is None else [f"/{harmless(view.pattern.pattern)}"]
        modes += ["wrap"] if view.wrap else []
        modes += {"time": [], "relative": ["times from start"], "off": ["no times"]}[view.timestamps]
        return " · ".join(modes)

    def _where(self) -> str:
        view = self._view
        height, lines = view.scrollable_content_region.height, view.layout_map.lines
        if lines <= height:
            return ""
        last = min(view.scroll_offset.y + height, lines)
        return f"{last * 100 // lines}%"

    def render(self) -> Content:
        style, following = self._following()
        look = self.get_visual_style(f"log-status--{style}", partial=True) if style else ""
        where = self._where()
        room = self.size.width - len(where) - 1
        middle = [self._counts(), self._modes()]
        note = self.note
        parts = [Content.styled(following, look)]
        if note:
            parts.append(
                Content.styled(harmless(note), self.get_visual_style("log-status--note", partial=True))
            )
        parts += [Content(words) for words in middle if words]
        line = Content("  ").join(parts)
        if line.cell_length > room:
            line = Content("  ").join([*parts[:-1], Content("")]) if len(parts) > 2 else line
            line = line.truncate(room, ellipsis=True)
        gap = max(0, self.size.width - line.cell_length - len(where))
        return Content.assemble(line, " " * gap, cut(where, 5))
