"""Open the screen: the TUI on the main thread, scheduler and worker beside it in the same process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.exits import DONE, UsageProblem, report_crash
from sluice.log_file import start_log_file
from sluice.settings import Settings, load_settings

if TYPE_CHECKING:
    from sluice.house import House


def open_screen(db: Path | None, read_only: bool) -> int:
    """Show the database until the operator quits.

    Raises:
        UsageProblem: no terminal, or settings that cannot be understood.
        DatabaseProblem: the database cannot be used.
    """
    return show(load_settings(db), read_only)


def show(
    settings: Settings,
    read_only: bool = False,
    farewell: Callable[[House], None] | None = None,
    last_words: str | None = None,
) -> int:
    """Open the database of `settings` and show it until the operator quits.

    Args:
        settings: say where the database is.
        read_only: change nothing; neither schedule nor work.
        farewell: called when the screen is closed and the threads still run.
        last_words: printed at the end in place of what the screen has to say.

    Returns:
        The exit code.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise UsageProblem(
            "the screen needs a terminal; without one use `sluice serve` to schedule and work, "
            "or `sluice ls`, `run`, `runs`, `logs` (`sluice --help` lists all commands)"
        )
    start_log_file(settings)
    from sluice.house import open_house
    from sluice.live_app import LiveApp

    with open_house(settings, scheduler=False, worker=False, read_only=read_only) as house:
        app = LiveApp(house)
        try:
            app.run()
        finally:
            if farewell is not None:
                farewell(house)
    if app.return_code:
        return report_crash(app.last_words)
    print(app.last_words if last_words is None else last_words, end="")
    return DONE
