"""`sluice backfills`: how far backfills are; pause, resume and cancel one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from backend.protocol import Backend
from sluice.backfill_output import print_backfill, print_backfills, progress_in_words
from sluice.exits import UsageProblem
from sluice.invocation import opened
from sluice.names import SHORTEST_PREFIX
from sluice.output import note, print_json, say
from sluice.ranges import find_zone
from store.errors import NotFound, Refused
from store.schemas import Backfill
from tui.text import plural


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backfills")(backfills)


def backfills(
    ctx: typer.Context,
    wanted: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One backfill: its id, or the beginning of it.")
    ] = None,
    pause: Annotated[
        bool, typer.Option("--pause", help="Start no more of its runs; those that run go on.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Start its runs again.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel its runs that have not started.")] = False,
    stop_running: Annotated[
        bool | None,
        typer.Option(
            "--stop-running/--leave-running",
            help="With --cancel: what becomes of runs that run now. Default: ask, else leave them.",
        ),
    ] = None,
    open_only: Annotated[bool, typer.Option("--open", help="List only those that are not over.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="List at most so many.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list of backfills; with an ID that one.")
    ] = False,
) -> None:
    """List backfills, the newest first; or show, pause, resume or cancel one."""
    steering = [word for word, asked in (("pause", pause), ("resume", resume), ("cancel", cancel)) if asked]
    if len(steering) > 1 or (steering and wanted is None):
        raise UsageProblem("give the id of one backfill, and one of --pause, --resume and --cancel")
    zone, now = find_zone(None), datetime.now(UTC)
    with opened(ctx) as backend:
        if wanted is None:
            found = backend.read_backfills(limit=limit, open_only=open_only)
            if as_json:
                print_json(found)
            elif found:
                print_backfills(found, zone, now)
            else:
                note("No backfill. `sluice backfill NAME --from -7d --dry-run` shows what one would do.")
            return
        one = _find(backend, wanted)
        if steering:
            one = _steer(backend, one, steering[0], stop_running)
    if as_json:
        print_json(one)
    elif steering:
        now_is = f"{one.state.value.capitalize()}: {progress_in_words(one.progress)}"
        say(f"{one.id} of {one.deployment_name} is {now_is}")
    else:
        print_backfill(one, zone, now)


def _steer(backend: Backend, one: Backfill, what: str, stop_running: bool | None) -> Backfill:
    if what == "pause":
        return backend.pause_backfill(one.id)
    if what == "resume":
        return backend.resume_backfill(one.id)
    running = one.progress.running
    if stop_running is None and running and sys.stdin.isatty():
        question = f"{plural(running, 'run')} of it {'is' if running == 1 else 'are'} running. Stop too?"
        stop_running = typer.confirm(question, default=False, err=True)
    return backend.cancel_backfill(one.id, cancel_running=bool(stop_running))


def _find(backend: Backend, start: str) -> Backfill:
    """The backfill whose id begins so.

    Raises:
        NotFound: there is none.
        Refused: there are several.
    """
    digits = start.replace("-", "").lower()
    found = [one for one in backend.read_backfills(limit=10_000) if one.id.hex.startswith(digits)]
    if len(digits) < SHORTEST_PREFIX or not found:
        message = f"no backfill's id begins with {start!r}; `sluice backfills` lists them"
        raise NotFound("Backfill", start, message)
    if len(found) > 1:
        raise Refused(f"{len(found)} backfills have an id that begins with {start!r}: give more of it")
    return found[0]
