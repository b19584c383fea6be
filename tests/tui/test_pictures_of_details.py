"""Pictures of the Run, Runs and Deployment screens, compared with those that were looked at and approved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.tui import NOON, make_app, sample_rows, settle
from support.tui_runs import (
    DEPLOYMENT,
    FAILED,
    LATE,
    ORPHAN,
    RUNNING,
    RunsBackend,
    fill,
    fill_deployment,
    fill_many,
)
from textual.pilot import Pilot

from store.clock import FrozenClock
from store.schemas import Deployment
from tui.app import SluiceApp

SMALL, LARGE = (80, 24), (140, 40)
DARK, LIGHT = "sluice-dark", "sluice-light"
ALL = [(size, theme) for size in (SMALL, LARGE) for theme in (DARK, LIGHT)]
TWO = [(SMALL, LIGHT), (LARGE, DARK)]

Compare = Callable[..., bool]
Opener = Callable[[SluiceApp], None]


def write_yaml(deployment: Deployment) -> str:
    """What the opening program would write."""
    lines = [f"  - name: {deployment.name}", f"    entrypoint: {deployment.entrypoint}", "    tags:"]
    return "\n".join(["deployments:", *lines, *(f"      - {tag}" for tag in deployment.tags)])


def picture(
    compare: Compare, size: tuple[int, int], theme: str, opener: Opener, keys: Sequence[str] = ()
) -> bool:
    """Open a screen, press keys, and compare."""
    backend = RunsBackend(FrozenClock(NOON), sample_rows(40, NOON))
    fill(backend)
    fill_many(backend, 120)
    fill_deployment(backend)
    app = make_app(backend, theme=theme)
    app.yaml_of = write_yaml  # type: ignore[method-assign]  # an instance's own

    async def prepare(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        opener(app)
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)

    return compare(app, terminal_size=size, run_before=prepare)


@pytest.mark.parametrize(("size", "theme"), ALL)
def test_run_that_failed(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert picture(snap_compare, size, theme, lambda app: app.open_run(FAILED))


@pytest.mark.parametrize(("size", "theme"), TWO)
def test_run_that_waits(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert picture(snap_compare, size, theme, lambda app: app.open_run(LATE))


@pytest.mark.parametrize(("size", "theme"), TWO)
def test_run_found_and_filtered(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    keys = ["ampersand", *"level:info", "enter", "slash", *"total", "enter"]
    assert picture(snap_compare, size, theme, lambda app: app.open_run(RUNNING), keys)


def test_run_with_details_below(snap_compare: Compare) -> None:
    assert picture(snap_compare, SMALL, DARK, lambda app: app.open_run(FAILED), ["z"])


def test_run_with_hostile_text_folded(snap_compare: Compare) -> None:
    assert picture(snap_compare, LARGE, DARK, lambda app: app.open_run(ORPHAN), ["W", "g"])


def test_run_with_a_bad_pattern(snap_compare: Compare) -> None:
    keys = ["ampersand", "left_parenthesis", "a"]
    assert picture(snap_compare, SMALL, DARK, lambda app: app.open_run(FAILED), keys)


@pytest.mark.parametrize(("size", "theme"), TWO)
def test_cancelling_a_run(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert picture(snap_compare, size, theme, lambda app: app.open_run(RUNNING), ["X"])


def test_copy_menu(snap_compare: Compare) -> None:
    assert picture(snap_compare, SMALL, DARK, lambda app: app.open_run(FAILED), ["y"])


@pytest.mark.parametrize(("size", "theme"), ALL)
def test_runs(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert picture(snap_compare, size, theme, lambda app: app.open_runs())


def test_runs_without_a_match(snap_compare: Compare) -> None:
    assert picture(snap_compare, SMALL, DARK, lambda app: app.open_runs("nothing-like-it"))


@pytest.mark.parametrize(("size", "theme"), ALL)
def test_deployment(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert picture(snap_compare, size, theme, lambda app: app.open_deployment(DEPLOYMENT))


@pytest.mark.parametrize("key", ["h", "l", "m", "a", "i", "Y"])
@pytest.mark.parametrize(("size", "theme"), TWO)
def test_deployment_tabs(snap_compare: Compare, size: tuple[int, int], theme: str, key: str) -> None:
    assert picture(snap_compare, size, theme, lambda app: app.open_deployment(DEPLOYMENT), [key])


def test_deployment_paused(snap_compare: Compare) -> None:
    assert picture(snap_compare, SMALL, DARK, lambda app: app.open_deployment(DEPLOYMENT), ["p"])
