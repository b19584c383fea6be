"""A log on screen: opening, following, finding, filtering, folding, saving."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.tui import until
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input

from store.schemas import LogLine
from tui.widgets.log_filter import parse_filter
from tui.widgets.log_lines import CHUNK
from tui.widgets.log_panel import FIRST_LINES, LogPanel
from tui.widgets.log_prompt import LogPrompt
from tui.widgets.log_save import LogSaver
from tui.widgets.log_scan import PAGE
from tui.widgets.log_view import LogView

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Source:
    """A log in memory; clear `gate` to make reads wait."""

    def __init__(self, *messages: str) -> None:
        self.lines: list[LogLine] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.reads = 0
        for message in messages:
            self.add(message)

    def add(self, message: str, level: int = 20) -> None:
        """A line arrives."""
        number = len(self.lines)
        self.lines.append(
            LogLine.model_construct(
                id=number + 1,
                name="stdout",
                level=level,
                timestamp=NOON + timedelta(seconds=number),
                message=message,
            )
        )

    def fill(self, count: int) -> Source:
        """So many numbered lines; each hundredth is an error, each tenth a warning."""
        for _ in range(count):
            number = len(self.lines)
            level = 40 if number % 100 == 50 else 30 if number % 10 == 3 else 20
            self.add(f"line {number} of many", level)
        return self

    def read(self, after_id: int, limit: int) -> list[LogLine]:
        self._wait()
        return self.lines[after_id : after_id + limit]

    def read_last(self, limit: int) -> list[LogLine]:
        self._wait()
        return self.lines[-limit:]

    def _wait(self) -> None:
        self.reads += 1
        self.gate.wait(10)
        if self.error is not None:
            raise self.error


class PanelApp(App[None]):
    """Holds one panel and keeps what it posts."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.panel = LogPanel(source, zone=UTC)
        self.posted: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_mount(self) -> None:
        self.panel.refresh_lines_below()
        self.panel.view.focus()


def keep(app: PanelApp, message: Message) -> None:
    """A message hook: what the panel says to its screen."""
    if isinstance(message, (LogPanel.Failed, LogSaver.Saved, LogSaver.Exists, LogSaver.Failed)):
        app.posted.append(message)


@asynccontextmanager
async def opened(
    source: Source, size: tuple[int, int] = (80, 12)
) -> AsyncIterator[tuple[PanelApp, Pilot[None], LogView]]:
    """An app with the log open and read to the end."""
    app = PanelApp(source)
    async with app.run_test(size=size, message_hook=lambda message: keep(app, message)) as pilot:
        await until(pilot, lambda: source.reads > 0)
        await until(pilot, lambda: len(app.panel.view.lines) >= len(source.lines))
        await pilot.pause()
        yield app, pilot, app.panel.view


def shown(view: LogView) -> list[str]:
    """The lines on screen without time and level."""
    return [line[16:].rstrip() for line in view.shown_texts()]


async def arrive(app: PanelApp, pilot: Pilot[None], source: Source, count: int) -> None:
    """New lines come in and are read."""
    source.fill(count)
    app.panel.refresh_lines_below()
    await until(pilot, lambda: len(app.panel.view.lines) >= len(source.lines))
    await pilot.pause()


async def answer(app: PanelApp, pilot: Pilot[None], question: str, text: str) -> None:
    """Open a prompt, type and press enter."""
    app.panel.ask(question)  # type: ignore[arg-type]  # a literal by name
    await pilot.pause()
    app.panel.query_one(Input).value = text
    await pilot.press("enter")
    await pilot.pause()


async def settle_filter(app: PanelApp, pilot: Pilot[None]) -> None:
    """Wait until nothing is being filtered or searched."""
    await app.workers.wait_for_complete()
    await until(pilot, lambda: not app.panel.view.scanning)
    await pilot.pause()


# --- opening and following


async def test_the_end_is_on_screen_and_followed() -> None:
    source = Source().fill(100)
    async with opened(source) as (app, pilot, view):
        assert shown(view)[-1] == "line 99 of many"
        assert "● following" in app.panel.status.render().plain
        await arrive(app, pilot, source, 30)
        assert shown(view)[-1] == "line 129 of many"


