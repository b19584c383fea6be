"""`sluice serve`: schedule and work without a screen."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from sluice.invocation import invocation
from sluice.log_file import start_log_file
from store.errors import Refused

if TYPE_CHECKING:
    from sluice.house import House

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    ctx: typer.Context,
    no_scheduler: Annotated[bool, typer.Option("--no-scheduler", help="Do not plan runs.")] = False,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Do not execute runs.")] = False,
) -> None:
    """Schedule and work until SIGTERM, SIGINT or SIGHUP. Prints one line when it is ready.

    Runs that are still going when it stops go on; the next process that works adopts them.
    """
    from sluice.house import open_house  # not needed for --help, which imports every command

    asked = invocation(ctx)
    if asked.read_only:
        raise Refused("`sluice serve` changes the database: it cannot be combined with --read-only")
    if no_scheduler and no_worker:
        raise Refused("with --no-scheduler and --no-worker there is nothing to do")
    settings = asked.settings()
    start_log_file(settings)
    stopped = _stop_event()
    with open_house(settings, scheduler=not no_scheduler, worker=not no_worker) as house:
        print(_ready_line(house), flush=True)
        stopped.wait()


def _stop_event() -> threading.Event:
    """Set by the first stop signal; from then on a second one ends the process at once."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        stopped.set()

    for each in STOP_SIGNALS:
        signal.signal(each, stop)
    return stopped


def _ready_line(house: House) -> str:
    status = house.backend.read_status()
    parts = []
    if house.scheduler is not None:
        holder = status.scheduler
        other = holder is not None and not holder.is_self
        parts.append(
            f"ready to schedule when process {holder.pid} ends" if other and holder else "scheduling"
        )
    if house.worker is not None:
        holder = status.worker
        other = holder is not None and not holder.is_self
        parts.append(f"ready to work when process {holder.pid} ends" if other and holder else "working")
    return f"sluice serve: {' and '.join(parts)} on {house.settings.database} (process {os.getpid()})"
