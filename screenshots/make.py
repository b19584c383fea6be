"""Write SVG and PNG pictures of every screen: `python -m screenshots.make [NAME...] [--to FOLDER]`.

The demo's past is made from a seed and ends at a fixed instant, at which all clocks stand. PNG needs the
cairo library or rsvg-convert, and a monospace font; without them the SVGs are written all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from backend.local import LocalBackend
from scheduler import planner
from screenshots.png import FONT_SIZE, NothingDraws, write_png
from screenshots.scenes import SCENES, Scene
from sluice.demo.build import build_demo
from sluice.live_app import LiveApp
from sluice.settings import Settings
from store.clock import FrozenClock
from store.database import Store
from store.locks import LockFile
from tui.app import SluiceApp

NOW = datetime(2026, 11, 2, 14, 7, 33, tzinfo=UTC)
SEED = 7
FOLDER = Path(__file__).parent
FONT = "DejaVu Sans Mono"
_FONT_FACE = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
_TERMINAL_ID = re.compile(r"terminal-\d+-")
_NEEDLESS = (
    re.compile(r' clip-path="url\(#line-\d+\)"'),
    re.compile(r'<clipPath id="line-\d+">.*?</clipPath>\s*', re.DOTALL),
    re.compile(r"<text [^>]*>[\u00a0\s]*</text>"),
    re.compile(r' shape-rendering="crispEdges"'),
)
"""No letter of this font leaves its line, blanks show nothing, and `_EDGES` says the last for all."""
_EDGES = "rect { shape-rendering: crispEdges }"


class PictureApp(SluiceApp):
    """The app as the command opens it, but for the threads that schedule and work."""

    yaml_of = LiveApp.yaml_of


@contextmanager
def made_demo(folder: Path, *, empty: bool) -> Iterator[Store]:
    """The demo's database (or an empty one), planned, scheduled and worked by this process."""
    settings = Settings(home=folder)
    clock = FrozenClock(NOW)
    if not empty:
        build_demo(settings, seed=SEED, now=NOW)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store.open(settings.database, clock=clock)
    locks = [LockFile(store.path, role, clock) for role in ("scheduler", "worker")]
    try:
        planner.plan(store, NOW)
        for lock in locks:
            lock.try_acquire()
        yield store
    finally:
        for lock in locks:
            lock.release()
        store.close()


async def settle(pilot: Pilot[None]) -> None:
    """Wait until nothing is being read and all is painted."""
    for _ in range(4):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], key: str) -> None:
    """Press one key of a scene, or type a prompt's line."""
    if len(key) > 1 and key[0] in ":/":
        await pilot.press("colon" if key[0] == ":" else "slash", *key[1:], "enter")
    else:
        await pilot.press(key)
    await settle(pilot)


async def take(store: Store, scene: Scene, size: tuple[int, int], theme: str) -> str:
    """The SVG of one scene."""
    app = PictureApp(
        LocalBackend(store, who="ana@control"),
        read_only=scene.read_only,
        clock=store.clock,
        zone=UTC,
        theme=theme,
    )
    app.animation_level = "none"
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for key in scene.keys:
            await press(pilot, key)
        for entry in app.screen.query(Input):
            entry.cursor_blink = False
        await settle(pilot)
        return clean(app.export_screenshot(title="sluice"))


def clean(svg: str) -> str:
    """The same picture without fonts from the network, without an id that changes each time, and smaller."""
    svg = _TERMINAL_ID.sub("", _FONT_FACE.sub("", svg)).replace("&#160;", "\u00a0")
    for needless in _NEEDLESS:
        svg = needless.sub("", svg)
    svg = svg.replace("<style>", f"<style>{_EDGES}", 1)
    svg = svg.replace("Fira Code", FONT).replace("font-family: arial", f"font-family: {FONT}")
    return svg.replace("font-size: 20px", f"font-size: {FONT_SIZE}px")


Picture = tuple[Scene, tuple[int, int], str, str]
"""Scene, size, theme and the file's name without its ending."""


def pictures(names: list[str]) -> Iterator[Picture]:
    """The pictures asked for; all when no scene is named."""
    for scene in SCENES:
        if names and scene.name not in names:
            continue
        for width, height in scene.sizes:
            for theme in scene.themes:
                shade = theme.removeprefix("sluice-")
                yield scene, (width, height), theme, f"{scene.name}-{width}x{height}-{shade}"


def make(names: list[str], target: Path) -> str:
    """Write the pictures of these scenes (all when empty) into a folder; say what PNG lacks, if anything."""
    target.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.gettempdir()) / "sluice-pictures"  # always the same, for it is in the pictures
    shutil.rmtree(home, ignore_errors=True)
    os.environ["HOME"] = str(home)
    missing = ""
    try:
        for empty, folder in ((False, "sluice-demo"), (True, "sluice")):
            wanted = [picture for picture in pictures(names) if picture[0].empty == empty]
            if wanted:
                with made_demo(home / folder, empty=empty) as store:
                    missing = _write(store, wanted, target) or missing
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return missing


def _write(store: Store, wanted: list[Picture], target: Path) -> str:
    missing = ""
    for scene, size, theme, stem in wanted:
        svg = asyncio.run(take(store, scene, size, theme))
        (target / f"{stem}.svg").write_text(svg, encoding="utf-8")
        try:
            write_png(svg, target / f"{stem}.png")
        except NothingDraws as error:
            missing = str(error)
        sys.stdout.write(f"{stem}\n")
    return missing


def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenes; default: all")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder to write to")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {scene.name for scene in SCENES}
    if unknown:
        parser.error(f"no scene is called {', '.join(sorted(unknown))}")
    if missing := make(arguments.names, arguments.to):
        sys.exit(missing)


if __name__ == "__main__":
    main()
