"""The virtual table: cursor, marks and range by key; only rows on screen are read; nothing jumps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from support.tui import settle, until
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tui.times import countdown
from tui.widgets.columns import CellContext, Column
from tui.widgets.virtual_table import CACHED_ROWS, KeyList, VirtualTable

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
COLUMNS: tuple[Column[str], ...] = (
    Column("mark", "", lambda row, context: [], 1),
    Column("name", "Name", lambda row, context: [(row, "")], 10, share=1, gap=1, sort="name"),
    Column(
        "left", "Left", lambda row, context: [_left(row, context)], 8, align="right", sort="left", live=True
    ),
)


def _left(row: str, context: CellContext) -> tuple[str, str]:
    return countdown(NOW + timedelta(minutes=5), context.now), ""


class TableApp(App[None]):
    """Holds a table of `count` rows called `row 0`, `row 1`..."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.names = {key: f"row {key}" for key in range(count)}
        self.reads: list[list[int]] = []
        self.present = NOW
        self.gate = threading.Event()
        self.gate.set()
        self.failures: list[Exception] = []
        self.broken = False
        self.table: VirtualTable[int, str] = VirtualTable(
            COLUMNS, self.read_rows, now=lambda: self.present, fail=self.failures.append, id="table"
        )
        self.opened: list[object] = []
        self.sorts: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.focus()
        self.table.set_keys(KeyList.of(list(self.names)))

    def read_rows(self, keys: Sequence[int]) -> dict[int, str]:
        self.gate.wait(10)
        self.reads.append(list(keys))
        if self.broken:
            raise OSError("the disk is gone")
        return {key: self.names[key] for key in keys if key in self.names}

    def on_row_keys_row_opened(self, event: VirtualTable.RowOpened) -> None:
        self.opened.append(event.key)

    def on_virtual_table_sort_requested(self, event: VirtualTable.SortRequested) -> None:
        self.sorts.append(event.sort)

    def line(self, y: int) -> str:
        return self.table.render_line(y).text.rstrip()

    def lines(self) -> list[str]:
        return [self.line(y) for y in range(self.table.size.height)]


Case = Callable[[TableApp, Pilot[None]], object]


async def run(count: int, case: Case, size: tuple[int, int] = (40, 11)) -> None:
    app = TableApp(count)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await case(app, pilot)


async def test_only_the_rows_on_screen_and_a_page_more_are_read() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        assert app.line(0) == "  Name                            Left"
        assert app.line(1) == "  row 0                          in 5m"
        assert {key for keys in app.reads for key in keys} == set(range(20))
        await pilot.press("G")
        await settle(pilot)
        assert app.line(10).startswith("  row 99999")
        assert len({key for keys in app.reads for key in keys}) < 80

    await run(100_000, case)


async def test_the_cursor_moves_by_rows_pages_and_to_the_ends() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        for key, place in [
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", 10), ("ctrl+d", 15),
            ("ctrl+u", 10), ("pageup", 0), ("G", 49), ("g", 0), ("end", 49), ("down", 49), ("home", 0),
            ("ctrl+f", 10), ("ctrl+b", 0),
        ]:  # fmt: skip
            await pilot.press(key)
            assert app.table.cursor_place == place, key
        await pilot.press("enter")
        assert app.opened == [0]

    await run(50, case)


async def test_marks_and_ranges() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        table = app.table
        assert table.targets() == [0]
        await pilot.press("space", "down", "space")
        assert table.targets() == [0, 2]
        assert app.line(1).startswith("▌")
        await pilot.press("space")
        assert table.targets() == [0, 2, 3]
        await pilot.press("backslash", "v", "down", "down")
        assert table.in_range
        assert table.targets() == [4, 5, 6]
        await pilot.press("v", "G")
        assert table.targets() == [4, 5, 6]
        await pilot.press("v", "up", "space")
        assert table.targets() == [4, 5, 6, 48, 49]
        await pilot.press("asterisk")
        assert len(table.targets()) == 50
        await pilot.press("backslash")
        assert table.marks == set()
        await pilot.press("v", "up")
        assert table.leave_range()
        assert not table.leave_range()
        assert table.targets() == [47]

    await run(50, case)


async def test_cursor_marks_and_range_stay_on_their_objects() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        table = app.table
        await pilot.press("pagedown", "space", "v")
        assert (table.cursor_key, table.marks, table.selection.anchor) == (11, {10}, 11)
        line = table.cursor_place - table.scroll_offset.y
        table.set_keys(KeyList.of(list(range(49, -1, -1))))
        await settle(pilot)
        assert (table.cursor_key, table.marks, table.selection.anchor) == (11, {10}, 11)
        assert table.cursor_place == 38
        assert table.cursor_place - table.scroll_offset.y == line
        table.set_keys(KeyList.of([3, 11, 40]))
        assert (table.cursor_key, table.marks) == (11, {10})
        assert table.targets() == [11, 10]
        table.set_keys(KeyList.of([3, 40]))
        assert table.cursor_key == 40
        assert not table.in_range
        assert table.marks == {10}
        table.set_keys(KeyList.of([3, 40]), complete=True)
        assert table.marks == set()

    await run(50, case)


async def test_rows_above_the_cursor_that_come_and_go_do_not_move_the_picture() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        await pilot.press(*["pagedown"] * 3)
        await settle(pilot)
        before = app.lines()
        app.names.update({key: f"row {key}" for key in range(100, 105)})
        app.table.set_keys(KeyList.of([*range(100, 105), *range(50)]))
        await settle(pilot)
        assert app.lines() == before

    await run(50, case)


