"""The home screen over the real backend: what it changes is stored, and what others change it shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, timedelta

import pytest
from support.tui import settle, until
from textual.pilot import Pilot

from backend.local import LocalBackend
from store import schemas, work_pools
from store.clock import SystemClock
from store.database import Store
from tui.app import SluiceApp
from tui.screens.deployments import DeploymentsScreen


@pytest.fixture
def backend(store: Store) -> Iterator[LocalBackend]:
    work_pools.ensure_defaults(store)
    backend = LocalBackend(store, who="ana@control")
    every_hour = schemas.DeploymentScheduleCreate(
        schedule=schemas.IntervalSchedule(interval=timedelta(hours=1), timezone="UTC")
    )
    flow_id = backend.create_flow(schemas.FlowCreate(name="etl")).id
    backend.apply_deployments(
        [
            (
                "etl",
                schemas.DeploymentCreate(name=name, flow_id=flow_id, schedules=[every_hour], tags=["prod"]),
            )
            for name in ("orders", "customers", "stock")
        ]
    )
    store.watch()
    return backend


def make(backend: LocalBackend) -> SluiceApp:
    app = SluiceApp(backend, clock=SystemClock(), zone=UTC)
    app.animation_level = "none"
    return app


def lines(pilot: Pilot[None]) -> str:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, DeploymentsScreen)
    return "\n".join(screen.table.render_line(y).text for y in range(screen.table.size.height))


async def test_pause_run_filter_sort_and_delete_reach_the_database(backend: LocalBackend) -> None:
    app = make(backend)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        assert "etl/customers" in lines(pilot)
        first = backend.read_deployment_by_name("etl", "customers")
        await pilot.press("p")
        await until(pilot, lambda: backend.read_deployment(first.id).paused)
        await until(pilot, lambda: "paused" in lines(pilot))
        await pilot.press("r")
        await until(pilot, lambda: len(backend.flow_run_keys(schemas.FlowRunQuery())) == 1)
        for key in ("s", "s", "s", "s", "s", "s", "S"):
            await pilot.press(key)
            await settle(pilot)
            assert lines(pilot).count("etl/") == 3
        await pilot.press("slash", *"stock", "enter")
        await until(pilot, lambda: lines(pilot).count("etl/") == 1)
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: len(backend.deployment_keys(schemas.DeploymentQuery())) == 2)
        await until(pilot, lambda: lines(pilot).count("etl/") == 0)


async def test_what_another_process_changes_shows_by_itself(backend: LocalBackend, store: Store) -> None:
    app = make(backend)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "paused" not in lines(pilot)
        command = [sys.executable, "-m", "sluice", "--db", str(store.path), "pause", "etl/orders"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        await until(pilot, lambda: "paused" in lines(pilot))
