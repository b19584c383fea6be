"""`sluice cancel`: stop runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sluice.invocation import opened
from sluice.names import find_flow_run
from sluice.output import print_json, say
from store.errors import Refused
from store.schemas import TERMINAL_STATES


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("cancel")(cancel)


def cancel(
    ctx: typer.Context,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Names or ids of runs, or beginnings of ids.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list of id, name and state.")] = False,
) -> None:
    """Cancel runs: those that wait at once, live ones by SIGTERM to their processes, then SIGKILL."""
    with opened(ctx) as backend:
        found = [find_flow_run(backend, run) for run in runs]
        ended = [run for run in found if run.state_type in TERMINAL_STATES]
        if ended:
            said = ", ".join(f"{run.name} is {run.state_name}" for run in ended)
            raise Refused(f"there is nothing to cancel: {said}")
        backend.cancel_flow_runs([run.id for run in found])
        now = [backend.read_flow_run(run.id) for run in found]
    if as_json:
        print_json([{"id": run.id, "name": run.name, "state_type": run.state_type} for run in now])
    else:
        for run in now:
            say(f"{run.name}: {run.state_name}")
