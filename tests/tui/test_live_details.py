"""The detail screens on a real database that another process changes: within half a second, in place."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC

from support.making import make_deployment
from support.tui import settle
from textual.pilot import Pilot

from backend.local import LocalBackend
from store import logs, states
from store.clock import SystemClock
from store.database import Store
from store.schemas import (
    CronSchedule,
    DeploymentFlowRunCreate,
    DeploymentScheduleCreate,
    FlowRun,
    LogCreate,
    StateCreate,
    StateType,
)
from tui.app import SluiceApp
from tui.screens.deployment import DeploymentScreen
from tui.screens.flow_run import FlowRunScreen

HALF_A_SECOND = 0.5


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[tuple[SluiceApp, Pilot[None], Store]]:
    """The app on `store`, and a second connection that stands for another process."""
    store.watch()
    other = Store.open(store.path)
    try:
        app = SluiceApp(LocalBackend(store, who="ada@tower"), clock=SystemClock(), zone=UTC)
        async with app.run_test(size=(140, 40)) as pilot:
            await settle(pilot)
            yield app, pilot, other
    finally:
        other.close()


async def seconds_until(pilot: Pilot[None], true: Callable[[], bool]) -> float:
    """How long it takes; at most ten seconds."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 10, "it did not come true"
        await pilot.pause(0.01)
    return time.monotonic() - began


def make_run(store: Store) -> FlowRun:
    """A run of a deployment with parameters and a schedule."""
    deployment = make_deployment(
        store,
        parameters={"folder": "/srv"},
        schedules=[
            DeploymentScheduleCreate(schedule=CronSchedule(cron="0 6 * * *", timezone="Europe/Paris"))
        ],
    )
    made = LocalBackend(store).create_flow_run_from_deployment(deployment.id, DeploymentFlowRunCreate())
    return made.flow_run


def line(run: FlowRun, message: str) -> LogCreate:
    """A log line, now."""
    return LogCreate(
        name="stdout", level=20, message=message, timestamp=SystemClock().now(), flow_run_id=run.id
    )


async def test_lines_and_states_of_another_process_appear(store: Store) -> None:
    run = make_run(store)
    async with opened(store) as (app, pilot, other):
        app.open_run(run.id)
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, FlowRunScreen)
        states.write(other, run.id, StateCreate(type=StateType.RUNNING))
        took = [await seconds_until(pilot, lambda: "► Running" in screen.header.render().plain)]
        for number in range(3):
            logs.write_logs(other, [line(run, f"line {number}")])
            took.append(
                await seconds_until(
                    pilot, lambda n=number: f"line {n}" in "".join(screen.panel.view.shown_texts())
                )
            )
        states.write(other, run.id, StateCreate(type=StateType.FAILED, message="it broke"))
        took.append(await seconds_until(pilot, lambda: "it broke" in screen.header.render().plain))
        assert sorted(took)[len(took) // 2] <= HALF_A_SECOND, took


async def test_a_deployment_of_a_real_database_opens_in_every_tab(store: Store) -> None:
    run = make_run(store)
    assert run.deployment_id is not None
    async with opened(store) as (app, pilot, _):
        app.open_deployment(run.deployment_id)
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, DeploymentScreen)
        for key, words in (
            ("h", "zone        Europe/Paris"),
            ("m", "Next times (UTC)"),
            ("a", "folder      /srv"),
            ("i", "create"),
            ("l", ""),
        ):
            await pilot.press(key)
            await settle(pilot)
            assert words in screen.facts.text, key
        assert screen.runs.table.keys == [run.id]
        await pilot.press("p")
        await seconds_until(pilot, lambda: "Paused by ada@tower" in screen.header.render().plain)
        await pilot.press("i")
        await settle(pilot)
        assert "+ paused: yes" in screen.facts.text
