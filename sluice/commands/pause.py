"""`sluice pause` and `sluice resume`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from sluice.exits import UsageProblem
from sluice.invocation import opened
from sluice.names import find_deployments
from sluice.output import print_json, say
from sluice.times import parse_instant
from store.errors import Invalid
from store.schemas import Deployment
from tui.times import exact

Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="flow/deployment, name or id; several at once.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="A JSON object: how many changed, and all that were named.")
]


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("pause")(pause)
    app.command("resume")(resume)


def pause(
    ctx: typer.Context,
    names: Names,
    reason: Annotated[str | None, typer.Option(help="Why; shown wherever the deployment is.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Resume by itself then: 2h, 18:30, tomorrow, or an ISO 8601 time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stop planning runs of deployments; their automatic runs that wait are removed."""
    now = datetime.now(UTC)
    back = _parse_until(until, now) if until else None
    with opened(ctx) as backend:
        deployments = find_deployments(backend, names)
        changed = backend.pause_deployments([one.id for one in deployments], reason, back)
        if as_json:
            _print_json(changed, deployments)
            return
        for one in deployments:
            if one.paused and reason is None and back is None:
                say(_still_paused(one))
                continue
            already = " (was paused already; reason and time are now these)" if one.paused else ""
            until_then = f" until {exact(back, None)}" if back else ""
            say(f"Paused {one.full_name}{until_then}{already}")


def _still_paused(one: Deployment) -> str:
    """A pause without reason and time leaves those of an earlier one in force: its end must not surprise."""
    pause = one.sluice.pause
    if pause is None or pause.until is None:
        return f"{one.full_name} was paused already"
    ends = f"and still resumes by itself at {exact(pause.until, None)}"
    return f"{one.full_name} was paused already, {ends}: give --reason or --until to change that"


def _parse_until(text: str, now: datetime) -> datetime:
    try:
        back = parse_instant(text, now)
    except Invalid as error:
        raise UsageProblem(f"--until: {error}") from error
    if back <= now:
        raise UsageProblem(f"--until {text}: {exact(back, None)} is over already")
    return back


def resume(ctx: typer.Context, names: Names, as_json: AsJson = False) -> None:
    """Plan runs of deployments again, from now on."""
    with opened(ctx) as backend:
        deployments = find_deployments(backend, names)
        changed = backend.resume_deployments([one.id for one in deployments])
        if as_json:
            _print_json(changed, deployments)
            return
        for one in deployments:
            say(f"Resumed {one.full_name}" if one.paused else f"{one.full_name} was not paused")


def _print_json(changed: int, deployments: Sequence[Deployment]) -> None:
    named = [{"id": one.id, "full_name": one.full_name} for one in deployments]
    print_json({"changed": changed, "deployments": named})
