"""`sluice delete`: remove deployments."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sluice.invocation import opened
from sluice.names import find_deployments
from sluice.output import note, print_json, say
from store.errors import Refused
from store.schemas import DeletionPreview
from tui.text import plural


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("delete")(delete)


def delete(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="flow/deployment, name or id.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object: how many, and their names.")
    ] = False,
) -> None:
    """Delete deployments with their schedules and waiting runs; runs that ran stay readable."""
    with opened(ctx) as backend:
        deployments = find_deployments(backend, names)
        ids = [one.id for one in deployments]
        if not yes:
            note(_consequences(backend.deletion_preview(ids), [one.full_name for one in deployments]))
            _ask()
        deleted = backend.delete_deployments(ids)
    if as_json:
        print_json({"deleted": deleted, "deployments": [one.full_name for one in deployments]})
    else:
        for one in deployments:
            say(f"Deleted {one.full_name}")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise Refused("nothing was deleted: there is no terminal to ask on; repeat with --yes")
    if not typer.confirm("Delete?", default=False, err=True):
        raise Refused("nothing was deleted")


def _consequences(preview: DeletionPreview, names: list[str]) -> str:
    running = f"; {plural(preview.running, 'run')} of them still running" if preview.running else ""
    return (
        f"{', '.join(names)}: {plural(preview.deployments, 'deployment')} with "
        f"{plural(preview.schedules, 'schedule')} and {plural(preview.scheduled_runs, 'waiting run')} go; "
        f"{plural(preview.kept_runs, 'run')} stay{running}."
    )
