"""`sluice inspect`: everything about one deployment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from backend.protocol import Backend
from sluice.invocation import opened
from sluice.names import find_deployment
from sluice.output import print_fields, print_json, since
from store.errors import Invalid
from store.schemas import Deployment, DeploymentRow, DeploymentSchedule
from tui.states import look_of
from tui.times import countdown, duration, exact

NEXT_TIMES = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inspect")(inspect)


def inspect(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="flow/deployment, name or id.")],
    as_json: Annotated[bool, typer.Option("--json", help="The deployment as a JSON object.")] = False,
) -> None:
    """Show one deployment: schedules with their next times, parameters, where and how it runs."""
    now = datetime.now(UTC)
    with opened(ctx) as backend:
        deployment = find_deployment(backend, name)
        row = backend.deployment_rows([deployment.id]).get(deployment.id)
        if as_json:
            print_json(_as_json(backend, deployment, now))
        else:
            print_fields(_fields(backend, deployment, row, now))


def _as_json(backend: Backend, deployment: Deployment, now: datetime) -> dict[str, Any]:
    """The documented shape: Prefect's deployment, plus names and, per schedule, its words and next times."""
    shape = deployment.model_dump(mode="json")
    for sent, schedule in zip(shape["schedules"], deployment.schedules, strict=True):
        sent["words"] = backend.describe_schedule(schedule.schedule)
        sent["next_times"] = _next_times(backend, schedule, now)
    return {
        "full_name": deployment.full_name,
        "flow_name": deployment.flow_name,
        "planning_error": deployment.planning_error,
        **shape,
    }


def _next_times(backend: Backend, schedule: DeploymentSchedule, now: datetime) -> list[datetime]:
    try:
        return backend.next_occurrences(schedule, now, NEXT_TIMES)
    except Invalid:  # an old rule that cannot be planned: the deployment's planning_error says so
        return []


def _fields(
    backend: Backend, deployment: Deployment, row: DeploymentRow | None, now: datetime
) -> Iterator[tuple[str, str]]:
    yield "Deployment", deployment.full_name
    yield "Id", str(deployment.id)
    yield "Description", deployment.description or ""
    yield "Cannot plan", deployment.planning_error or ""
    yield "Paused", _paused(deployment, now)
    for number, schedule in enumerate(deployment.schedules, start=1):
        yield f"Schedule {number}", _schedule(backend, schedule, now)
    if not deployment.schedules:
        yield "Schedule", "none: it runs when asked to (`sluice run`)"
    yield "Last run", _last_run(row, now) if row else ""
    yield "Entrypoint", deployment.entrypoint or ""
    yield "Command", str(deployment.job_variables.get("command") or "")
    yield "Folder", deployment.path or ""
    yield "Work pool", " / ".join(filter(None, (deployment.work_pool_name, deployment.work_queue_name)))
    yield "Concurrency", _concurrency(deployment)
    yield "Parameters", _json(deployment.parameters)
    yield "Job variables", _json({k: v for k, v in deployment.job_variables.items() if k != "command"})
    yield "Tags", " ".join(deployment.tags)
    yield "Version", deployment.version or ""
    yield "Created", since(deployment.created, now)
    yield "Updated", since(deployment.updated, now)


def _paused(deployment: Deployment, now: datetime) -> str:
    if not deployment.paused:
        return ""
    pause = deployment.sluice.pause
    if pause is None:
        return "yes"
    parts = [pause.reason or "yes", f"by {pause.by}" if pause.by else ""]
    if pause.until:
        parts.append(f"until {exact(pause.until, None)} ({countdown(pause.until, now)})")
    return ", ".join(filter(None, parts))


def _schedule(backend: Backend, schedule: DeploymentSchedule, now: datetime) -> str:
    title = backend.describe_schedule(schedule.schedule)
    extras = [f"slug {schedule.slug}" if schedule.slug else "", "" if schedule.active else "switched off"]
    said = ", ".join(filter(None, [title, *extras]))
    zone = _zone(schedule)
    times = [_both_zones(when, zone, now) for when in _next_times(backend, schedule, now)]
    return "\n".join([said, *times])


def _both_zones(when: datetime, zone: tzinfo, now: datetime) -> str:
    """The time in the schedule's zone and, where it reads differently, in the operator's."""
    there, here = exact(when, zone), exact(when, None)
    return f"{there}  {'' if there == here else here + '  '}{countdown(when, now)}"


def _zone(schedule: DeploymentSchedule) -> tzinfo:
    named = schedule.schedule.timezone
    return ZoneInfo(named) if named else UTC


def _last_run(row: DeploymentRow, now: datetime) -> str:
    if row.last_run_id is None:
        return "never"
    look = look_of(row.last_state_type, row.last_state_name)
    took = f", took {duration(row.last_duration)}" if row.last_duration is not None else ""
    usual = f" (median {duration(row.median_duration)})" if row.median_duration is not None else ""
    return f"{look.glyph} {look.word} {since(row.last_start, now)}{took}{usual}"


def _concurrency(deployment: Deployment) -> str:
    limit = deployment.global_concurrency_limit
    if limit is None:
        return ""
    options = deployment.concurrency_options
    strategy = deployment.sluice.collision or (options.collision_strategy if options else None)
    return f"{limit.limit} at once, then {strategy}" if strategy else f"{limit.limit} at once"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
