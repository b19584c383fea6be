"""The head of a screen that shows one object: state and name, what went wrong, the times in short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.states import STYLES, Look
from tui.text import cut, cut_start, harmless, width_of
from tui.widgets.columns import Part
from tui.widgets.fact_list import BAD, DIM, STRONG, WARNING

MESSAGE_LINES = 3
"""A longer message goes on in the details."""


class Head(NamedTuple):
    """What the header says.

    Args:
        look: the state.
        name: stands out.
        place: at the right end, gives way first.
        message: prominent lines; may be empty.
        short: times and such, joined by dots.
        note: a word of warning at the right end.
    """

    look: Look
    name: str
    place: str = ""
    message: Sequence[Part] = ()
    short: Sequence[str] = ()
    note: str = ""


class ObjectHeader(Widget):
    """One line to five, as many as there is to say."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {BAD, DIM, STRONG, WARNING, *STYLES}
    DEFAULT_CSS = """
    ObjectHeader {
        height: auto;
        padding: 0 1;
        background: $surface;
        .fact-list--dim { color: $foreground 60%; }
        .fact-list--strong { text-style: bold; }
        .fact-list--bad { color: $text-error; }
        .fact-list--warning { color: $text-warning; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._head: Head | None = None
        self._height = 1

    def show(self, head: Head) -> None:
        """Say this instead; repaints only when it differs."""
        if head == self._head:
            return
        self._head = head
        height = len(self._lines(self.size.width))
        self.refresh(layout=height != self._height)
        self._height = height

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.size.width))

    def _styled(self, text: str, style: str, *, lines: bool = False) -> Content:
        clean = harmless(text, lines=lines)
        return Content.styled(clean, self.get_visual_style(style, partial=True)) if style else Content(clean)

    def _lines(self, width: int) -> list[Content]:
        width = max(width, 1)
        if self._head is None:
            return [Content("reading…").truncate(width)]
        lines = [self._title(self._head, width), *self._message(self._head.message, width)]
        short = " · ".join(self._head.short)
        return [*lines, self._styled(cut(harmless(short), width), DIM)] if short else lines

    def _title(self, head: Head, width: int) -> Content:
        state = self._styled(f"{head.look.glyph} {head.look.word}", head.look.style)
        note = f"  {head.note}" if head.note else ""
        name, place = harmless(head.name), harmless(head.place)
        room = width - state.cell_length - 2 - len(note)
        name = cut(name, max(room * 2 // 3, room - width_of(place) - 2))
        place = cut_start(place, max(0, room - width_of(name) - 2))
        gap = " " * max(1, room - width_of(name) - width_of(place))
        parts: list[Content | str] = [state, "  ", self._styled(name, STRONG), gap, self._styled(place, DIM)]
        return Content.assemble(*parts, self._styled(note, WARNING))

    def _message(self, parts: Sequence[Part], width: int) -> list[Content]:
        message = Content.assemble(*(self._styled(text, style, lines=True) for text, style in parts))
        if not message.plain:
            return []
        lines = message.wrap(width)
        if len(lines) > MESSAGE_LINES:
            lines = [*lines[: MESSAGE_LINES - 1], lines[MESSAGE_LINES - 1].truncate(width - 1).append("…")]
        return lines
