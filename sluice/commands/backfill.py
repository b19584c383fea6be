"""`sluice backfill`: run slots that are over, once more or for the first time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from backend.protocol import Backend
from sluice.backfill_output import plan_lines
from sluice.exits import UsageProblem
from sluice.invocation import opened
from sluice.names import find_deployment
from sluice.output import note, print_json, say
from sluice.parameters import parse_parameters
from sluice.ranges import Zone, find_zone, parse_range
from store.errors import PlanChanged, Refused
from store.schemas import (
    Backfill,
    BackfillCreate,
    BackfillOrder,
    BackfillPlan,
    Deployment,
    Reprocess,
    SlotReason,
)
from tui.text import plural

TRIES = 3
"""How often --yes takes a plan that changed in the moment before it was carried out."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backfill")(backfill)


def backfill(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="flow/deployment, name or id.")],
    first: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="First instant: -7d, yesterday, today, 2026-11-01, or an ISO time."
        ),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Last instant, or last day. Default: now.")
    ] = None,
    whole: Annotated[
        str | None, typer.Option("--range", metavar="A..B", help="Both: 2026-11-01..2026-11-07, or one day.")
    ] = None,
    zone_name: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="IANA zone of these times. Default: the machine's."),
    ] = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(metavar="SLUG", help="Only this schedule, active or not; repeatable."),
    ] = None,
    order: Annotated[BackfillOrder, typer.Option(help="Which slot runs first.")] = BackfillOrder.OLDEST,
    max_runs: Annotated[int | None, typer.Option(min=1, help="Make at most so many runs.")] = None,
    max_active: Annotated[int, typer.Option(min=1, max=1000, help="Run at most so many at once.")] = 1,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="KEY=VALUE", help="A parameter of these runs; repeatable."),
    ] = None,
    slot_param: Annotated[
        str | None, typer.Option(metavar="KEY", help="The parameter that receives the slot, as ISO 8601.")
    ] = None,
    reprocess: Annotated[
        Reprocess, typer.Option(help="Which slots run again: none, failed (or cancelled) ones, all.")
    ] = Reprocess.NONE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and make nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The backfill as JSON; with --dry-run the plan, every slot in it.")
    ] = False,
) -> None:
    """Make runs for slots that are over. Shows the plan and asks, then prints the backfill's id."""
    zone = find_zone(zone_name)
    asked = parse_range(first, last, whole, datetime.now(UTC), zone.tz)
    with opened(ctx) as backend:
        deployment = find_deployment(backend, name)
        request = BackfillCreate(
            deployment_id=deployment.id,
            range_start=asked.start,
            range_end=asked.end,
            schedules=_schedule_ids(deployment, schedule or []) or None,
            order=order,
            max_runs=max_runs,
            max_active=max_active,
            parameters=parse_parameters(param or (), None, deployment.parameter_openapi_schema),
            slot_parameter=slot_param,
            reprocess=reprocess,
        )
        plan = backend.plan_backfill(request)
        if dry_run:
            _show_plan(plan, zone, as_json)
            return
        made = _carry_out(backend, plan, zone, yes)
        _show_made(backend, made, as_json)


def _show_plan(plan: BackfillPlan, zone: Zone, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    _print_plan(plan, zone, say)


def _print_plan(plan: BackfillPlan, zone: Zone, tell: Callable[[str], None]) -> None:
    for line in plan_lines(plan, zone):
        tell(line)
    if plan.request.reprocess is Reprocess.NONE and SlotReason.RAN in plan.counts:
        note("--reprocess failed runs those again that did not complete, --reprocess all every one.")


def _carry_out(backend: Backend, plan: BackfillPlan, zone: Zone, yes: bool) -> Backfill | None:
    """Make what the plan shows, after asking; a plan that is out of date by then is shown anew."""
    tries = 1
    while True:
        _print_plan(plan, zone, note)
        if not plan.creates:
            return None
        if not yes:
            _ask(plan)
        try:
            return backend.create_backfill(plan.request, plan.digest)
        except PlanChanged as changed:
            if yes and tries == TRIES:
                raise
            note("Something changed meanwhile. This is the plan now:")
            plan, tries = changed.plan, tries + 1


def _ask(plan: BackfillPlan) -> None:
    if not sys.stdin.isatty():
        raise Refused("nothing was made: there is no terminal to ask on; repeat with --yes")
    if not typer.confirm(f"Make {plural(plan.creates, 'run')}?", default=False, err=True):
        raise Refused("nothing was made")


def _show_made(backend: Backend, made: Backfill | None, as_json: bool) -> None:
    if as_json:
        print_json(made)
    if made is None:
        note("There is nothing to run.")
        return
    if not as_json:
        say(str(made.id))
    note(f"`sluice backfills {made.id}` shows how far it is.")
    if backend.read_status().worker is None:
        note("Nobody works on this database now: start `sluice serve`, or open the screen with `sluice`.")


def _schedule_ids(deployment: Deployment, wanted: list[str]) -> list[UUID]:
    """The schedules of these slugs, or of ids that begin so.

    Raises:
        UsageProblem: none or several of the deployment's schedules are meant.
    """
    ids = []
    for word in wanted:
        found = [one for one in deployment.schedules if one.slug == word]
        found = found or [one for one in deployment.schedules if str(one.id).startswith(word.lower())]
        if len(found) != 1:
            known = ", ".join(one.slug or str(one.id) for one in deployment.schedules) or "none"
            number = "no" if not found else "more than one"
            raise UsageProblem(
                f"--schedule {word!r}: {deployment.full_name} has {number} such schedule; it has: {known}"
            )
        ids.append(found[0].id)
    return ids
