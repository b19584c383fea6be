"""`sluice demo`: a throw-away database of real deployments with a believable past, and the screen on it."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.exits import DONE, UsageProblem
from sluice.settings import Settings

if TYPE_CHECKING:
    from sluice.house import House

CONCURRENCY = 8
"""The demo's long runs mostly sleep: many may go on at once."""
LAST_WORDS = "The demo is over, and nothing of it is left. `sluice` alone opens your own database.\n"
STOP_SECONDS = 5.0
"""How long the end of the demo waits for the runs that it stops."""


def open_demo(keep: Path | None, *, seed: int, screen: bool = True) -> int:
    """Make the demo (or open the one kept in `keep`), show it, and remove it again unless it is kept.

    Args:
        keep: the folder to make it in and leave it in; null: a temporary one.
        seed: another number makes another past.
        screen: show it; without a screen the demo must be kept.

    Raises:
        UsageProblem: no screen and not kept, or `keep` holds something else.
    """
    if keep is None:
        if not screen:
            raise UsageProblem("--no-screen makes a demo that nobody can see: add --keep DIR")
        folder = Path(tempfile.mkdtemp(prefix="sluice-demo-")).resolve()
        try:
            return _show(_made(folder, seed), throw_away=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    settings = _made(keep.expanduser().absolute(), seed)
    if screen:
        return _show(settings, throw_away=False)
    print(f"The demo is in {settings.database}. Open it with: sluice demo --keep {settings.home}")
    return DONE


def _made(folder: Path, seed: int) -> Settings:
    settings = Settings(home=folder, worker_concurrency=CONCURRENCY)
    if settings.database.exists():
        return settings
    if folder.exists() and any(folder.iterdir()):
        raise UsageProblem(f"{folder} is not empty and holds no demo: give a new or empty folder")
    from sluice.demo.build import build_demo

    build_demo(settings, seed=seed)
    return settings


def _show(settings: Settings, *, throw_away: bool) -> int:
    from sluice.screen import show

    if not throw_away:
        return show(settings)
    return show(settings, farewell=_stop_runs, last_words=LAST_WORDS)


def _stop_runs(house: House) -> None:
    """End what still runs, so that nothing writes into a folder that is being removed."""
    from store.schemas import DeploymentQuery, FlowRunQuery, StateType

    live = FlowRunQuery(state_types=(StateType.PENDING, StateType.RUNNING, StateType.CANCELLING))
    house.backend.pause_deployments(house.backend.deployment_keys(DeploymentQuery()), "the demo ends")
    deadline = time.monotonic() + STOP_SECONDS
    while (ids := house.backend.flow_run_keys(live)) and time.monotonic() < deadline:
        house.backend.cancel_flow_runs(ids)
        time.sleep(0.05)
