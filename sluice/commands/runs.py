"""`sluice runs`: what ran, and what will."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from sluice.invocation import opened
from sluice.names import find_deployment
from sluice.output import Cell, is_wide, note, print_json, print_table, since, state_cell, until
from sluice.run_output import row_as_json
from sluice.table_layout import Column
from store.schemas import FlowRunQuery, FlowRunRow, StateType
from tui.states import look_of
from tui.times import duration

COLUMNS = (
    Column("STATE", keep=True),
    Column("RUN", keep=True),
    Column("ID", keep=True, leaves=5),
    Column("DEPLOYMENT", least=18),
    Column("DUE", keep=True),
    Column("STARTED", keep=True, leaves=4),
    Column("TOOK", "right", leaves=2),
    Column("MESSAGE", least=12, leaves=3),
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("runs")(runs)


def runs(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Only this deployment's: flow/deployment, name or id."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    state: Annotated[
        list[StateType] | None,
        typer.Option(case_sensitive=False, help="Only in this state; may be repeated."),
    ] = None,
    upcoming: Annotated[
        bool, typer.Option("--upcoming", help="Those still to start, the next first.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list, one object per run.")] = False,
) -> None:
    """List runs, the newest first."""
    with opened(ctx) as backend:
        deployment = find_deployment(backend, name) if name else None
        query = FlowRunQuery(
            deployment_id=deployment.id if deployment else None,
            state_types=tuple(str(one.value) for one in state or ()),
            upcoming=True if upcoming else None if state else False,
            descending=not upcoming,
            limit=limit,
        )
        keys = backend.flow_run_keys(query)
        rows = backend.flow_run_rows(keys)
    found = [rows[key] for key in keys if key in rows]
    if as_json:
        print_json([row_as_json(row) for row in found])
    elif found:
        now, wide = datetime.now(UTC), is_wide()
        print_table(COLUMNS, (_cells(row, now, wide) for row in found))
    else:
        note(_nothing(deployment.full_name if deployment else None, upcoming, bool(state)))


def _cells(row: FlowRunRow, now: datetime, wide: bool) -> list[Cell | str]:
    waits = row.state_type in (StateType.SCHEDULED, StateType.PENDING)
    due = until if waits else since
    return [
        state_cell(look_of(row.state_type, row.state_name)),
        row.name,
        str(row.id),
        f"{row.flow_name}/{row.deployment_name}" if row.deployment_name else row.flow_name,
        due(row.expected_start_time, now, wide=wide),
        since(row.start_time, now, wide=wide),
        duration(row.duration) if row.duration is not None else "",
        row.message or "",
    ]


def _nothing(deployment: str | None, upcoming: bool, filtered: bool) -> str:
    whose = f" of {deployment}" if deployment else ""
    if filtered:
        return f"No run{whose} is in that state."
    if upcoming:
        return f"No run{whose} is planned. `sluice ls` shows who has a schedule and is not paused."
    return f"No run{whose} yet. `sluice run {deployment or 'NAME'}` starts one."
