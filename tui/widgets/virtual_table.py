"""A table of any length: it holds keys, and reads and draws only the rows on screen.

Textual's DataTable freezes for seconds at 10,000 rows (STYLE.md); this one is line API, so a key press costs
the same at 100,000 rows as at ten. Cursor, marks and range are kept by key: a refresh, a sort or a filter
never moves them to another object.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Generic, NamedTuple, TypeVar

from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.live import LatestRead
from tui.states import STYLES
from tui.widgets.columns import Cell, Column
from tui.widgets.painter import CURSOR, CURSOR_BLURRED, MARKED, Painter
from tui.widgets.row_keys import ROW_BINDINGS, RowKeys
from tui.widgets.selection import Selection

KeyT = TypeVar("KeyT", bound=Hashable)
RowT = TypeVar("RowT")

CACHED_ROWS = 2000
"""Rows kept in memory at most; far more than any terminal shows."""

HEADER_LINES = 1

_KINDS = ("", CURSOR, CURSOR_BLURRED, MARKED)


class KeyList(NamedTuple, Generic[KeyT]):
    """Keys in order, and where each stands. Make it in the reading thread with `of`: 100,000 take 15 ms."""

    keys: list[KeyT]
    places: dict[KeyT, int]

    @classmethod
    def of(cls, keys: list[KeyT]) -> KeyList[KeyT]:
        """The list of `keys`, which must be unique."""
        return cls(keys, {key: place for place, key in enumerate(keys)})


class _Asked(NamedTuple, Generic[KeyT]):
    """Rows to read; those read before the last `refresh_rows` may be shown but are not fresh."""

    keys: list[KeyT]
    generation: int


class VirtualTable(RowKeys[KeyT], ScrollView, Generic[KeyT, RowT], can_focus=True):
    """The table. Give it keys with `set_keys`; it asks `read_rows` for what is on screen, in a thread.

    Args:
        columns: all columns, in order; the widget's width decides which are shown.
        read_rows: answers the rows of some keys; called in a thread; keys that are gone may be absent.
        now: the present, for cells that count down.
        fail: told on the loop when `read_rows` raised.
        markable: whether rows can be marked.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--header",
        "virtual-table--sorted",
        "virtual-table--cursor",
        "virtual-table--cursor-blurred",
        "virtual-table--marked",
        "virtual-table--mark",
        "virtual-table--strong",
        "virtual-table--dim",
        "virtual-table--accent",
        "virtual-table--warning",
        *STYLES,
    }
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = ROW_BINDINGS

    class CursorMoved(Message):
        """The cursor stands on another object (null: the table is empty), or that object changed."""

        def __init__(self, key: object | None) -> None:
            self.key = key
            super().__init__()

    class SortRequested(Message):
        """A header was clicked."""

        def __init__(self, sort: str) -> None:
            self.sort = sort
            super().__init__()

    def __init__(
        self,
        columns: Sequence[Column[RowT]],
        read_rows: Callable[[Sequence[KeyT]], Mapping[KeyT, RowT]],
        *,
        now: Callable[[], datetime],
        fail: Callable[[Exception], None],
        markable: bool = True,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.markable = markable
        self._list: KeyList[KeyT] = KeyList([], {})
        self._rows: dict[KeyT, RowT] = {}
        self._fresh: set[KeyT] = set()
        self.selection: Selection[KeyT] = Selection()
        self._cursor = 0
        self._sorted_by = ("", False)
        self._strips: dict[tuple[KeyT, str], Strip] = {}
        self._live_cells: dict[KeyT, tuple[Cell, ...]] = {}
        self._painter = Painter(
            self, columns, now, lambda: getattr(self.app, "zone", None), markable=markable
        )
        self._generation = 0
        self._reader: LatestRead[_Asked[KeyT], Mapping[KeyT, RowT]] = LatestRead(
            self, lambda asked: read_rows(asked.keys), self._take_rows, fail, keep_stale=True
        )

    # --- what it holds

    @property
    def keys(self) -> list[KeyT]:
        """All keys in order. Not to be changed."""
        return self._list.keys

    @property
    def places(self) -> Mapping[KeyT, int]:
        """Where each key stands. Not to be changed."""
        return self._list.places

    @property
    def cursor_row(self) -> RowT | None:
        """The row under the cursor; null when there is none or it is not read yet."""
        key = self.cursor_key
        return None if key is None else self._rows.get(key)

    @property
    def cursor_place(self) -> int:
        """Which row the cursor is on, from 0."""
        return self._cursor

    def row_of(self, key: KeyT) -> RowT | None:
        """The row of a key, if it is in memory."""
        return self._rows.get(key)

    def set_keys(
        self, new: KeyList[KeyT], *, complete: bool = False, rows: Mapping[KeyT, RowT] | None = None
    ) -> None:
        """Show these keys. The cursor stays on its object; if that is gone, on the same line.

        Its line stays where it is on the screen too, except at the top of the list: there what comes in above
        shows, as long as the cursor does.

        Args:
            new: keys in order with their places.
            complete: these are all objects there are, so marks of others are of deleted ones and go.
            rows: some of their rows, read together with the keys, so that no second read is needed.
        """
        key, offset = self.cursor_key, self._cursor - self._top
        self._list = new
        place = new.places.get(key) if key is not None else None
        self._cursor = max(0, min(self._cursor, len(new.keys) - 1)) if place is None else place
        if self.selection.keep_existing(new.places, complete=complete):
            self.post_message(self.MarksChanged())
        self.virtual_size = Size(self.line_width, len(new.keys) + HEADER_LINES)
        stays_at_top = self._top == 0 and place is not None and place < self.page_rows
        if place is not None and 0 <= offset < self.page_rows and not stays_at_top:
            self._scroll_to_row(place - offset)
        self._show_cursor()
        self.refresh()
        self._begin_generation(rows or {})
        if self.cursor_key != key:
            self.post_message(self.CursorMoved(self.cursor_key))

    def refresh_rows(self) -> None:
        """Read the rows on screen again; the old ones stay until the reply, then changed lines repaint."""
        self._begin_generation({})

    def _begin_generation(self, rows: Mapping[KeyT, RowT]) -> None:
        """From now on rows are fresh only when they are among these or read after this."""
        self._generation += 1
        self._fresh.clear()
        self._take_rows(_Asked(list(rows), self._generation), rows)

    def set_sorted_by(self, sort: str, descending: bool) -> None:
        """Show an arrow at the column of this sort."""
        self._sorted_by = (sort, descending)
        self.refresh()

    def put_cursor_on(self, key: KeyT) -> bool:
        """Move the cursor to a key; false when it is not in the list."""
        place = self._list.places.get(key)
        if place is None:
            return False
        self.move_to(place)
        return True

    # --- the visible window

    @property
    def page_rows(self) -> int:
        """Rows on screen."""
        return max(1, self.size.height - HEADER_LINES)

    @property
    def line_width(self) -> int:
        """Cells of a line beside the scrollbar."""
        return self.scrollable_content_region.width

    @property
    def _top(self) -> int:
        return self.scroll_offset.y

    def _visible(self) -> range:
        return range(self._top, min(self._top + self.page_rows, len(self.keys)))

    def _ask(self) -> None:
        """Read what is on screen and not fresh, with a page more at both ends."""
        if not self.is_mounted or not self.keys:
            return
        visible, fresh, keys = self._visible(), self._fresh, self.keys
        if all(keys[place] in fresh for place in visible):
            return
        window = range(max(0, visible.start - self.page_rows), min(len(keys), visible.stop + self.page_rows))
        wanted = [keys[place] for place in window if keys[place] not in fresh]
        self._reader.ask(_Asked(wanted, self._generation))

    def _take_rows(self, asked: _Asked[KeyT], rows: Mapping[KeyT, RowT]) -> None:
        if asked.generation == self._generation:
            self._fresh.update(asked.keys)
        moved = False
        for key in asked.keys:
            row, old = rows.get(key), self._rows.get(key)
            if row == old:
                continue
            if row is None:
                del self._rows[key]
            else:
                self._rows[key] = row
            self._forget_strips(key)
            self._refresh_key(key)
            moved = moved or key == self.cursor_key
        self._shrink(asked.keys)
        self._ask()
        if moved:
            self.post_message(self.CursorMoved(self.cursor_key))

    def _shrink(self, keep: Sequence[KeyT]) -> None:
        if len(self._rows) > CACHED_ROWS:
            kept = set(keep)
            for key in [key for key in self._rows if key not in kept]:
                del self._rows[key]
                self._fresh.discard(key)
                self._forget_strips(key)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._ask()

    def on_resize(self, event: Resize) -> None:
        self._fit_columns()
        self.virtual_size = Size(self.line_width, len(self.keys) + HEADER_LINES)
        self._show_cursor()
        self._ask()

    def on_mount(self) -> None:
        self._ask()

    # --- moving and marking

    def _scroll_to_row(self, row: int) -> None:
        self.scroll_to(y=max(0, row), animate=False, force=True)

    def _show_cursor(self) -> None:
        if self._cursor < self._top:
            self._scroll_to_row(self._cursor)
        elif self._cursor >= self._top + self.page_rows:
            self._scroll_to_row(self._cursor - self.page_rows + 1)

    def move_to(self, place: int) -> None:
        """Put the cursor on a row; places beyond the ends mean the ends."""
        place = max(0, min(place, len(self.keys) - 1))
        if place == self._cursor or not self.keys:
            return
        old, self._cursor = self._cursor, place
        if self.in_range:
            self.refresh()
            self.post_message(self.MarksChanged())
        else:
            self._refresh_place(old)
            self._refresh_place(place)
        self._show_cursor()
        self.post_message(self.CursorMoved(self.cursor_key))

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < HEADER_LINES:
            self._click_header(offset.x)
            return
        place = self._top + offset.y - HEADER_LINES
        if place >= len(self.keys):
            return
        self.move_to(place)
        if self.markable and self._painter.placed and offset.x <= self._painter.placed[0].width:
            self.selection.toggle(self.keys[place])
            self.marks_changed()
        elif event.chain == 2:
            self.action_open()

    def _click_header(self, x: int) -> None:
        column = self._painter.column_at(x)
        if column is not None and column.sort:
            self.post_message(self.SortRequested(column.sort))

    # --- drawing

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        self._painter.forget_styles()

    def tick(self) -> None:
        """Repaint the rows on screen whose countdown reads differently now."""
        for place in self._visible():
            key = self.keys[place]
            row, shown = self._rows.get(key), self._live_cells.get(key)
            if row is not None and shown is not None and shown != self._painter.live_cells(row):
                self._forget_strips(key)
                self._refresh_place(place)

    def _fit_columns(self) -> None:
        width = self.line_width
        if width != self._painter.width:
            self._painter.place(width)
            self._strips.clear()
            self._live_cells.clear()

    def _forget_strips(self, key: KeyT) -> None:
        self._live_cells.pop(key, None)
        for kind in _KINDS:
            self._strips.pop((key, kind), None)
            self._strips.pop((key, kind + "+"), None)

    def _refresh_place(self, place: int) -> None:
        y = place - self._top + HEADER_LINES
        if HEADER_LINES <= y < self.size.height:
            self.refresh(Region(0, y, self.line_width, 1))

    def _refresh_key(self, key: KeyT) -> None:
        place = self._list.places.get(key)
        if place is not None:
            self._refresh_place(place)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._fit_columns()  # the first picture is made before the event that tells of the size
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        if y < HEADER_LINES:
            return self._painter.header(*self._sorted_by)
        place = self._top + y - HEADER_LINES
        return self._row_strip(place) if place < len(self.keys) else self._painter.blank()

    def _row_strip(self, place: int) -> Strip:
        key = self.keys[place]
        marked = self.selection.is_marked(key, place, self._list.places, self._cursor)
        kind = self._kind(place == self._cursor, marked)
        name = (key, kind + "+" if marked else kind)
        strip = self._strips.get(name)
        if strip is None:
            row = self._rows.get(key)
            strip = self._painter.row(row, kind, marked=marked)
            if row is not None:
                self._strips[name] = strip
                self._live_cells[key] = self._painter.live_cells(row)
        return strip

    def _kind(self, at_cursor: bool, marked: bool) -> str:
        if at_cursor:
            return CURSOR if self.has_focus else CURSOR_BLURRED
        return MARKED if marked else ""
