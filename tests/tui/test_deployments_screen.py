"""The deployments list: every key of its table in the help, the refusals, and what happens live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from support.fake_backend import FakeBackend, make_id
from support.tui import NOON, make_app, make_backend, sample_rows, settle, until
from textual.pilot import Pilot

from store.clock import FrozenClock
from store.errors import Refused
from store.schemas import Holder
from tui.app import SluiceApp
from tui.screens.deployments import DeploymentsScreen
from tui.screens.dialogs import QuestionDialog
from tui.widgets.empty_state import EmptyState
from tui.widgets.list_bar import ListBar
from tui.widgets.virtual_table import VirtualTable

Case = Callable[["Seen"], Awaitable[None]]


class Seen:
    """The app in a test, and what can be seen of it."""

    def __init__(self, app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        self.app = app
        self.backend = backend
        self.pilot = pilot

    @property
    def screen(self) -> DeploymentsScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, DeploymentsScreen)
        return screen

    @property
    def table(self) -> VirtualTable[UUID, object]:
        return self.screen.table

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await settle(self.pilot)

    def name_at_cursor(self) -> str:
        key = self.table.cursor_key
        assert key is not None
        return self.backend.rows[key].full_name

    def bar(self) -> str:
        return " ".join(self.screen.query_one(ListBar).render().plain.split())

    def said(self) -> list[str]:
        return [notification.message for notification in self.app._notifications]

    def footer(self) -> str:
        return " ".join(self.screen.query_one("FooterBar").render().plain.split())  # type: ignore[union-attr]

    def lines(self) -> list[str]:
        return [self.table.render_line(y).text.rstrip() for y in range(self.table.size.height)]


async def see(
    case: Case, *, count: int = 40, read_only: bool = False, size: tuple[int, int] = (80, 24)
) -> None:
    backend = make_backend(FrozenClock(NOON), count)
    app = make_app(backend, read_only=read_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        await case(Seen(app, backend, pilot))


async def test_the_list_is_composed_at_eighty_columns() -> None:
    async def case(seen: Seen) -> None:
        lines = seen.lines()
        assert len(lines) == 21
        assert lines[0].split()[:3] == ["Deployment▲", "Schedule", "Next"]
        assert all(len(line) <= 79 for line in lines)
        assert seen.bar() == "Deployments 40 ↑ name 1/40"
        assert seen.footer() == "↵ open ␣ mark / filter p pause r run d delete l runs ? help q quit"

    await see(case)


async def test_filter_applies_while_typing_and_escape_clears_it() -> None:
    async def case(seen: Seen) -> None:
        await seen.press("slash", *"etl or")
        assert [seen.backend.rows[key].full_name for key in seen.table.keys] == ["etl/orders"]
        assert "/etl or" in seen.bar()
        await seen.press("enter")
        assert seen.app.focused is seen.table
        assert len(seen.table.keys) == 1
        await seen.press("escape")
        assert len(seen.table.keys) == 40
        await seen.press("slash", *"crawl", "down")
        assert seen.app.focused is seen.table
        assert len(seen.table.keys) == 2
        await seen.press("slash", "escape")
        assert len(seen.table.keys) == 40
        assert seen.app.focused is seen.table

    await see(case)


async def test_nothing_matches_says_how_to_go_on() -> None:
    async def case(seen: Seen) -> None:
        await seen.press("slash", *"zzz [/b]", "enter")
        shown = seen.screen.query_one(EmptyState).render().plain
        assert "No deployment matches “zzz [/b]”" in shown
        assert "clears the filter" in shown
        await seen.press("p")
        assert seen.said() == ["There is no deployment to act on here."]
        await seen.press("escape")
        assert not seen.table.has_class("-hidden")

    await see(case)


async def test_an_empty_database_says_what_to_do_first() -> None:
    async def case(seen: Seen) -> None:
        shown = seen.screen.query_one(EmptyState).render().plain
        assert all(command in shown for command in ("sluice apply", "sluice import-crontab", "sluice demo"))
        await seen.press("down", "space", "v", "asterisk", "enter", "d", "r")
        assert set(seen.said()) == {"There is no deployment to act on here."}
        seen.backend.put(*sample_rows(3))
        await until(seen.pilot, lambda: len(seen.table.keys) == 3)
        assert seen.screen.query_one(EmptyState).has_class("-hidden")

    await see(case, count=0)


async def test_sorting_keeps_the_cursor_on_its_deployment() -> None:
    async def case(seen: Seen) -> None:
        await seen.press(*["down"] * 5)
        name = seen.name_at_cursor()
        orders = []
        for key in ("s", "s", "s", "s", "s", "s", "S"):
            await seen.press(key)
            orders.append((seen.screen.query_now.sort, seen.screen.query_now.descending))
            assert seen.name_at_cursor() == name
        assert orders == [
            ("next_run", False),
            ("last_run", True),
            ("state", False),
            ("duration", True),
            ("pool", False),
            ("name", False),
            ("name", True),
        ]
        assert "↓ name" in seen.bar()

    await see(case)


async def test_clicking_a_header_sorts_and_clicking_again_turns_around() -> None:
    async def case(seen: Seen) -> None:
        x = seen.lines()[0].index("Next")
        await seen.pilot.click("#deployments", offset=(x, 0))
        await settle(seen.pilot)
        assert (seen.screen.query_now.sort, seen.screen.query_now.descending) == ("next_run", False)
        assert "Next▲" in seen.lines()[0]
        await seen.pilot.click("#deployments", offset=(x, 0))
        await settle(seen.pilot)
        assert seen.screen.query_now.descending

    await see(case)


async def test_marks_survive_filter_and_sort_and_say_when_they_are_hidden() -> None:
    async def case(seen: Seen) -> None:
        await seen.press("slash", *"etl", "enter", "asterisk")
        assert "5 marked" in seen.bar()
        await seen.press("slash", "escape", "slash", *"sync", "enter")
        assert "5 marked (5 hidden by the filter)" in seen.bar()
        await seen.press("escape", "s")
        assert len(seen.table.marks) == 5
        await seen.press("backslash")
        assert "marked" not in seen.bar()
        await seen.press("v", "down")
        assert "2 marked · v marks the range" in seen.bar()
        await seen.press("escape")
        assert "marked" not in seen.bar()

    await see(case)


async def test_pause_and_resume_the_row_or_the_marks() -> None:
    async def case(seen: Seen) -> None:
        key = seen.table.cursor_key
        await seen.press("p")
        assert seen.backend.calls == [("pause", [key])]
        assert seen.said() == ["Paused 1 deployment."]
        await until(seen.pilot, lambda: "paused" in seen.lines()[1])
        await seen.press("p")
        assert seen.backend.calls[-1] == ("resume", [key])
        await seen.press("space", "space", "p")
        assert seen.backend.calls[-1][0] == "pause"
        assert len(seen.backend.calls[-1][1]) == 2
        assert seen.said()[-1] == "Paused 2 deployments."

    await see(case)


async def test_a_mix_of_paused_and_not_is_paused() -> None:
    async def case(seen: Seen) -> None:
        await seen.press("slash", *"import", "enter", "asterisk", "slash", *"", "escape")
        seen.table.selection.marks.add(make_id(1))
        await seen.press("p")
        assert seen.backend.calls[-1][0] == "pause"
        assert seen.said()[-1] == "Paused 1 deployment."

    await see(case)


async def test_run_now_names_the_run() -> None:
    async def case(seen: Seen) -> None:
        key = seen.table.cursor_key
        await seen.press("r")
        assert seen.backend.calls == [("run", key)]
        assert seen.said() == ["Run brave-heron is due now."]
        await seen.press("space", "space", "r")
        assert seen.said()[-1] == "2 runs are due now."

    await see(case)


async def test_run_now_says_when_nobody_works() -> None:
    async def case(seen: Seen) -> None:
        seen.backend.holder = None
        await seen.press("r")
        assert "nobody works on this database" in seen.said()[-1]

    await see(case)


async def test_more_than_ten_runs_are_asked_about() -> None:
    async def case(seen: Seen) -> None:
        await seen.press("asterisk", "r")
        assert isinstance(seen.app.screen, QuestionDialog)
        await seen.press("enter")
        assert seen.backend.calls == []
        await seen.press("r", "tab", "enter")
        assert len(seen.backend.calls) == 40

    await see(case)


async def test_delete_asks_with_cancel_focused_and_pins_what_was_chosen() -> None:
    async def case(seen: Seen) -> None:
        key = seen.table.cursor_key
        await seen.press("d")
        dialog = seen.app.screen
        assert isinstance(dialog, QuestionDialog)
        assert seen.app.focused is not None
        assert seen.app.focused.id == "no"
        assert dialog.question.body.startswith("1 schedule and 3 scheduled runs go with it.")
        await seen.press("d", "enter")
        assert not isinstance(seen.app.screen, QuestionDialog)
        assert seen.backend.calls == []
        await seen.press("d", "escape")
        assert seen.backend.calls == []
        await seen.press("d")
        other = sample_rows(1)[0]._replace(id=make_id(900), flow_name="a", name="a")
        seen.backend.put(other)
        await until(seen.pilot, lambda: len(seen.table.keys) == 41)
        await seen.press("right", "enter")
        assert seen.backend.calls == [("delete", [key])]
        assert seen.said() == ["Deleted 1 deployment."]
        assert len(seen.table.keys) == 40

    await see(case)


async def test_deleting_more_than_ten_asks_to_type_their_number() -> None:
    async def case(seen: Seen) -> None:
        await seen.press("asterisk", "d")
        dialog = seen.app.screen
        assert isinstance(dialog, QuestionDialog)
        assert dialog.question.typed == "40"
        assert dialog.question.more == 35
        button = dialog.query_one("#yes")
        assert button.disabled
        await seen.press("tab", "enter")
        assert seen.backend.calls == []
        assert isinstance(seen.app.screen, QuestionDialog)
        dialog.query_one("#dialog-typed").focus()
        await seen.press("4")
        assert button.disabled
        await seen.press("0")
        assert not button.disabled
        await seen.press("enter", "enter")
        assert len(seen.backend.calls[0][1]) == 40
        assert seen.table.keys == []
        assert seen.table.marks == set()

    await see(case)


async def test_deleting_what_is_gone_meanwhile_says_so() -> None:
    async def case(seen: Seen) -> None:
        key = seen.table.cursor_key
        assert key is not None
        del seen.backend.rows[key]
        await seen.press("d")
        assert seen.said() == ["These deployments are gone already."]

    await see(case)


async def test_an_error_of_the_backend_is_shown_as_it_is() -> None:
    async def case(seen: Seen) -> None:
        seen.backend.error = Refused("The disk is full [/b]: free some space.")
        await seen.press("p")
        assert seen.said()[-1] == "The disk is full [/b]: free some space."
        seen.backend.error = RuntimeError("a surprise")
        await seen.press("ctrl+r")
        assert "RuntimeError: a surprise" in seen.said()
        seen.backend.error = None
        await seen.press("ctrl+r")
        assert len(seen.table.keys) == 40

    await see(case)


async def test_read_only_drops_changing_keys_shows_a_lock_and_says_why() -> None:
    async def case(seen: Seen) -> None:
        assert seen.footer() == "↵ open ␣ mark / filter l runs ? help q quit"
        header = seen.screen.query_one("HeaderBar").render()
        assert "locked · read-only" in header.plain  # type: ignore[union-attr]
        for key in ("p", "r", "d"):
            await seen.press(key)
        assert seen.backend.calls == []
        assert set(seen.said()) == {"Sluice was started with --read-only: nothing can be changed here."}
        assert not any(
            active.binding.id in ("deployments.pause", "deployments.run", "deployments.delete")
            for active in seen.screen.active_bindings.values()
        )

    await see(case, read_only=True)


async def test_what_others_change_shows_in_place() -> None:
    async def case(seen: Seen) -> None:
        await seen.press(*["down"] * 3)
        name = seen.name_at_cursor()
        row = seen.backend.rows[make_id(12)]
        seen.backend.put(row._replace(name="orders-renamed"))
        await until(seen.pilot, lambda: any("orders-renamed" in line for line in seen.lines()))
        first = seen.backend.rows[make_id(1)]
        seen.backend.put(first._replace(id=make_id(700), flow_name="aaa", name="new-first"))
        await until(seen.pilot, lambda: len(seen.table.keys) == 41)
        assert seen.name_at_cursor() == name

    await see(case)


async def test_countdowns_move_with_the_clock() -> None:
    async def case(seen: Seen) -> None:
        assert any("in 12s" in line for line in seen.lines())
        clock = seen.backend.clock
        assert isinstance(clock, FrozenClock)
        clock.advance(5)
        seen.screen.show_moment(seen.app.now())
        assert any("in 7s" in line for line in seen.lines())

    await see(case)


async def test_the_preview_shows_the_row_at_the_cursor_and_can_be_hidden() -> None:
    async def case(seen: Seen) -> None:
        def text() -> str:
            return str(seen.screen.query_one("#preview-text").render())

        await seen.press("slash", *"vendor", "enter")
        shown = text()
        assert "vendor-feed" in shown
        assert "Paused: vendor migrates until Thursday" in shown
        assert "Next, if it were not paused (UTC)" in shown
        assert "every 15 minutes (UTC)" in shown
        await seen.press("z")
        assert not seen.screen.preview.display
        await seen.press("z", "escape")
        assert seen.screen.preview.display

    await see(case, size=(140, 40))


async def test_at_eighty_columns_the_preview_opens_below() -> None:
    async def case(seen: Seen) -> None:
        assert not seen.screen.preview.display
        await seen.press("z")
        assert seen.screen.preview.display
        assert "Completed" in str(seen.screen.query_one("#preview-text").render())
        await seen.press("z")
        assert not seen.screen.preview.display

    await see(case)


async def test_hostile_names_are_drawn_harmless_everywhere() -> None:
    async def case(seen: Seen) -> None:
        await seen.press("slash", *"hostile", "enter", "asterisk", "d")
        assert isinstance(seen.app.screen, QuestionDialog)
        await seen.press("escape", "ctrl+p", *"hostile")
        await seen.press("escape")
        drawn = "\n".join(seen.lines())
        assert "\x1b" not in drawn
        assert "\u202e" not in drawn
        assert "[bold red]not markup[/] [/b]" in drawn

    await see(case, size=(200, 40))


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (44, 9), (43, 30)])
async def test_a_terminal_too_small_gets_a_sentence(size: tuple[int, int]) -> None:
    async def case(seen: Seen) -> None:
        shown = seen.screen.query_one("TooSmall")
        assert shown.display
        assert "too small: Sluice needs 44x10" in str(shown.render())
        await seen.press("down", "d", "escape", "question_mark", "escape")
        await seen.pilot.resize_terminal(80, 24)
        await settle(seen.pilot)
        assert not shown.display
        assert len(seen.lines()) == 21

    await see(case, size=size)


async def test_who_schedules_stands_in_the_header() -> None:
    async def case(seen: Seen) -> None:
        def header() -> str:
            return str(seen.screen.query_one("HeaderBar").render())

        assert "● scheduling" in header()
        assert "/var/lib/sluice/sluice.db" in header()
        assert "12:00:00 UTC" in header()
        seen.backend.holder = Holder(999, "tower", "sluice serve", NOON, False)
        seen.app.refresh_status()
        await settle(seen.pilot)
        assert "◐ scheduled by 999" in header()
        seen.backend.holder = None
        seen.app.refresh_status()
        await settle(seen.pilot)
        assert "○ nobody schedules" in header()
        assert "○ nobody works" in header()

    await see(case, size=(120, 24))


async def test_slow_reads_do_not_block_keys() -> None:
    async def case(seen: Seen) -> None:
        seen.backend.gate.clear()
        await seen.pilot.press("s", "down", "down", "slash", "e")
        assert seen.table.cursor_place == 2
        seen.backend.gate.set()
        await settle(seen.pilot)
        assert seen.screen.query_now.text == "e"
        assert "next run" in seen.bar()

    await see(case)


async def test_keys_that_arrive_in_one_piece_go_where_they_would_one_by_one() -> None:
    async def case(seen: Seen) -> None:
        for key in ("slash", *"report", "enter", "r"):
            seen.app.simulate_key(key)
        await until(seen.pilot, lambda: bool(seen.backend.calls))
        await settle(seen.pilot)
        assert seen.screen.query_now.text == "report"
        names = [(name, seen.backend.rows[key].full_name) for name, key in seen.backend.calls]
        assert names == [("run", "report/sales-daily")]

    await see(case)


async def test_a_jump_typed_ahead_does_not_act_on_the_list() -> None:
    async def case(seen: Seen) -> None:
        for key in ("colon", *"dep rdp", "escape", "down"):
            seen.app.simulate_key(key)
        await until(seen.pilot, lambda: seen.table.cursor_place == 1)
        await settle(seen.pilot)
        assert seen.backend.calls == []
        assert seen.app.focused is seen.table

    await see(case)
