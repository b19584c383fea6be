"""A monkey at the keyboard: seeded random keys, clicks, resizes and changes by others; nothing may break."""

from __future__ import annotations

from random import Random

import pytest
from support.fake_backend import make_id
from support.tui import NOON, make_app, make_backend, sample_rows, settle
from textual.pilot import Pilot

from store.clock import FrozenClock
from store.errors import DatabaseUnreadable
from tui.app import SluiceApp

KEYS = [
    *("up", "down", "j", "k", "g", "G", "pageup", "pagedown", "ctrl+d", "ctrl+u", "home", "end", "tab"),
    *(
        "space",
        "v",
        "asterisk",
        "backslash",
        "slash",
        "colon",
        "question_mark",
        "ctrl+p",
        "f2",
        "z",
        "s",
        "S",
    ),
    *("p", "r", "d", "enter", "escape", "escape", "left", "right", "ctrl+r", "right_square_bracket"),
    *("e", "t", "l", "0", "4", "minus", "backspace", "X", "y", "h", "m", "a", "i", "Y", "o", "f", "f1"),
]
SIZES = [(80, 24), (140, 40), (20, 5), (44, 10), (100, 30), (121, 12)]
STEPS = 150


async def step(app: SluiceApp, random: Random, pilot: Pilot[None]) -> None:
    """One thing that may happen."""
    backend = app.backend
    chance = random.random()
    if chance < 0.9:
        await pilot.press(random.choice(KEYS))
    elif chance < 0.94:
        await pilot.resize_terminal(*random.choice(SIZES))
    elif chance < 0.96:
        await pilot.click(offset=(random.randrange(app.size.width), random.randrange(app.size.height)))
    elif chance < 0.98:
        rows = sample_rows(40)
        backend.put(*random.sample(rows, 5))  # type: ignore[attr-defined]
    elif chance < 0.99:
        backend.rows.pop(make_id(random.randrange(1, 41)), None)  # type: ignore[attr-defined]
        backend.changed()  # type: ignore[attr-defined]
    else:
        broken = DatabaseUnreadable("/x", "The database /x [/b] is damaged.")
        backend.error = None if backend.error else broken  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_breaks(seed: int) -> None:
    random = Random(seed)
    steps = 0
    while steps < STEPS:
        app = make_app(make_backend(FrozenClock(NOON)))
        async with app.run_test(size=random.choice(SIZES), notifications=True) as pilot:
            await settle(pilot)
            while steps < STEPS and app.is_running and not app._exit:
                await step(app, random, pilot)
                steps += 1
            await settle(pilot)
