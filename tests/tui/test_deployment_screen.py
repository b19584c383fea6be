"""The Deployment screen: its tabs, every key with its refusals, live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from support.fake_backend import make_id
from support.tui import NOON, make_app, sample_rows, settle, until
from support.tui_runs import DEPLOYMENT, FAILED, HOSTILE, RUNNING, RunsBackend, fill, fill_deployment
from textual.pilot import Pilot
from textual.widgets import Button

from store.clock import FrozenClock
from store.errors import Refused
from store.schemas import Deployment
from tui.app import SluiceApp
from tui.screens.copy_menu import CopyMenu
from tui.screens.deployment import TABS, DeploymentScreen
from tui.screens.dialogs import QuestionDialog
from tui.screens.flow_run import FlowRunScreen

BAD_RULE = make_id(31)
"""billing/bad-rule of the sample rows."""


@pytest.fixture
def backend(clock: FrozenClock) -> RunsBackend:
    """report/sales-daily in full, with runs."""
    made = RunsBackend(clock, sample_rows(40, NOON))
    fill(made)
    fill_deployment(made)
    return made


@asynccontextmanager
async def opened(
    backend: RunsBackend,
    key: UUID = DEPLOYMENT,
    size: tuple[int, int] = (80, 24),
    *,
    read_only: bool = False,
) -> AsyncIterator[tuple[SluiceApp, Pilot[None], DeploymentScreen]]:
    """The app with that deployment open."""
    app = make_app(backend, read_only=read_only)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.open_deployment(key)
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, DeploymentScreen)
        yield app, pilot, screen


def said(app: SluiceApp) -> str:
    """All notifications so far."""
    return "\n".join(notification.message for notification in app._notifications)


# --- tabs


async def test_each_tab_has_its_key_and_says_what_it_is_for(backend: RunsBackend) -> None:
    expected = {
        "h": ("schedules", "2026-03-03 06:00:00 CET  =  2026-03-03 05:00:00 UTC"),
        "m": ("upcoming", "Next times (UTC)"),
        "a": ("parameters", "one of html, csv, default html"),
        "i": ("history", "- parameters.days: 7"),
        "o": ("overview", "flows/report.py:main"),
    }
    async with opened(backend, size=(140, 40)) as (_, pilot, screen):
        for key, (tab, words) in expected.items():
            await pilot.press(key)
            await settle(pilot)
            assert screen.tabs.active == tab
            assert words in screen.facts.text
            assert "s3cr3t" not in screen.facts.text
            assert "hunter2" not in screen.facts.text


async def test_arrows_and_tab_go_round(backend: RunsBackend) -> None:
    async with opened(backend) as (_, pilot, screen):
        order = [tab.id for tab in TABS]
        for key, tab in (
            ("right", 1),
            ("tab", 2),
            ("right", 3),
            ("left", 2),
            ("shift+tab", 1),
            ("left", 0),
            ("left", 6),
        ):
            await pilot.press(key)
            await settle(pilot)
            assert screen.tabs.active == order[tab], key


async def test_a_click_chooses_a_tab(backend: RunsBackend) -> None:
    async with opened(backend) as (_, pilot, screen):
        await pilot.click(screen.tabs, offset=(14, 0))
        await settle(pilot)
        assert screen.tabs.active == "schedules"


async def test_the_yaml_tab_shows_what_the_program_writes_or_why_not(
    backend: RunsBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("Y")
        await settle(pilot)
        assert "sluice export" in screen.facts.text

        def write(deployment: Deployment) -> str:
            return f"name: {deployment.name}\n"

        monkeypatch.setattr(app, "yaml_of", write)
        screen.refresh_data()
        await settle(pilot)
        assert "name: sales-daily" in screen.facts.text


async def test_a_wide_terminal_shows_what_comes_and_what_was(backend: RunsBackend) -> None:
    async with opened(backend, size=(140, 40)) as (_, pilot, screen):
        assert "Next (UTC)" in screen.side.text
        assert "stoic-heron" in screen.side.text
        await pilot.press("z")
        assert screen.side.region.width == 0
    async with opened(backend) as (_, pilot, screen):
        assert screen.side.region.width == 0
        await pilot.press("z")
        await pilot.pause()
        assert screen.side.region.width > 0


# --- runs tab


async def test_the_runs_tab_lists_only_its_runs_and_opens_them(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("l")
        await settle(pilot)
        assert {backend.runs[key].deployment_id for key in screen.runs.table.keys} == {DEPLOYMENT}
        screen.runs.table.put_cursor_on(FAILED)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, FlowRunScreen)
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is screen
        assert screen.tabs.active == "runs"


async def test_keys_of_the_runs_tab(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("X")
        assert "Open the Runs tab first, with l." in said(app)
        await pilot.press("l")
        await settle(pilot)
        screen.runs.table.put_cursor_on(RUNNING)
        await pilot.press("X")
        await settle(pilot)
        assert isinstance(app.screen, QuestionDialog)
        app.screen.query_one("#yes", Button).press()
        await settle(pilot)
        assert backend.calls == [("cancel", [RUNNING])]
        await pilot.press("slash", *"failed", "enter")
        await settle(pilot)
        assert screen.runs.table.keys == [FAILED]
        await pilot.press("escape", "f", "s", "S")
        await settle(pilot)
        assert screen.runs.span == "upcoming"
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is not screen


# --- changes


async def test_pause_and_resume(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("p")
        await settle(pilot)
        assert ("pause", [DEPLOYMENT]) in backend.calls
        await until(pilot, lambda: "Paused" in screen.header.render().plain)
        await pilot.press("p")
        await settle(pilot)
        assert ("resume", [DEPLOYMENT]) in backend.calls
        assert "Resumed 1 deployment." in said(app)


async def test_run_now_says_the_name(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, _):
        await pilot.press("r")
        await settle(pilot)
        assert ("run", DEPLOYMENT) in backend.calls
        assert "is due now." in said(app)


async def test_delete_asks_and_the_screen_says_it_is_gone(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, QuestionDialog)
        assert app.screen.question.items == ("report/sales-daily",)
        app.screen.query_one("#yes", Button).press()
        await settle(pilot)
        assert ("delete", [DEPLOYMENT]) in backend.calls
        await until(pilot, lambda: "deleted" in screen.header.render().plain)
        await pilot.press("p")
        assert "This deployment was deleted." in said(app)


async def test_read_only_drops_the_changing_keys(backend: RunsBackend) -> None:
    async with opened(backend, read_only=True) as (app, pilot, screen):
        for key in ("p", "r", "d"):
            await pilot.press(key)
            await settle(pilot)
        assert app.screen is screen
        assert not backend.calls


async def test_copy_offers_name_command_id_and_yaml(backend: RunsBackend) -> None:
    async with opened(backend) as (app, pilot, _):
        await pilot.press("y")
        await settle(pilot)
        assert isinstance(app.screen, CopyMenu)
        await pilot.press("enter")
        await settle(pilot)
        assert app.clipboard == "report/sales-daily"
        assert "Copied name: report/sales-daily" in said(app)


# --- trouble and hostile text


async def test_a_planning_error_is_prominent(backend: RunsBackend) -> None:
    async with opened(backend, BAD_RULE) as (_, _, screen):
        assert 'Cannot be planned: Invalid cron string: "61 * * * *"' in screen.header.render().plain


async def test_a_rule_that_raises_says_so_in_its_place(
    backend: RunsBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[object]:
        raise Refused("Invalid timezone: Mars")

    monkeypatch.setattr(backend, "next_occurrences", refuse)
    async with opened(backend) as (app, pilot, screen):
        await pilot.press("h")
        await settle(pilot)
        assert screen.facts.text.count("Invalid timezone: Mars") == 2
        assert not said(app)


async def test_hostile_text_stays_text(backend: RunsBackend) -> None:
    row = backend.rows[DEPLOYMENT]
    evil = HOSTILE * 40
    backend.rows[DEPLOYMENT] = row._replace(name=HOSTILE, flow_name=HOSTILE, error=evil, tags=(HOSTILE,))
    full = backend.full_deployments[DEPLOYMENT]
    backend.full_deployments[DEPLOYMENT] = full.model_copy(
        update={
            "name": HOSTILE,
            "description": evil,
            "tags": [HOSTILE],
            "labels": {HOSTILE: HOSTILE},
            "parameters": {HOSTILE: evil, "folder": evil},
            "entrypoint": evil,
            "version": HOSTILE,
        }
    )
    for size in ((80, 24), (140, 40)):
        async with opened(backend, size=size) as (app, pilot, _):
            for _ in TABS:
                picture = app.export_screenshot()
                for bad in ("\x1b", "\x07", "\u202e", "\x00"):
                    assert bad not in picture
                await pilot.press("right")
                await settle(pilot)


async def test_a_change_elsewhere_shows(backend: RunsBackend) -> None:
    async with opened(backend) as (_, pilot, screen):
        full = backend.full_deployments[DEPLOYMENT]
        backend.full_deployments[DEPLOYMENT] = full.model_copy(update={"entrypoint": "flows/other.py:go"})
        backend.changed()
        await until(pilot, lambda: "flows/other.py:go" in screen.facts.text)
