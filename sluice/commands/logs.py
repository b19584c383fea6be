"""`sluice logs`: what a run wrote."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import typer

from sluice.follow import follow_run, show_lines
from sluice.invocation import opened
from sluice.names import find_flow_run
from sluice.output import note, print_json
from sluice.run_output import line_as_json, line_printer
from store.schemas import TERMINAL_STATES, LogLine

Level = Literal["debug", "info", "warning", "error"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("logs")(logs)


def logs(
    ctx: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's name or id, or the beginning of its id.")
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=1, help="Begin with the last so many lines.")
    ] = None,
    level: Annotated[Level, typer.Option(help="Only lines of this level and above.")] = "debug",
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON list of lines; with --follow, one object per line.")
    ] = False,
) -> None:
    """Print a run's log."""
    least = 0 if level == "debug" else logging.getLevelNamesMapping()[level.upper()]
    with opened(ctx) as backend:
        found = find_flow_run(backend, run)
        kept: list[LogLine] = []
        show = kept.append if as_json and not follow else line_printer(as_json)
        after = 0
        if tail is not None:
            last = backend.read_last_logs(found.id, tail)
            for line in last:
                if line.level >= least:
                    show(line)
            after = last[-1].id if last else 0
        if follow:
            ended = follow_run(backend, found.id, show, after_id=after, min_level=least)
            note(f"{ended.name}: {ended.state_name}")
            return
        if tail is None:
            after = show_lines(backend, found.id, show, min_level=least)
    if as_json:
        print_json([line_as_json(line) for line in kept])
    elif not after:
        goes_on = (
            ""
            if found.state_type in TERMINAL_STATES
            else f"; `sluice logs {found.name} -f` waits for its lines"
        )
        note(f"{found.name} is {found.state_name} and has no log lines{goes_on}.")
