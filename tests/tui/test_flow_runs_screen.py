"""The list of runs: every key with its refusals, live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta

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
    fill_many,
)
from textual.pilot import Pilot
from textual.widgets import Button, Input

from store.clock import FrozenClock
from store.schemas import FlowRunRow
from tui.app import SluiceApp
from tui.screens.deployment import DeploymentScreen
from tui.screens.dialogs import QuestionDialog
from tui.screens.flow_run import FlowRunScreen
from tui.screens.flow_run_columns import gauge, late_cell, moment
from tui.screens.flow_runs import FlowRunsScreen
from tui.widgets.columns import CellContext


@pytest.fixture
def backend(clock: FrozenClock) -> RunsBackend:
    """One run of every kind."""
    made = RunsBackend(clock, sample_rows(40, NOON))
    fill(made)
    return made


@asynccontextmanager
async def opened(
    backend: RunsBackend, text: str = "", *, read_only: bool = False
) -> AsyncIterator[tuple[SluiceApp, Pilot[None], FlowRunsScreen]]:
    """The app with the list open."""
    app = make_app(backend, read_only=read_only)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.open_runs(text)
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, FlowRunsScreen)
        yield app, pilot, screen


def said(app: SluiceApp) -> str:
    """All notifications so far."""
    return "\n".join(notification.message for notification in app._notifications)


def names(backend: RunsBackend, screen: FlowRunsScreen) -> list[str]:
    """The names of the listed runs, in order."""
    return [backend.runs[key].name for key in screen.table.keys]


async def test_so_far_leaves_out_what_is_to_come(backend: RunsBackend) -> None:
    async with opened(backend) as (_, pilot, screen):
        assert SCHEDULED not in screen.table.keys
        assert screen.table.keys[0] == LATE
        await pilot.press("f")
        await settle(pilot)
        assert set(screen.table.keys) == {SCHEDULED, LATE}
        await pilot.press("f")
        await settle(pilot)
        assert len(screen.table.keys) == 8
        await pilot.press("f")
        await settle(pilot)
        assert len(screen.table.keys) == 7


async def test_what_becomes_due_appears(backend: RunsBackend, clock: FrozenClock) -> None:
    async with opened(backend) as (app, pilot, screen):
        clock.advance(241)
        screen.show_moment(app.now())
        await until(pilot, lambda: SCHEDULED in screen.table.keys)


async def test_a_change_shows_in_place_with_the_cursor_on_its_run(backend: RunsBackend) -> None:
    async with opened(backend) as (_, pilot, screen):
        screen.table.put_cursor_on(RUNNING)
        backend.runs[RUNNING] = backend.runs[RUNNING]._replace(state_type="COMPLETED", state_name="Completed")
        newer = backend.runs[LATE]._replace(id=ORPHAN, name="newest", expected_start_time=NOON)
        backend.runs[ORPHAN] = newer
        backend.changed()
        await until(pilot, lambda: screen.table.keys[0] == ORPHAN)
        assert screen.table.cursor_key == RUNNING
        await until(pilot, lambda: screen.runs.cursor_run is not None)
        assert screen.runs.cursor_run is not None
        assert screen.runs.cursor_run.state_name == "Completed"


async def test_enter_opens_and_o_opens_the_deployment(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, FlowRunScreen)
        assert app.screen.flow_run_id == LATE
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is screen
        await pilot.press("o")
        await settle(pilot)
        assert isinstance(app.screen, DeploymentScreen)
        assert app.screen.deployment_id == DEPLOYMENT


async def test_o_is_refused_without_a_deployment(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        screen.table.put_cursor_on(ORPHAN)
        await settle(pilot)
        await pilot.press("o")
        assert "This run has no deployment" in said(app)


async def test_filter_sort_and_escape(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("slash", *"failed", "enter")
        await settle(pilot)
        assert screen.table.keys == [FAILED]
        await pilot.press("escape")
        await settle(pilot)
        assert len(screen.table.keys) == 7
        for _ in range(4):
            await pilot.press("s")
        await settle(pilot)
        assert names(backend, screen) == sorted(names(backend, screen))
        await pilot.press("S")
        await settle(pilot)
        assert names(backend, screen) == sorted(names(backend, screen), reverse=True)
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is not screen


async def test_a_filter_without_matches_says_what_to_do(backend: RunsBackend) -> None:
    async with opened(backend, "nothing-like-it") as (_, _, screen):
        assert "No run matches “nothing-like-it”" in str(screen.runs.empty.render())


async def test_an_empty_list_refuses_actions(clock: FrozenClock) -> None:
    async with opened(RunsBackend(clock, [])) as (app, pilot, screen):
        assert "No runs yet" in str(screen.runs.empty.render())
        for key in ("X", "r", "d"):
            await pilot.press(key)
        assert said(app).count("There is no run to act on here.") >= 1


async def test_cancel_acts_on_the_marks_and_leaves_ended_ones(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("asterisk", "X")
        await settle(pilot)
        assert isinstance(app.screen, QuestionDialog)
        assert app.screen.question.title == "Cancel 2 runs?"
        assert "5 chosen runs have ended already and stay." in app.screen.question.body
        app.screen.query_one("#yes", Button).press()
        await settle(pilot)
        assert [(name, set(ids)) for name, ids in backend.calls] == [("cancel", {LATE, RUNNING})]
        assert app.screen is screen


async def test_cancelling_many_asks_for_their_number(backend: RunsBackend) -> None:
    fill_many(backend, 60)
    for key, row in list(backend.runs.items())[8:20]:
        backend.runs[key] = row._replace(state_type="SCHEDULED", state_name="Late")
    async with opened(backend) as (app, pilot, _):
        await pilot.press("asterisk", "X")
        await settle(pilot)
        assert isinstance(app.screen, QuestionDialog)
        assert app.screen.question.typed == "14"
        assert app.screen.query_one("#yes", Button).disabled


async def test_run_again_opens_one_and_names_many(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        screen.table.put_cursor_on(FAILED)
        await pilot.press("space")
        screen.table.put_cursor_on(COMPLETED)
        await pilot.press("space", "r")
        await settle(pilot)
        assert app.screen is screen
        assert "2 runs are due now." in said(app)
        await pilot.press("backslash", "r")
        await settle(pilot)
        assert isinstance(app.screen, FlowRunScreen)


async def test_delete_refuses_live_ones_and_asks_for_the_count(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("asterisk", "d")
        await settle(pilot)
        assert "2 of these runs have not ended." in said(app)
        await pilot.press("backslash")
        for key in (FAILED, COMPLETED):
            screen.table.put_cursor_on(key)
            await pilot.press("space")
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, QuestionDialog)
        app.screen.query_one(Input).value = "2"
        await pilot.pause()
        app.screen.query_one("#yes", Button).press()
        await settle(pilot)
        assert "Deleted 2 runs." in said(app)
        assert FAILED not in screen.table.keys


async def test_read_only_drops_the_changing_keys(backend: RunsBackend) -> None:
    async with opened(backend, read_only=True) as (app, pilot, screen):
        for key in ("X", "r", "d"):
            await pilot.press(key)
            await settle(pilot)
        assert app.screen is screen
        assert not backend.calls


# --- cells


def row(**fields: object) -> FlowRunRow:
    """A run that was due a minute ago."""
    plain = FlowRunRow(
        FAILED, "x", "f", None, None, "SCHEDULED", "Scheduled", NOON - timedelta(minutes=1),
        None, None, None, True, None, (),
    )  # fmt: skip
    return plain._replace(**fields)  # type: ignore[arg-type]  # names are those of the row


def test_the_gauge_grows_with_the_logarithm() -> None:
    bars = [gauge(seconds, 6) for seconds in (0.01, 1, 10, 60, 600, 3_600, 86_400, 10**9)]
    assert bars[0] == "╸"
    assert bars[-2:] == ["━━━━━━"] * 2
    assert [len(bar) for bar in bars] == sorted(len(bar) for bar in bars)


def test_lateness_counts_for_what_waits_or_started() -> None:
    context = CellContext(6, NOON, UTC, frozenset())
    assert late_cell(row(), context) == [("1m00s", "state-late")]
    assert late_cell(row(state_type="CANCELLED"), context) == []
    assert late_cell(row(start_time=NOON - timedelta(seconds=59.5)), context) == []


def test_a_moment_takes_the_room_of_its_day() -> None:
    assert moment(NOON, NOON, UTC) == "12:00:00"
    assert moment(NOON - timedelta(days=3), NOON, UTC) == "27 Feb 12:00"
    assert moment(NOON - timedelta(days=300), NOON, UTC) == "2025-05-06"
