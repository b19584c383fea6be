"""The Run screen: every key with its refusals, and what happens while it is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from support.tui import NOON, make_app, sample_rows, settle, until
from support.tui_runs import (
    COMPLETED,
    DEPLOYMENT,
    FAILED,
    LATE,
    ORPHAN,
    RUNNING,
    SCHEDULED,
    RunsBackend,
    fill,
    make_lines,
    make_state,
)
from textual.pilot import Pilot
from textual.widgets import Button, Input

from store.clock import FrozenClock
from store.schemas import StateType
from tui.app import SluiceApp
from tui.screens.copy_menu import CopyMenu
from tui.screens.deployment import DeploymentScreen
from tui.screens.dialogs import QuestionDialog
from tui.screens.flow_run import FlowRunScreen
from tui.widgets.footer_bar import FooterBar


@pytest.fixture
def backend(clock: FrozenClock) -> RunsBackend:
    """One run of every kind."""
    made = RunsBackend(clock, sample_rows(40, NOON))
    fill(made)
    return made


@asynccontextmanager
async def opened(
    backend: RunsBackend, run: UUID, size: tuple[int, int] = (80, 24), *, read_only: bool = False
) -> AsyncIterator[tuple[SluiceApp, Pilot[None], FlowRunScreen]]:
    """The app with that run open."""
    app = make_app(backend, read_only=read_only)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.open_run(run)
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, FlowRunScreen)
        yield app, pilot, screen


def said(app: SluiceApp) -> str:
    """All notifications so far."""
    return "\n".join(notification.message for notification in app._notifications)


async def confirm(app: SluiceApp, pilot: Pilot[None], button: str = "yes") -> None:
    """Press a button of the dialog that is open."""
    assert isinstance(app.screen, QuestionDialog)
    app.screen.query_one(f"#{button}", Button).press()
    await settle(pilot)


# --- what it shows


async def test_the_head_says_state_name_message_and_times(backend: RunsBackend) -> None:
    async with opened(backend, FAILED) as (_, _, screen):
        head = screen.header.render().plain
        for piece in (
            "✗ Failed",
            "stoic-heron",
            "report/sales-daily",
            "OSError: [Errno 28]",
            "1.2s late",
            "exit code 1",
        ):
            assert piece in head


async def test_details_stand_at_the_side_when_wide_and_below_on_request(backend: RunsBackend) -> None:
    async with opened(backend, FAILED, (140, 40)) as (_, pilot, screen):
        assert screen.facts.region.width > 30
        assert "api_token   ••••••" in screen.facts.text
        await pilot.press("z")
        assert screen.facts.region.width == 0
    async with opened(backend, FAILED) as (_, pilot, screen):
        assert screen.facts.region.width == 0
        await pilot.press("z")
        await pilot.pause()
        assert screen.facts.region.y > screen.panel.view.region.y


async def test_a_run_that_waits_says_for_what(backend: RunsBackend) -> None:
    async with opened(backend, SCHEDULED) as (_, _, screen):
        assert "Scheduled, due in 4m." in screen.header.render().plain
        assert "It has not started: there is no log yet." in "\n".join(
            str(screen.panel.view.render_line(y).text) for y in range(3)
        )
    backend.worker = None
    async with opened(backend, LATE) as (_, _, screen):
        assert "Waiting: nobody works. No worker holds the lock" in screen.header.render().plain


async def test_hostile_text_stays_text(backend: RunsBackend) -> None:
    for size in ((80, 24), (140, 40)):
        async with opened(backend, ORPHAN, size) as (app, pilot, screen):
            text = app.export_screenshot()
            for bad in ("\x1b", "\x07", "\u202e", "\x00"):
                assert bad not in text
            assert "[/b]" in screen.header.render().plain
            await pilot.press("W", "g")
            await settle(pilot)


# --- live


async def test_states_and_lines_appear_as_they_come(backend: RunsBackend, clock: FrozenClock) -> None:
    async with opened(backend, RUNNING) as (_, pilot, screen):
        before = len(screen.panel.view.lines)
        backend.logs[RUNNING] += make_lines(RUNNING, [(40, "it broke")], first=before + 1)
        failed = make_state(50, StateType.FAILED, NOON, "it broke")
        run = backend.full_runs[RUNNING].model_copy(
            update={"state": failed, "state_type": failed.type, "state_name": "Failed", "end_time": NOON}
        )
        backend.add_run(run, [*backend.states[RUNNING], failed])
        backend.changed()
        await until(pilot, lambda: "✗ Failed" in screen.header.render().plain)
        await until(pilot, lambda: "it broke" in screen.panel.view.shown_texts()[-1])
        await pilot.pause()
        assert "end of log" in screen.panel.status.render().plain


async def test_the_duration_counts_while_it_runs(backend: RunsBackend, clock: FrozenClock) -> None:
    async with opened(backend, RUNNING) as (app, _, screen):
        clock.advance(62)
        screen.show_moment(app.now())
        assert "running for 11m01s" in screen.header.render().plain


async def test_leaving_the_end_is_said_in_the_footer(backend: RunsBackend) -> None:
    async with opened(backend, RUNNING) as (_, pilot, screen):
        await pilot.press("k")
        await pilot.pause()
        assert screen.query_one(FooterBar).note == "not following · G"
        await pilot.press("G")
        await pilot.pause()
        assert screen.query_one(FooterBar).note == ""


async def test_a_run_that_is_deleted_elsewhere_stays_readable(backend: RunsBackend) -> None:
    async with opened(backend, COMPLETED) as (app, pilot, screen):
        del backend.runs[COMPLETED]
        backend.changed()
        await until(pilot, lambda: "deleted" in screen.header.render().plain)
        assert len(screen.panel.view.lines) == 40
        await pilot.press("r")
        assert "This run was deleted." in said(app)


# --- keys that change something


async def test_cancel_asks_with_keep_focused_and_cancels(backend: RunsBackend) -> None:
    async with opened(backend, RUNNING) as (app, pilot, _):
        await pilot.press("X")
        await settle(pilot)
        assert isinstance(app.screen, QuestionDialog)
        assert app.screen.question.title == "Cancel run swift-lynx?"
        assert "SIGTERM" in app.screen.question.body
        assert app.focused is app.screen.query_one("#no")
        await pilot.press("X")
        assert not backend.calls, "the key that opened it does not confirm"
        await confirm(app, pilot)
        assert backend.calls == [("cancel", [RUNNING])]
        assert "Cancelling 1 run." in said(app)


async def test_cancel_refuses_what_has_ended(backend: RunsBackend) -> None:
    async with opened(backend, COMPLETED) as (app, pilot, _):
        await pilot.press("X")
        await settle(pilot)
        assert "brave-otter has ended already: it is Completed." in said(app)


async def test_keeping_it_changes_nothing(backend: RunsBackend) -> None:
    async with opened(backend, SCHEDULED) as (app, pilot, screen):
        await pilot.press("X")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is screen
        assert not backend.calls


async def test_run_again_opens_the_new_run_with_the_same_parameters(backend: RunsBackend) -> None:
    async with opened(backend, FAILED) as (app, pilot, screen):
        await pilot.press("r")
        await settle(pilot)
        assert backend.new_run is not None
        assert backend.new_run.parameters == backend.full_runs[FAILED].parameters
        assert backend.new_run.sluice is not None
        assert backend.new_run.sluice.rerun_of == FAILED
        assert app.screen is not screen
        assert isinstance(app.screen, FlowRunScreen)
        assert "is due now." in said(app)


async def test_run_again_says_when_nobody_works(backend: RunsBackend) -> None:
    backend.worker = None
    async with opened(backend, FAILED) as (app, pilot, _):
        await pilot.press("r")
        await settle(pilot)
        assert "waits: nobody works on this database" in said(app)


async def test_run_again_is_refused_without_a_deployment(backend: RunsBackend) -> None:
    async with opened(backend, ORPHAN) as (app, pilot, _):
        await pilot.press("r")
        await settle(pilot)
        assert "its deployment report/sales-daily was deleted" in said(app)
        await pilot.press("o")
        await settle(pilot)
        assert "This run has no deployment" in said(app)


async def test_delete_asks_for_the_name_and_leaves(backend: RunsBackend) -> None:
    async with opened(backend, FAILED) as (app, pilot, screen):
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, QuestionDialog)
        assert app.screen.query_one("#yes", Button).disabled
        app.screen.query_one(Input).value = "stoic-heron"
        await pilot.pause()
        await confirm(app, pilot)
        assert backend.calls == [("delete runs", [FAILED])]
        assert app.screen is not screen
        assert not isinstance(app.screen, FlowRunScreen)


async def test_delete_refuses_what_has_not_ended(backend: RunsBackend) -> None:
    async with opened(backend, RUNNING) as (app, pilot, screen):
        await pilot.press("d")
        await settle(pilot)
        assert app.screen is screen
        assert "swift-lynx has not ended: it is Running. Cancel it first, with X." in said(app)


async def test_read_only_drops_every_changing_key(backend: RunsBackend) -> None:
    async with opened(backend, RUNNING, read_only=True) as (app, pilot, screen):
        for key in ("X", "r", "d"):
            await pilot.press(key)
            await settle(pilot)
            assert app.screen is screen
        assert said(app).count("--read-only") >= 1
        assert not backend.calls


async def test_an_error_of_the_backend_is_shown(backend: RunsBackend) -> None:
    async with opened(backend, FAILED) as (app, pilot, _):
        backend.error = OSError("the disk is gone")
        await pilot.press("r")
        await settle(pilot)
        assert "the disk is gone" in said(app)


# --- keys of the log


async def test_find_next_and_previous(backend: RunsBackend) -> None:
    async with opened(backend, RUNNING) as (_, pilot, screen):
        view = screen.panel.view
        await pilot.press("slash", *"batch 70", "enter")
        await until(pilot, lambda: view.current == 70)
        await pilot.press("slash", *"batch 7.:", "enter")
        await until(pilot, lambda: view.current is not None and view.current >= 70)
        first = view.current
        assert first is not None
        await pilot.press("n")
        await until(pilot, lambda: view.current == first + 1)
        await pilot.press("N")
        await until(pilot, lambda: view.current == first)


async def test_next_match_is_refused_when_nothing_is_looked_for(backend: RunsBackend) -> None:
    async with opened(backend, RUNNING) as (app, pilot, _):
        await pilot.press("n")
        assert "Nothing is looked for. Press / and type what to find." in said(app)


async def test_keys_of_an_empty_log_are_refused(backend: RunsBackend) -> None:
    async with opened(backend, SCHEDULED) as (app, pilot, _):
        await pilot.press("slash")
        assert "This run has no log lines yet." in said(app)


async def test_filter_errors_wrap_and_times(backend: RunsBackend) -> None:
    async with opened(backend, FAILED) as (_, pilot, screen):
        view = screen.panel.view
        await pilot.press("e")
        await pilot.pause()
        assert view.current == 12
        await pilot.press("E")
        await pilot.pause()
        assert view.current == 12
        await pilot.press("ampersand", *"level:warning", "enter")
        await until(pilot, lambda: bool(view.filter) and not view.scanning)
        assert view.layout_map.rows == 2 + 7
        await pilot.press("W")
        assert view.wrap
        await pilot.press("T")
        assert view.timestamps == "relative"
        assert view.origin == backend.full_runs[FAILED].start_time


async def test_save_asks_where_and_before_replacing(
    backend: RunsBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(backend, COMPLETED) as (app, pilot, screen):
        await pilot.press("S")
        await pilot.pause()
        assert screen.panel.query_one(Input).value == str(tmp_path / "brave-otter.log")
        await pilot.press("enter")
        await until(pilot, lambda: "Saved 40 messages to" in said(app))
        await pilot.press("S", "enter")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        (tmp_path / "brave-otter.log").write_text("mine")
        await pilot.press("escape")
        await settle(pilot)
        assert (tmp_path / "brave-otter.log").read_text() == "mine"
        await pilot.press("S", "enter")
        await until(pilot, lambda: isinstance(app.screen, QuestionDialog))
        await confirm(app, pilot)
        await until(pilot, lambda: len((tmp_path / "brave-otter.log").read_text().splitlines()) == 40)


async def test_a_log_that_cannot_be_read_is_told(backend: RunsBackend) -> None:
    async with opened(backend, RUNNING) as (app, pilot, _):
        backend.error = OSError("the disk is gone")
        backend.changed()
        await until(pilot, lambda: "the disk is gone" in said(app))


async def test_copy_offers_lines_id_name_and_command(backend: RunsBackend) -> None:
    async with opened(backend, FAILED) as (app, pilot, screen):
        await pilot.press("y")
        await settle(pilot)
        assert isinstance(app.screen, CopyMenu)
        await pilot.press("enter")
        await settle(pilot)
        assert app.clipboard == "\n".join(screen.panel.view.shown_texts())
        assert "Copied log on screen: 18 lines," in said(app)
        await pilot.press("y")
        await settle(pilot)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert app.clipboard == str(FAILED)
        await pilot.press("y")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is screen


async def test_o_opens_the_deployment_and_escape_goes_back(backend: RunsBackend) -> None:
    async with opened(backend, FAILED) as (app, pilot, screen):
        await pilot.press("o")
        await settle(pilot)
        assert isinstance(app.screen, DeploymentScreen)
        assert app.screen.deployment_id == DEPLOYMENT
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is screen
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, FlowRunScreen)
