"""`sluice apply`: create and update deployments from Prefect's project file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from backend.protocol import Backend
from sluice.apply_report import outcomes_as_json, report_problems, say_outcomes, say_who_schedules, summary
from sluice.changes import NEW, PRUNED, UNCHANGED, Outcome, compare
from sluice.invocation import opened
from sluice.output import note, print_json, say
from sluice.project.problems import InputInvalid
from sluice.project_file import Project, check_project, read_project, read_text
from store.errors import Refused
from store.schemas import DeploymentQuery, WorkPoolCreate

DEFAULT_FILE = "prefect.yaml"
_NAMED = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("apply")(apply)


def apply(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="A prefect.yaml; `-` reads standard input.")
    ] = DEFAULT_FILE,
    pool: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use this work pool for all deployments of the file.")
    ] = None,
    create_pools: Annotated[
        bool,
        typer.Option("--create-pools", help="Make the work pools that the file names and that are missing."),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Delete the deployments of this project's folder that the file does not name."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; write nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object: what became of each deployment, notes, problems.")
    ] = False,
) -> None:
    """Create or update the deployments of a Prefect project file, all of them or none."""
    try:
        text, name, folder = _read(file)
        with opened(ctx, make=True) as backend:
            project = read_project(
                text,
                file=name,
                folder=folder,
                environment=os.environ,
                variables=backend.read_variables(),
                pool=pool,
            )
            check_project(project, backend, create_pools=create_pools)
            _apply(backend, project, prune=prune, yes=yes, dry_run=dry_run, as_json=as_json)
    except InputInvalid as refusal:
        raise typer.Exit(report_problems(refusal, what=f"apply {file}", as_json=as_json)) from None


def _read(file: str) -> tuple[str, str, Path]:
    """The text, its name for messages, and the folder that its relative paths start in."""
    if file == "-":
        return sys.stdin.buffer.read().decode("utf-8-sig", "replace"), "stdin", Path.cwd()
    path = Path(file).expanduser()
    return read_text(path), file, path.absolute().parent


def _apply(
    backend: Backend, project: Project, *, prune: bool, yes: bool, dry_run: bool, as_json: bool
) -> None:
    outcomes = compare(backend, project.creates)
    gone = _absent(backend, project) if prune else []
    if not as_json:
        for remark in project.notes:
            note(f"note: {remark}")
    if not dry_run:
        if gone:
            _confirm(gone, yes)
        outcomes = _write(backend, project, outcomes)
        backend.delete_deployments([outcome.id for outcome in gone if outcome.id])
    outcomes = [*outcomes, *gone]
    if as_json:
        pools = {"created_work_pools": project.new_pools}
        print_json(outcomes_as_json(outcomes, notes=project.notes, dry_run=dry_run, **pools))
        return
    for name in project.new_pools:
        say(f"+ work pool {name}  {NEW}")
    say_outcomes(outcomes, dry_run=dry_run)
    say(f"{project.file}: {summary(outcomes, dry_run=dry_run)}")
    if not dry_run:
        say_who_schedules(backend, outcomes)


def _write(backend: Backend, project: Project, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Write what is new or changed, and answer the outcomes with the ids of the new ones."""
    for name in project.new_pools:
        backend.create_work_pool(WorkPoolCreate(name=name))
    pairs = list(zip(outcomes, project.creates, strict=True))
    written = iter(
        backend.apply_deployments([create for outcome, create in pairs if outcome.action != UNCHANGED])
    )
    return [
        outcome if outcome.action == UNCHANGED else outcome._replace(id=next(written).deployment.id)
        for outcome, _ in pairs
    ]


def _absent(backend: Backend, project: Project) -> list[Outcome]:
    """The deployments whose working directory is this project's, and which the file does not name."""
    folders = {str(project.folder), *(planned.values["path"] for planned in project.planned)} - {None}
    named = {(flow_name, create.name) for flow_name, create in project.creates}
    stored = (backend.read_deployment(key) for key in backend.deployment_keys(DeploymentQuery()))
    return [
        Outcome(one.flow_name, one.name, PRUNED, [], one.id)
        for one in stored
        if one.path in folders and (one.flow_name, one.name) not in named
    ]


def _confirm(gone: Sequence[Outcome], yes: bool) -> None:
    """Ask before deleting. Raises Refused when nobody agrees or nobody can be asked."""
    if yes:
        return
    names = ", ".join(outcome.full_name for outcome in gone[:_NAMED])
    if len(gone) > _NAMED:
        names += f" and {len(gone) - _NAMED} more"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"--prune would delete {names}: add --yes to agree, or --dry-run to look. Nothing was written"
        )
    if not typer.confirm(f"Delete {len(gone)} deployments that the file does not name ({names})?", err=True):
        raise Refused("nothing was written")
