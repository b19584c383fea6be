"""The app with the house behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from support.houses import opened_house
from support.tui import settle
from textual.pilot import Pilot

from sluice.house import House
from sluice.live_app import LiveApp
from store.errors import DatabaseUnreadable
from store.schemas import DeploymentQuery
from tui.screens.deployments import DeploymentsScreen


def home_screen(pilot: Pilot[None]) -> DeploymentsScreen:
    assert isinstance(pilot.app.screen, DeploymentsScreen)
    return pilot.app.screen


def test_the_list_is_there_with_the_screen(filled: Path) -> None:
    async def look(house: House) -> None:
        async with LiveApp(house).run_test() as pilot:
            screen = home_screen(pilot)
            shown = [screen.table.row_of(key) for key in screen.table.keys]
            names = ["sales/hourly", "sales/nightly", "stock/nightly"]
            assert [row.full_name for row in shown if row] == names
            assert screen.query_shown == screen.query_now
            await settle(pilot)
            assert len(screen.table.keys) == 3

    with opened_house() as house:
        asyncio.run(look(house))


def test_a_list_that_cannot_be_read_is_explained_on_the_screen(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deployment_keys(query: DeploymentQuery) -> list[UUID]:
        raise DatabaseUnreadable(filled, "the disk is on fire")

    async def look(house: House) -> None:
        async with LiveApp(house).run_test() as pilot:
            await settle(pilot)
            said = str(home_screen(pilot).empty.render())
            assert "The deployments could not be read" in said
            assert "the disk is on fire" in said

    with opened_house() as house:
        monkeypatch.setattr(house.backend, "deployment_keys", deployment_keys)
        asyncio.run(look(house))
