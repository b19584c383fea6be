"""`sluice ls`: the deployments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backend.protocol import Backend
from sluice.invocation import invocation, opened
from sluice.output import Cell, is_wide, note, print_json_list, print_table, since, state_cell, until
from sluice.table_layout import Column
from store.schemas import DeploymentQuery, DeploymentRow, DeploymentSort
from tui.states import look_of, look_of_deployment
from tui.times import duration

COLUMNS = (
    Column("STATE", keep=True),
    Column("DEPLOYMENT", least=24),
    Column("SCHEDULE", least=18, leaves=1),
    Column("NEXT", keep=True),
    Column("LAST RUN", least=10, leaves=2),
    Column("TOOK", "right", leaves=3),
    Column("TAGS", leaves=5),
    Column("NOTE", least=16, leaves=4),
)

READ_AT_ONCE = 500
"""Rows; a few milliseconds' worth."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ls")(ls)


def ls(
    ctx: typer.Context,
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD...]", help="Only those with all these words in name, tags or pool."),
    ] = None,
    sort: Annotated[DeploymentSort, typer.Option(help="What to sort by.")] = "name",
    descending: Annotated[bool, typer.Option("--descending", "-r", help="The other way round.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list, one object per deployment.")] = False,
) -> None:
    """List the deployments: state, schedule, next and last run."""
    query = DeploymentQuery(text=" ".join(text or ()), sort=sort, descending=descending)
    with opened(ctx) as backend:
        rows = _read(backend, query)
        if as_json:
            print_json_list(map(row_as_json, rows))
        elif found := list(rows):
            _print(found)
        else:
            _hint(ctx, backend, query.text)


def _read(backend: Backend, query: DeploymentQuery) -> Iterator[DeploymentRow]:
    """The rows, read as they are asked for."""
    keys = backend.deployment_keys(query)
    for start in range(0, len(keys), READ_AT_ONCE):
        some = keys[start : start + READ_AT_ONCE]
        rows = backend.deployment_rows(some)
        yield from (rows[key] for key in some if key in rows)


def row_as_json(row: DeploymentRow) -> dict[str, Any]:
    """The documented shape of one deployment in `sluice ls --json`. Durations are seconds."""
    return {
        "id": row.id,
        "full_name": row.full_name,
        "flow_name": row.flow_name,
        "name": row.name,
        "paused": row.paused,
        "pause_reason": row.pause_reason,
        "pause_until": row.pause_until,
        "schedule": row.schedule,
        "next_run": row.next_run,
        "last_run": {
            "id": row.last_run_id,
            "state_type": row.last_state_type,
            "state_name": row.last_state_name,
            "start_time": row.last_start,
            "duration": row.last_duration,
        }
        if row.last_run_id
        else None,
        "median_duration": row.median_duration,
        "running": row.running,
        "late": row.late,
        "tags": list(row.tags),
        "work_pool_name": row.work_pool_name,
        "status": row.status,
        "error": row.error,
    }


def _print(rows: list[DeploymentRow]) -> None:
    now, wide = datetime.now(UTC), is_wide()
    print_table(COLUMNS, (_cells(row, now, wide) for row in rows))


def _cells(row: DeploymentRow, now: datetime, wide: bool) -> list[Cell | str]:
    last = look_of(row.last_state_type, row.last_state_name)
    last_run = since(row.last_start, now, wide=wide)
    return [
        state_cell(look_of_deployment(row)),
        row.full_name,
        row.schedule,
        _next(row, now, wide),
        Cell(f"{last.glyph} {last_run}", state_cell(last).style) if last_run else "",
        duration(row.last_duration) if row.last_duration is not None else "",
        " ".join(row.tags),
        row.error or (row.pause_reason if row.paused else None) or "",
    ]


def _next(row: DeploymentRow, now: datetime, wide: bool) -> str:
    if not row.paused:
        return until(row.next_run, now, wide=wide)
    return f"resumes {until(row.pause_until, now, wide=wide)}" if row.pause_until else "paused"


def _hint(ctx: typer.Context, backend: Backend, text: str) -> None:
    if text and backend.deployment_keys(DeploymentQuery()):
        note(f"No deployment matches {text!r}. `sluice ls` alone lists all.")
        return
    note(
        f"No deployments yet in {invocation(ctx).settings().database}.\n"
        "  sluice apply prefect.yaml            brings in a Prefect project's deployments\n"
        "  sluice import-crontab crontab.txt    brings in a crontab (crontab -l | sluice import-crontab -)\n"
        "  sluice demo                          shows what it looks like, in a database of its own"
    )