async def test_scrolling_up_leaves_following_and_g_resumes() -> None:
    source = Source().fill(100)
    async with opened(source) as (app, pilot, view):
        await pilot.press("k", "k")
        assert not view.follow
        before = shown(view)
        await arrive(app, pilot, source, 30)
        assert shown(view) == before, "what is read must not move"
        assert "◌ 30 new below · G follows" in app.panel.status.render().plain
        view.to_end()
        await pilot.pause()
        assert view.follow
        assert shown(view)[-1] == "line 129 of many"


async def test_scrolling_back_to_the_end_follows_again() -> None:
    async with opened(Source().fill(100)) as (_, pilot, view):
        await pilot.press("pageup")
        assert not view.follow
        await pilot.press("pagedown")
        assert view.follow


async def test_keys_move_by_lines_pages_halves_and_to_the_start() -> None:
    async with opened(Source().fill(100)) as (_, pilot, view):
        height = view.scrollable_content_region.height
        for key, first in (
            ("g", 0),
            ("j", 1),
            ("ctrl+d", 1 + height // 2),
            ("ctrl+u", 1),
            ("pagedown", height),
        ):
            await pilot.press(key)
            assert view.scroll_offset.y == first, key


async def test_a_log_longer_than_the_first_read_comes_in_whole_without_a_jump() -> None:
    total = FIRST_LINES + PAGE + 700
    source = Source().fill(total)
    app = PanelApp(source)
    async with app.run_test(size=(80, 12)) as pilot:
        view = app.panel.view
        await until(pilot, lambda: len(view.lines) > 0)
        await until(pilot, lambda: len(view.lines) == total)
        await pilot.pause()
        assert view.follow
        assert shown(view)[-1] == f"line {total - 1} of many"
        await pilot.press("g")
        await pilot.pause()
        assert shown(view)[0] == "line 0 of many"


async def test_what_is_on_screen_stays_when_earlier_lines_come_in() -> None:
    source = Source().fill(FIRST_LINES + 500)
    app = PanelApp(source)
    async with app.run_test(size=(80, 12)) as pilot:
        view = app.panel.view
        await until(pilot, lambda: len(view.lines) == FIRST_LINES or len(view.lines) == len(source.lines))
        view.action_move(-50)
        before = shown(view)
        await until(pilot, lambda: len(view.lines) == len(source.lines))
        await pilot.pause()
        assert shown(view) == before
        assert not view.follow


async def test_a_text_that_was_let_go_is_read_again_when_looked_at() -> None:
    source = Source().fill(CHUNK * 4)
    async with opened(source) as (_, pilot, view):
        view.lines._budget = 1
        view.lines._let_go()
        assert view.lines.row(0) is None
        await pilot.press("g")
        await until(pilot, lambda: shown(view)[0] == "line 0 of many", "the chunk is read again")


async def test_a_failing_read_is_told_and_the_log_stays() -> None:
    source = Source().fill(20)
    async with opened(source) as (app, pilot, view):
        source.error = OSError("the disk is gone")
        app.panel.refresh_lines_below()
        await until(pilot, lambda: any(isinstance(message, LogPanel.Failed) for message in app.posted))
        assert shown(view)[-1] == "line 19 of many"


# --- finding


async def test_find_goes_from_match_to_match_and_around() -> None:
    source = Source(*["nothing"] * 30, "a Needle here", *["nothing"] * 30, "needle again", *["nothing"] * 30)
    async with opened(source) as (app, pilot, view):
        await answer(app, pilot, "search", "needle")
        await until(pilot, lambda: view.current == 30)
        assert "a Needle here" in shown(view)
        assert "went on from the start" in app.panel.status.note
        app.panel.find()
        await until(pilot, lambda: view.current == 61)
        app.panel.find(backwards=True)
        await until(pilot, lambda: view.current == 30)
        app.panel.find(backwards=True)
        await until(pilot, lambda: view.current == 61)
        assert not view.follow


async def test_matches_stand_out_while_typing() -> None:
    async with opened(Source("one two", "three")) as (app, pilot, view):
        app.panel.ask("search")
        await pilot.press(*"two")
        await pilot.pause()
        segments = [segment.text for segment in view.render_line(0)]
        assert "two" in segments, "the match is a segment of its own"
        assert "one " in segments
        await pilot.press("escape")
        await pilot.pause()
        assert view.pattern is None
        assert app.focused is view


async def test_a_bad_pattern_is_a_sentence_and_nothing_is_lost() -> None:
    async with opened(Source().fill(50)) as (app, pilot, view):
        before = shown(view)
        await answer(app, pilot, "filter", "(oops")
        assert app.panel.prompt.is_open
        refusal = app.panel.query_one("#log-prompt-refusal")
        assert "(oops is not a regular expression" in str(refusal.render())
        assert app.panel.query_one(Input).value == "(oops"
        assert shown(view)[-3:] == before[-3:]
        await pilot.press("escape")
        assert not app.panel.query_one(LogPrompt).is_open


async def test_what_is_not_there_is_said() -> None:
    async with opened(Source().fill(50)) as (app, pilot, view):
        await answer(app, pilot, "search", "absent")
        await until(pilot, lambda: app.panel.status.note == "no line matches absent")
        assert view.current is None


async def test_errors_are_jumped_to_and_around() -> None:
    async with opened(Source().fill(300)) as (app, _, view):
        app.panel.find_error(backwards=True)
        assert view.current == 250
        app.panel.find_error(backwards=True)
        assert view.current == 150
        app.panel.find_error()
        assert view.current == 250
        app.panel.find_error()
        assert view.current == 50
        assert "went on from the start" in app.panel.status.note


async def test_no_errors_is_said() -> None:
    async with opened(Source("fine")) as (app, _, view):
        app.panel.find_error()
        assert app.panel.status.note == "no errors"
        assert view.current is None


# --- filtering


async def test_a_filter_goes_on_while_following() -> None:
    source = Source().fill(200)
    async with opened(source) as (app, pilot, view):
        await answer(app, pilot, "filter", "level:error")
        await settle_filter(app, pilot)
        assert shown(view) == ["line 50 of many", "line 150 of many"]
        assert "2 of 200 lines · & level:error" in app.panel.status.render().plain
        await arrive(app, pilot, source, 200)
        assert shown(view) == [f"line {n} of many" for n in (50, 150, 250, 350)]
        await answer(app, pilot, "filter", "")
        await settle_filter(app, pilot)
        assert shown(view)[-1] == "line 399 of many"


async def test_a_message_of_several_rows_passes_as_one() -> None:
    source = Source("before", "Traceback\n  File x\nValueError: bad", "after")
    async with opened(source) as (app, pilot, view):
        await answer(app, pilot, "filter", "valueerror")
        await settle_filter(app, pilot)
        assert shown(view) == ["Traceback", "  File x", "ValueError: bad"]


async def test_a_filter_over_many_pages_is_in_order_while_lines_arrive() -> None:
    source = Source().fill(FIRST_LINES + PAGE * 3)
    async with opened(source) as (app, pilot, view):
        app.panel.apply_filter(parse_filter("level:error"))
        await arrive(app, pilot, source, 200)
        await settle_filter(app, pilot)
        numbers = list(view.layout_map.shown or ())
        assert numbers == [n for n in range(len(source.lines)) if n % 100 == 50]


async def test_find_and_errors_stay_within_the_filter() -> None:
    async with opened(Source().fill(400)) as (app, pilot, view):
        await answer(app, pilot, "filter", "line [0-9]*5. of")
        await settle_filter(app, pilot)
        await answer(app, pilot, "search", "line 3")
        await until(pilot, lambda: view.current is not None)
        assert view.current is not None
        assert view.layout_map.shows(view.current)


async def test_nothing_passes_is_said() -> None:
    async with opened(Source().fill(50)) as (app, pilot, view):
        await answer(app, pilot, "filter", "zzz")
        await settle_filter(app, pilot)
        assert view.layout_map.rows == 0
        assert app.panel.status.note == "no line passes"


# --- ways of showing


async def test_long_lines_are_marked_folded_and_moved_sideways() -> None:
    source = Source("start " + "x" * 200 + " end")
    async with opened(source) as (app, pilot, view):
        assert view.shown_texts()[0].endswith("›")
        for _ in range(20):
            await pilot.press("right")
        assert shown(view)[0].endswith("end")
        app.panel.toggle_wrap()
        await pilot.pause()
        assert "".join(shown(view)).replace(" ", "") == "start" + "x" * 200 + "end"
        assert "wrap" in app.panel.status.render().plain


async def test_wide_characters_fold_without_loss() -> None:
    text = "日本語のログ" * 30
    async with opened(Source(text)) as (app, pilot, view):
        app.panel.toggle_wrap()
        await pilot.pause()
        assert "".join(shown(view)).replace(" ", "") == text


async def test_times_go_round() -> None:
    async with opened(Source("first", "second")) as (app, pilot, view):
        assert view.shown_texts()[1].startswith(" 12:00:01.000 I second")
        app.panel.next_timestamps()
        await pilot.pause()
        assert view.shown_texts()[1].strip().startswith("+0:01.000 I second")
        view.set_origin(NOON - timedelta(hours=2))
        assert view.shown_texts()[1].strip().startswith("+2:00:01.000 I second")
        app.panel.next_timestamps()
        await pilot.pause()
        assert view.shown_texts()[1] == " I second"


async def test_a_resize_keeps_the_end_in_sight() -> None:
    async with opened(Source().fill(100)) as (_, pilot, view):
        await pilot.resize_terminal(60, 30)
        await pilot.pause()
        assert shown(view)[-1].startswith("line 99")
        await pilot.press("g")
        await pilot.resize_terminal(100, 10)
        await pilot.pause()
        assert shown(view)[0].startswith("line 0")


async def test_hostile_text_stays_text() -> None:
    hostile = "[/foo] [red]x[/] \x1b[2J\x1b]0;t\x07\u202egnp \x00 👩‍🚀"
    async with opened(Source(hostile, "y" * 10_000, hostile + "\n" + "日" * 5_000)) as (app, pilot, view):
        for _ in range(2):
            await pilot.press("g")
            await pilot.pause()
            text = "\n".join(view.shown_texts())
            assert "[/foo] [red]x[/]" in text
            assert not any(bad in text for bad in "\x1b\x07\x00\u202e\u200d")
            app.panel.toggle_wrap()
            await pilot.pause()
        assert all(view.render_line(y).cell_length == view.scrollable_content_region.width for y in range(8))


# --- saving


async def test_saving_writes_all_lines_with_time_and_level(tmp_path: Path) -> None:
    source = Source("one", "two\nmore")
    source.add("\x1b[31mthree\x1b[0m", 40)
    async with opened(source) as (app, pilot, _):
        await answer(app, pilot, "save", str(tmp_path / "run.log"))
        await until(pilot, lambda: bool(app.posted))
        assert isinstance(app.posted[0], LogSaver.Saved)
        assert app.posted[0].words == f"Saved 3 messages to {tmp_path / 'run.log'}."
    assert (tmp_path / "run.log").read_text().splitlines() == [
        "2026-03-02T12:00:00.000+00:00 INFO     one",
        "2026-03-02T12:00:01.000+00:00 INFO     two",
        "more",
        "2026-03-02T12:00:02.000+00:00 ERROR    three",
    ]


async def test_saving_never_overwrites_without_asking(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text("precious")
    async with opened(Source().fill(10)) as (app, pilot, view):
        await answer(app, pilot, "save", str(path))
        await until(pilot, lambda: bool(app.posted))
        assert isinstance(app.posted[0], LogSaver.Exists)
        assert path.read_text() == "precious"
        app.panel.saver.start(path, view.filter, overwrite=True)
        await until(pilot, lambda: any(isinstance(said, LogSaver.Saved) for said in app.posted))
        assert len(path.read_text().splitlines()) == 10


async def test_bad_places_are_refused_in_the_prompt(tmp_path: Path) -> None:
    async with opened(Source().fill(10)) as (app, pilot, _):
        for text, words in (
            ("", "Type the name of a file"),
            (str(tmp_path), "is a folder"),
            (str(tmp_path / "no" / "x.log"), "does not exist"),
        ):
            await answer(app, pilot, "save", text)
            assert words in str(app.panel.query_one("#log-prompt-refusal").render())
            await pilot.press("escape")


async def test_a_save_is_stopped_and_leaves_nothing(tmp_path: Path) -> None:
    source = Source().fill(FIRST_LINES - 1)
    async with opened(source) as (app, pilot, view):
        source.gate.clear()
        app.panel.saver.start(tmp_path / "run.log", view.filter)
        await until(pilot, lambda: app.panel.saver.running)
        app.panel.saver.stop()
        source.gate.set()
        await until(pilot, lambda: bool(app.posted))
        assert isinstance(app.posted[0], LogSaver.Saved)
        assert "was stopped" in app.posted[0].words
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.widgets.log_save._write", write)
    async with opened(Source().fill(10)) as (app, pilot, _):
        await answer(app, pilot, "save", str(tmp_path / "run.log"))
        await until(pilot, lambda: bool(app.posted))
        assert isinstance(app.posted[0], LogSaver.Failed)
        assert (
            str(app.posted[0].error)
            == f"{tmp_path / 'run.log'} could not be written: No space left on device."
        )
    assert list(tmp_path.iterdir()) == []
