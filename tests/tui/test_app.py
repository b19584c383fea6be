"""The app around the screens: help, palette, jumps, themes, keymap, quitting."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable

import pytest
from rich.console import Console
from support.fake_backend import FakeBackend, make_id
from support.tui import NOON, make_app, make_backend, settle, until
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from store.clock import FrozenClock
from store.errors import DatabaseUnreadable
from store.schemas import Holder
from tui import actions
from tui.actions import Action
from tui.app import SluiceApp, farewell
from tui.screens.deployments import DeploymentsScreen
from tui.screens.dialogs import QuestionDialog
from tui.screens.help import HelpScreen, entries_of
from tui.widgets.footer_bar import choose, key_name
from tui.widgets.footer_bar import entries_of as footer_entries

Case = Callable[[SluiceApp, FakeBackend, Pilot[None]], Awaitable[None]]


async def see(case: Case, *, read_only: bool = False, size: tuple[int, int] = (80, 24)) -> None:
    backend = make_backend(FrozenClock(NOON))
    app = make_app(backend, read_only=read_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        await case(app, backend, pilot)


def exit_words(app: SluiceApp) -> str:
    console = Console(file=io.StringIO(), width=300)
    for renderable in app._exit_renderables:
        console.print(renderable)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().strip()


# --- help


async def test_help_lists_every_key_of_the_screen_by_group() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        entries = {entry.words: entry.keys for entry in entries_of(app.screen)}
        assert entries["Delete, after a question"] == ("d",)
        assert entries["Mark or unmark the row"] == ("␣",)
        assert entries["Down"] == ("↓", "j")
        assert entries["Last row"] == ("end", "G")
        assert entries["Palette: everything, by name"] == ("^p",)
        keys = [key for keys in entries.values() for key in keys]
        assert len(keys) == len(set(keys))
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        assert app.screen.query_one(OptionList).option_count > len(entries)

    await see(case)


async def test_help_filters_and_enter_runs_the_entry() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark", *"resume")
        await settle(pilot)
        assert app.screen.query_one(OptionList).option_count == 2
        await pilot.press("enter")
        await settle(pilot)
        assert not isinstance(app.screen, HelpScreen)
        assert backend.calls[0][0] == "pause"
        await pilot.press("f1", *"no such key", "enter")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, DeploymentsScreen)

    await see(case)


async def test_help_is_walked_with_the_arrows_while_the_filter_keeps_the_focus() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark", "down", "down")
        options = app.screen.query_one(OptionList)
        assert options.highlighted == 3
        assert isinstance(app.focused, Input)
        await pilot.press("up", "pagedown", "pageup", "down", "enter")
        await settle(pilot)
        assert not isinstance(app.screen, HelpScreen)

    await see(case)


async def test_help_of_read_only_mode_has_no_changing_keys() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        assert not any(entry.changing for entry in entries_of(app.screen))

    await see(case, read_only=True)


# --- palette


async def palette_run(app: SluiceApp, pilot: Pilot[None], text: str) -> None:
    await pilot.press("ctrl+p")
    assert isinstance(app.screen, CommandPalette)
    await pilot.press(*text)
    await settle(pilot)
    options = app.screen.query_one(OptionList)
    await until(pilot, lambda: options.option_count > 0 and options.highlighted is not None)
    await pilot.press("enter")
    await settle(pilot)


async def test_the_palette_runs_actions_by_name() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        await palette_run(app, pilot, "pause, or resume")
        assert [name for name, _ in backend.calls] == ["pause"]
        await palette_run(app, pilot, "theme: sluice-light")
        assert app.theme == "sluice-light"

    await see(case)


async def test_the_palette_offers_deployments_and_survives_a_broken_database() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+p", *"[bold red]")
        await settle(pilot)
        options = app.screen.query_one(OptionList)
        await until(pilot, lambda: options.option_count > 0)
        prompts = [str(options.get_option_at_index(n).prompt) for n in range(options.option_count)]
        assert any("Open hostile/[bold red]not markup[/] [/b]" in prompt for prompt in prompts)
        backend.error = DatabaseUnreadable("/x", "The database /x is damaged.")
        await pilot.press("x", "y")
        await settle(pilot)
        await until(pilot, lambda: any("damaged" in n.message for n in app._notifications))

    await see(case)


# --- jumps


async def jump(pilot: Pilot[None], line: str) -> None:
    await pilot.press("colon", *line, "enter")
    await settle(pilot)


def last_said(app: SluiceApp) -> str:
    return [notification.message for notification in app._notifications][-1]


async def test_jumps() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        screen = app.screen
        assert isinstance(screen, DeploymentsScreen)
        await jump(pilot, "theme sluice-light")
        assert app.theme == "sluice-light"
        await jump(pilot, "deployments etl")
        assert screen.query_now.text == "etl"
        await jump(pilot, "dep import")
        assert screen.query_now.text == "import"
        await jump(pilot, "dep no-such-thing")
        assert last_said(app) == "No deployment matches “no-such-thing”."
        await jump(pilot, "dep")
        assert last_said(app).startswith("Say which deployment")
        await jump(pilot, "nowhere")
        assert last_said(app).startswith("No place is called nowhere. There are: deployments, runs")
        await jump(pilot, "theme mauve")
        assert last_said(app).startswith("No theme is called mauve. There are:")
        await jump(pilot, "")
        await jump(pilot, "help")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape", "colon", "escape")
        await settle(pilot)
        assert app.focused is screen.table

    await see(case)


async def test_places_open_their_screens() -> None:
    opened: list[object] = []

    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        app.open_deployment = opened.append  # type: ignore[method-assign, assignment]
        app.open_runs = lambda text="": opened.append(text)  # type: ignore[method-assign]
        await jump(pilot, "runs failed etl")
        await jump(pilot, "dep etl/orders")
        await pilot.press("l")
        await pilot.press("right_square_bracket")
        await pilot.press("enter")
        await settle(pilot)
        assert opened == ["failed etl", make_id(12), "", "", make_id(38)]

    await see(case)


# --- looks


async def test_every_builtin_theme_draws_the_list() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        for name in sorted(app.available_themes):
            app.theme = name
            await pilot.pause()
            assert isinstance(app.screen, DeploymentsScreen)
            assert app.screen.table.render_line(1).text.strip()
        app.theme = "sluice-dark"
        await pilot.press("f2")
        assert app.theme == "sluice-light"
        await pilot.press("f2")
        assert app.theme == "sluice-dark"

    await see(case)


def test_an_unknown_theme_falls_back_to_our_own() -> None:
    assert make_app(make_backend(FrozenClock(NOON)), theme="gone").theme == "sluice-dark"


async def test_a_keymap_moves_keys_in_footer_and_help_too() -> None:
    backend = make_backend(FrozenClock(NOON))
    app = SluiceApp(backend, clock=backend.clock, keymap={"deployments.pause": "f5"})
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert ("f5", "pause") in [(entry.key, entry.label) for entry in footer_entries(app.screen)]
        await pilot.press("p")
        assert backend.calls == []
        await pilot.press("f5")
        await settle(pilot)
        assert backend.calls[0][0] == "pause"


async def test_the_footer_can_be_clicked_and_never_loses_help_and_quit() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        footer = app.screen.query_one("FooterBar")
        x = str(footer.render()).index("pause")
        await pilot.click("FooterBar", offset=(x, 0))
        await settle(pilot)
        assert backend.calls[0][0] == "pause"
        entries = footer_entries(app.screen)
        for width in range(20, 120):
            left, right = choose(entries, width)
            assert [entry.label for entry in right] == ["help", "quit"]
            assert sum(entry.width + 2 for entry in [*left, *right]) <= width + 2

    await see(case)


def test_keys_are_written_as_people_write_them() -> None:
    keys = ("question_mark", "ctrl+p", "upper_g", "G", "space", "right_square_bracket", "shift+tab", "f2")
    assert [key_name(key) for key in keys] == ["?", "^p", "G", "G", "␣", "]", "⇧tab", "f2"]


def test_two_actions_cannot_share_an_id() -> None:
    action = Action("test.double", "x", "nothing", "Nothing", "Go")
    actions.register(action)
    with pytest.raises(ValueError, match=r"two actions are called test\.double"):
        actions.register(action)
    assert actions.find("test.double") is action
    assert actions.find(None) is None


# --- quitting


async def test_quit_says_what_will_not_run_when_nothing_is_live() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        for row in list(backend.rows.values()):
            backend.rows[row.id] = row._replace(running=0)
        await pilot.press("q")
        await until(pilot, lambda: bool(app._exit_renderables))
        said.append(exit_words(app))

    said: list[str] = []
    await see(case)
    words = said[0]
    assert words.startswith("Sluice closed: nothing is scheduled or run until")
    assert words.endswith("Next would be sync/offsite late 7m.")


async def test_quit_asks_while_runs_are_live() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        await pilot.press("q")
        await settle(pilot)
        dialog = app.screen
        assert isinstance(dialog, QuestionDialog)
        assert dialog.question.title == "Quit while 4 runs are live?"
        await pilot.press("enter")
        await settle(pilot)
        assert app._exit_renderables == []
        await pilot.press("q")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: bool(app._exit_renderables))
        said.append(exit_words(app))

    said: list[str] = []
    await see(case)
    assert "nothing is scheduled or run" in said[0]


async def test_quit_works_when_the_database_does_not() -> None:
    async def case(app: SluiceApp, backend: FakeBackend, pilot: Pilot[None]) -> None:
        backend.error = DatabaseUnreadable("/x", "The database [/x] is damaged.")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: bool(app._exit_renderables))
        said.append(exit_words(app))

    said: list[str] = []
    await see(case)
    words = said[0]
    assert words == "Sluice closed. Its state could not be read: The database [/x] is damaged."


def test_farewell_when_somebody_else_or_nobody_schedules() -> None:
    backend = make_backend(FrozenClock(NOON))
    status = backend.read_status()
    other = Holder(999, "tower", "sluice serve", NOON, False)
    assert "Process 999 goes on scheduling" in farewell(status._replace(scheduler=other, worker=other), "")
    assert "Nobody schedules this database now" in farewell(status._replace(scheduler=None, worker=None), "")
    assert farewell(status, "").endswith("is started.")
