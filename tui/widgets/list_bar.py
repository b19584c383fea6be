"""The line above a list: what it is, how many, in what order, filtered by what, how many are marked."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from tui.text import cut, harmless


class ListBar(Widget):
    """One line. `show` takes all it says; `set_place` only the cursor's place, for cursor moves.

    Args:
        title: what the list holds.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "list-bar--title",
        "list-bar--count",
        "list-bar--filter",
        "list-bar--marks",
        "list-bar--dim",
    }

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._count: int | None = None
        self._place = 0
        self._filter = ""
        self._order = ""
        self._marks = ""

    def show(
        self,
        *,
        count: int,
        filter_text: str,
        order: str,
        marked: int,
        hidden: int,
        in_range: bool,
        place: int,
    ) -> None:
        """Say all of it.

        Args:
            count: rows in the list.
            filter_text: what the list is filtered by.
            order: e.g. `↑ name`.
            marked: marked rows, hidden ones too.
            hidden: marked rows that the filter hides.
            in_range: a range was begun.
            place: the cursor's row, from 0.
        """
        self._count, self._place = count, place
        self._filter, self._order = filter_text, order
        self._marks = f"{marked:,} marked" if marked else ""
        if hidden:
            self._marks += f" ({hidden:,} hidden by the filter)"
        if in_range:
            self._marks += " · v marks the range"
        self.refresh()

    def set_place(self, place: int) -> None:
        """The cursor moved."""
        if place != self._place:
            self._place = place
            self.refresh()

    def render(self) -> Content:
        styles = {
            part: self.get_visual_style(f"list-bar--{part}", partial=True)
            for part in ("title", "count", "filter", "marks", "dim")
        }
        room = self.size.width - 2
        parts = [Content.styled(self._title, styles["title"]), Content(" ")]
        if self._count is None:
            parts.append(Content.styled("reading…", styles["dim"]))
            return Content.assemble(" ", *parts)
        parts.append(Content.styled(f"{self._count:,}", styles["count"]))
        right = Content.styled(f"{self._order}   {self._where()}", styles["dim"])
        room -= sum(part.cell_length for part in parts) + right.cell_length
        for words, style in ((self._marks, "marks"), (f"/{self._filter}" if self._filter else "", "filter")):
            if words and room > 6:
                shown = cut(harmless(words), room - 3)
                parts += [Content("  "), Content.styled(shown, styles[style])]
                room -= parts[-1].cell_length + 2
        return Content.assemble(" ", *parts, Content(" " * max(1, room)), right)

    def _where(self) -> str:
        """The cursor's row of all, `12/40`."""
        return f"{self._place + 1:,}/{self._count:,}" if self._count else "0/0"
