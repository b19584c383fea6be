"""The keys of a virtual table: moving the cursor and marking rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.widgets.selection import Selection

if TYPE_CHECKING:
    from textual.widget import Widget

    _Base = Widget
else:
    _Base = object

KeyT = TypeVar("KeyT", bound=Hashable)

_MOVE = Binding.Group("Move")
_MARK = Binding.Group("Marks")
_GO = Binding.Group("Go")


def _bind(keys: str, action: str, words: str, name: str, group: Binding.Group, footer: str = "") -> Binding:
    return Binding(
        keys, action, footer or words, show=bool(footer), tooltip=words, group=group, id=f"table.{name}"
    )


ROW_BINDINGS: list[BindingType] = [
    _bind("enter", "open", "Open the row", "open", _GO, footer="open"),
    _bind("space", "mark", "Mark or unmark the row", "mark", _MARK, footer="mark"),
    _bind("v", "range", "Begin a range, or mark it", "range", _MARK),
    _bind("asterisk", "mark_all", "Mark all that match", "mark_all", _MARK),
    _bind("backslash", "clear_marks", "Clear all marks", "clear_marks", _MARK),
    _bind("up,k", "cursor(-1)", "Up", "up", _MOVE),
    _bind("down,j", "cursor(1)", "Down", "down", _MOVE),
    _bind("pageup,ctrl+b", "page(-1)", "Page up", "page_up", _MOVE),
    _bind("pagedown,ctrl+f", "page(1)", "Page down", "page_down", _MOVE),
    _bind("ctrl+u", "half(-1)", "Half a page up", "half_up", _MOVE),
    _bind("ctrl+d", "half(1)", "Half a page down", "half_down", _MOVE),
    _bind("home,g", "first", "First row", "first", _MOVE),
    _bind("end,G", "last", "Last row", "last", _MOVE),
]


class RowKeys(Generic[KeyT], _Base):
    """Mixin with the actions of `ROW_BINDINGS`. The host is the table; what it gives stands first."""

    MARKING: ClassVar[frozenset[str]] = frozenset({"mark", "range", "mark_all", "clear_marks"})

    class RowOpened(Message):
        """Enter or a double click on a row."""

        def __init__(self, key: object) -> None:
            self.key = key
            super().__init__()

    class MarksChanged(Message):
        """Other rows are marked than before."""

    selection: Selection[KeyT]
    markable: bool

    @property
    def keys(self) -> Sequence[KeyT]:
        """All keys in order."""
        raise NotImplementedError

    @property
    def places(self) -> Mapping[KeyT, int]:
        """Where each key stands."""
        raise NotImplementedError

    @property
    def page_rows(self) -> int:
        """Rows on screen."""
        raise NotImplementedError

    @property
    def cursor_place(self) -> int:
        """Which row the cursor is on, from 0."""
        raise NotImplementedError

    def move_to(self, place: int) -> None:
        """Put the cursor on a row; places beyond the ends mean the ends."""
        raise NotImplementedError

    # --- what follows from it

    @property
    def cursor_key(self) -> KeyT | None:
        """The key under the cursor; null when the table is empty."""
        return self.keys[self.cursor_place] if self.keys else None

    @property
    def marks(self) -> set[KeyT]:
        """Marked keys, those that a filter hides too. Not to be changed."""
        return self.selection.marks

    @property
    def in_range(self) -> bool:
        """Whether a range was begun with `v`."""
        return self.selection.anchor is not None

    def targets(self) -> list[KeyT]:
        """What an action acts on: the marked rows in order (hidden ones last), else the cursor's row."""
        chosen = self.selection.chosen(self.places, self.keys, self.cursor_place)
        if chosen:
            places, last = self.places, len(self.places)
            return sorted(chosen, key=lambda key: places.get(key, last))
        return [] if self.cursor_key is None else [self.cursor_key]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A table without marks has no marking keys either."""
        if action in self.MARKING:
            return self.markable
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_key is not None:
            self.post_message(self.RowOpened(self.cursor_key))

    def action_cursor(self, step: int) -> None:
        """Move by rows."""
        self.move_to(self.cursor_place + step)

    def action_page(self, pages: int) -> None:
        """Move by pages."""
        self.move_to(self.cursor_place + pages * self.page_rows)

    def action_half(self, halves: int) -> None:
        """Move by half pages."""
        self.move_to(self.cursor_place + halves * max(1, self.page_rows // 2))

    def action_first(self) -> None:
        """Go to the first row."""
        self.move_to(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.move_to(len(self.keys) - 1)

    def action_mark(self) -> None:
        """Mark or unmark the row and go on to the next; during a range, mark the range."""
        if self.cursor_key is None:
            return
        if self.in_range:
            self.action_range()
            return
        self.selection.toggle(self.cursor_key)
        self.marks_changed()
        self.action_cursor(1)

    def action_range(self) -> None:
        """Begin a range at the cursor, or mark the one that was begun."""
        if self.cursor_key is None:
            return
        if self.in_range:
            self.selection.end_range(self.places, self.keys, self.cursor_place)
        else:
            self.selection.anchor = self.cursor_key
        self.marks_changed()

    def action_mark_all(self) -> None:
        """Mark all rows of the list, those that are not on screen too."""
        self.selection.anchor = None
        self.selection.marks |= self.places.keys()
        self.marks_changed()

    def action_clear_marks(self) -> None:
        """Unmark everything, and leave the range."""
        self.selection.clear()
        self.marks_changed()

    def leave_range(self) -> bool:
        """Give up a range that was begun; false when there is none."""
        begun = self.in_range
        self.selection.anchor = None
        if begun:
            self.marks_changed()
        return begun

    def marks_changed(self) -> None:
        """Repaint, and tell."""
        self.refresh()
        self.post_message(self.MarksChanged())
