"""Pictures of the home screen and all that opens above it, at two sizes, dark and light, with frozen time.

After a wanted change: `pytest tests/tui/test_snapshots.py --snapshot-update`, then look at the pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.tui import NOON, make_app, make_backend, settle
from textual.pilot import Pilot
from textual.widgets import Input

from store.clock import FrozenClock

SMALL, LARGE = (80, 24), (140, 40)
SCENES: dict[str, tuple[str, ...]] = {
    "list": (),
    "filter": ("slash", *"etl"),
    "marks": ("down", "space", "space", "down", "v", "down", "down"),
    "dialog": ("asterisk", "d"),
    "help": ("question_mark",),
    "palette": ("ctrl+p", *"sort"),
}

Compare = Callable[..., bool]


def take(
    snap_compare: Compare,
    keys: tuple[str, ...],
    size: tuple[int, int],
    theme: str = "sluice-dark",
    **options: Any,
) -> bool:
    """Press keys, wait until all is still, and compare the picture."""

    async def before(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press(*keys)
        for entry in pilot.app.screen.query(Input):
            entry.cursor_blink = False
        await settle(pilot)

    backend = make_backend(FrozenClock(NOON), options.pop("count", 40))
    return snap_compare(make_app(backend, theme=theme, **options), terminal_size=size, run_before=before)


@pytest.mark.parametrize("theme", ["sluice-dark", "sluice-light"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])
@pytest.mark.parametrize("scene", list(SCENES))
def test_deployments(snap_compare: Compare, scene: str, size: tuple[int, int], theme: str) -> None:
    assert take(snap_compare, SCENES[scene], size, theme)


@pytest.mark.parametrize("theme", ["sluice-dark", "sluice-light"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])
def test_nothing_yet(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert take(snap_compare, (), size, theme, count=0)


def test_nothing_matches(snap_compare: Compare) -> None:
    assert take(snap_compare, ("slash", *"zzz", "enter"), SMALL)


@pytest.mark.parametrize("size", [(20, 5), (43, 12)], ids=["20x5", "43x12"])
def test_too_small(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert take(snap_compare, (), size)


@pytest.mark.parametrize("size", [(50, 12), (100, 30), (200, 50)], ids=["50x12", "100x30", "200x50"])
def test_widths_between(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert take(snap_compare, (), size)


def test_read_only(snap_compare: Compare) -> None:
    assert take(snap_compare, (), SMALL, read_only=True)


def test_preview_below(snap_compare: Compare) -> None:
    assert take(snap_compare, ("z",), SMALL)


def test_delete_one(snap_compare: Compare) -> None:
    assert take(snap_compare, ("down", "d"), SMALL)


def test_a_theme_of_textual(snap_compare: Compare) -> None:
    assert take(snap_compare, ("down",), SMALL, "gruvbox")
