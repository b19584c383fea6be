"""`sluice export`: deployments as a project file, so that `sluice apply` gives them back."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from backend.protocol import Backend
from sluice.exported import exported_deployment, exported_project, text_of
from sluice.invocation import opened
from sluice.names import find_deployments
from sluice.output import note, print_json
from store.schemas import Deployment, DeploymentQuery
from tui.masking import masked


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]", help="flow/deployment, name or id; several at once. Default: all."
        ),
    ] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Write secrets as they are, not masked.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON in the same shape instead of YAML.")] = False,
) -> None:
    """Print deployments as a prefect.yaml; `sluice apply` of it changes nothing."""
    with opened(ctx) as backend:
        deployments = _chosen(backend, names)
        entries = [exported_deployment(deployment) for deployment in deployments]
    shown = entries if reveal else [masked(entry) for entry in entries]
    project = exported_project(shown)
    if as_json:
        print_json(project)
    else:
        sys.stdout.write(text_of(project))
    _say_what_is_missing(entries, shown, deployments)


def _chosen(backend: Backend, names: list[str] | None) -> list[Deployment]:
    if names:
        return find_deployments(backend, names)
    return [backend.read_deployment(key) for key in backend.deployment_keys(DeploymentQuery())]


def _say_what_is_missing(
    entries: list[dict[str, Any]], shown: list[dict[str, Any]], deployments: list[Deployment]
) -> None:
    """What the file cannot carry, on stderr."""
    if entries != shown:
        note(
            "note: secrets are masked; where they are stored already, apply keeps them. --reveal writes them."
        )
    for deployment in deployments:
        if deployment.work_pool_name is None:
            note(f"note: {deployment.full_name} has no work pool; applying this file puts it into `local`.")