async def test_at_the_top_of_the_list_what_comes_in_above_shows() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        await pilot.press("down")
        app.names.update({key: f"row {key}" for key in range(100, 108)})
        app.table.set_keys(KeyList.of([*range(100, 108), *range(50)]))
        await settle(pilot)
        assert app.line(1).strip().startswith("row 100")
        assert (app.table.cursor_key, app.table.cursor_place) == (1, 9)
        assert app.line(10).strip().startswith("row 1 ")
        app.names[108] = "row 108"
        app.table.set_keys(KeyList.of([*range(100, 109), *range(50)]))  # the cursor would leave the screen
        await settle(pilot)
        assert app.line(10).strip().startswith("row 1 ")

    await run(50, case)


async def test_the_list_can_become_empty_and_full_again() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_keys(KeyList.of([]))
        await pilot.press("down", "space", "v", "enter", "asterisk")
        assert app.table.cursor_key is None
        assert app.table.targets() == []
        assert app.opened == []
        app.table.set_keys(KeyList.of([7, 8]))
        await settle(pilot)
        assert app.table.cursor_key == 7
        assert app.line(1).startswith("  row 7")

    await run(9, case)


async def test_a_change_repaints_its_row_and_a_deleted_one_is_forgotten() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        app.names[3] = "renamed"
        del app.names[4]
        app.table.refresh_rows()
        await settle(pilot)
        assert app.line(4).startswith("  renamed")
        assert app.table.row_of(4) is None

    await run(50, case)


async def test_rows_read_long_ago_are_read_again_when_they_come_back_on_screen() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        await pilot.press("G")
        await settle(pilot)
        app.names[0] = "changed meanwhile"
        app.table.refresh_rows()
        await settle(pilot)
        await pilot.press("g")
        await settle(pilot)
        assert app.line(1).startswith("  changed meanwhile")

    await run(500, case)


async def test_placeholders_are_drawn_while_the_disk_is_slow() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        app.gate.clear()
        await pilot.press("G")
        assert app.line(5).startswith("  ········")
        await pilot.press("g")
        assert app.line(1).startswith("  row 0")
        await pilot.press("G")
        app.gate.set()
        await settle(pilot)
        assert app.line(10).startswith("  row 999")

    await run(1000, case)


async def test_a_failed_read_is_reported_and_the_next_one_works() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        app.broken = True
        await pilot.press("G")
        await until(pilot, lambda: bool(app.failures))
        assert str(app.failures[0]) == "the disk is gone"
        app.broken = False
        app.table.refresh_rows()
        await settle(pilot)
        assert app.line(10).startswith("  row 999")

    await run(1000, case)


async def test_countdowns_are_repainted_only_when_they_read_differently() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        repainted: list[int] = []
        original = app.table._refresh_place
        app.table._refresh_place = lambda place: (repainted.append(place), original(place))[1]  # type: ignore[method-assign, func-returns-value]
        app.present = NOW + timedelta(milliseconds=200)
        app.table.tick()
        assert repainted == list(range(10))
        assert [line[-5:] for line in app.lines()[1:]] == ["in 4m"] * 10
        repainted.clear()
        app.present = NOW + timedelta(seconds=30)
        app.table.tick()
        assert repainted == []
        app.present = NOW + timedelta(minutes=4, seconds=20)
        app.table.tick()
        assert repainted == list(range(10))
        assert app.line(1).endswith("in 40s")

    await run(50, case)


async def test_the_mouse_moves_marks_opens_and_sorts() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        await pilot.click("#table", offset=(6, 4))
        assert app.table.cursor_key == 3
        await pilot.click("#table", offset=(0, 6))
        assert app.table.targets() == [5]
        await pilot.click("#table", offset=(6, 2), times=2)
        assert app.opened == [1]
        await pilot.click("#table", offset=(4, 0))
        await pilot.click("#table", offset=(36, 0))
        assert app.sorts == ["name", "left"]

    await run(50, case)


async def test_a_sorted_column_has_an_arrow() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_sorted_by("name", False)
        assert app.line(0).startswith("  Name▲")
        app.table.set_sorted_by("left", True)
        assert app.line(0).endswith("▼Left")

    await run(5, case)


async def test_resizing_keeps_the_cursor_in_sight() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        await pilot.press("pagedown")
        for size in [(30, 5), (12, 3), (100, 40), (40, 11)]:
            await pilot.resize_terminal(*size)
            await settle(pilot)
            top = app.table.scroll_offset.y
            assert top <= app.table.cursor_place < top + app.table.page_rows

    await run(50, case)


async def test_memory_holds_no_more_rows_than_a_few_screens() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        for place in range(0, 9000, 300):
            app.table.move_to(place)
            await pilot.pause()
        await settle(pilot)
        assert len(app.table._rows) <= CACHED_ROWS + 100

    await run(9000, case, size=(40, 101))


async def test_a_key_press_at_a_hundred_thousand_rows_costs_less_than_a_frame() -> None:
    async def case(app: TableApp, pilot: Pilot[None]) -> None:
        spent: list[float] = []
        for key in ["pagedown", "down", "space", "G", "up", "g"] * 10:
            started = time.process_time()
            await pilot.press(key)
            spent.append(time.process_time() - started)
        assert sorted(spent)[int(len(spent) * 0.9)] < 0.033

    await run(100_000, case, size=(140, 40))
