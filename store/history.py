"""History: each change of a deployment, with the whole deployment before and after it.

A snapshot is made by SQLite itself, so that pausing 10,000 deployments costs a few statements: every column
as it is kept (ids as hexadecimal digits, times as microseconds since the epoch), the schedules likewise, and
the names and limit that the columns point to. It holds all that is needed to make the deployment again, and
nothing that moves on its own: no watermarks, no times of polls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from uuid import UUID

from store import schemas
from store.chunks import chunked, marks
from store.clock import to_micros
from store.database import Store
from store.errors import NotFound
from store.fields import IdField, JSONField
from store.ids import new_id
from store.models import Deployment, DeploymentSchedule, FlowRun, History, Row


def author(who: str) -> dict[str, Any]:
    """Who changed a deployment, as its `created_by` and `updated_by` keep it."""
    return {"id": None, "type": "USER", "display_value": who}


MOVING = frozenset(
    {"updated", "updated_by", "last_polled", "status", "planning_error", "planned_until", "plan_again_at"}
)
"""Columns that follow from other things than an operator's change, so no snapshot holds them."""


@contextmanager
def changing(
    store: Store, ids: Sequence[UUID], *, who: str, action: str, group_id: UUID | None = None
) -> Iterator[UUID]:
    """Record what the block does to these deployments; call inside a write transaction.

    Args:
        ids: deployments; those that do not exist (any more) are left out.
        who: user@host, `api:<token name>` or scheduler.
        action: create, update, pause, resume, delete.
        group_id: shared by the changes of one action; null: a new one.

    Yields:
        The group's id.
    """
    group = group_id or new_id()
    now = to_micros(store.clock.now())
    before = _snapshot(with_runs=action == "delete")
    first = _next_id(store)
    for chunk in chunked(ids):
        store.database.execute_sql(
            "INSERT INTO history (group_id, at, who, action, deployment_id, deployment_name, before)"
            f" SELECT ?, ?, ?, ?, d.id, f.name || '/' || d.name, {before}"
            f" FROM deployment d JOIN flow f ON f.id = d.flow_id WHERE d.id IN ({marks(chunk)})"
            " ORDER BY f.name, d.name",
            (group.bytes, now, who, action, *chunk),
        )
    yield group
    store.database.execute_sql(
        f"UPDATE history SET after = (SELECT {_snapshot()} FROM deployment d"
        " JOIN flow f ON f.id = d.flow_id WHERE d.id = history.deployment_id) WHERE id >= ?",
        (first,),
    )


def forget_if_unchanged(store: Store, group_id: UUID) -> None:
    """Take back what was recorded of a change that changed nothing: undoing it would do nothing, too."""
    store.database.execute_sql(
        "DELETE FROM history WHERE group_id = ? AND before IS after", (group_id.bytes,)
    )


def record_all(store: Store, ids: Sequence[UUID], *, who: str, action: str, then: Mapping[str, Any]) -> None:
    """Record a change that gives all these deployments the same values; call before it is made.

    Both snapshots are written at once, which takes half the time of `changing`.

    Args:
        then: column -> value as SQLite keeps it, after the change.
    """
    group, now = new_id().bytes, to_micros(store.clock.now())
    after = _snapshot(columns=tuple(then))
    values = [then[name] for name in _columns(Deployment) if name in then]
    for chunk in chunked(ids):
        store.database.execute_sql(
            "INSERT INTO history (group_id, at, who, action, deployment_id, deployment_name, before, after)"
            f" SELECT ?, ?, ?, ?, d.id, f.name || '/' || d.name, {_snapshot()}, {after}"
            f" FROM deployment d JOIN flow f ON f.id = d.flow_id WHERE d.id IN ({marks(chunk)})"
            " ORDER BY f.name, d.name",
            (group, now, who, action, *values, *chunk),
        )


def record(
    store: Store,
    *,
    group_id: UUID,
    who: str,
    action: str,
    deployment_id: UUID,
    deployment_name: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Append one change whose snapshots are known.

    Args:
        deployment_name: `flow/deployment`, kept after deletion.
    """
    with store.write():
        History.create(
            group_id=group_id,
            at=store.clock.now(),
            who=who,
            action=action,
            deployment_id=deployment_id,
            deployment_name=deployment_name,
            before=before,
            after=after,
        )


def record_creation(store: Store, deployment_id: UUID, *, who: str, group_id: UUID | None = None) -> None:
    """Record that a deployment came into being; call inside the write transaction that made it."""
    store.database.execute_sql(
        "INSERT INTO history (group_id, at, who, action, deployment_id, deployment_name, after)"
        f" SELECT ?, ?, ?, 'create', d.id, f.name || '/' || d.name, {_snapshot()}"
        " FROM deployment d JOIN flow f ON f.id = d.flow_id WHERE d.id = ?",
        ((group_id or new_id()).bytes, to_micros(store.clock.now()), who, deployment_id.bytes),
    )


def snapshot(store: Store, deployment_id: UUID) -> dict[str, Any]:
    """The whole deployment with its schedules, as the history keeps it.

    Raises:
        NotFound: there is no such deployment.
    """
    found = store.database.execute_sql(
        f"SELECT {_snapshot()} FROM deployment d JOIN flow f ON f.id = d.flow_id WHERE d.id = ?",
        (deployment_id.bytes,),
    ).fetchone()
    if found is None:
        raise NotFound("Deployment", deployment_id)
    kept: dict[str, Any] = json.loads(found[0])
    return kept


def read(store: Store, deployment_id: UUID | None = None, limit: int = 200) -> list[schemas.HistoryEntry]:
    """Changes, newest first: of one deployment, or of all."""
    rows = History.select().order_by(History.id.desc()).limit(limit)
    if deployment_id is not None:
        rows = rows.where(History.deployment_id == deployment_id)
    return [
        schemas.HistoryEntry(
            id=row.id,
            group_id=row.group_id,
            at=row.at,
            who=row.who,
            action=row.action,
            deployment_id=row.deployment_id,
            deployment_name=row.deployment_name,
            before=row.before,
            after=row.after,
        )
        for row in rows
    ]


def _next_id(store: Store) -> int:
    """The id that the next change gets (ids grow, and this transaction holds the write lock)."""
    return int(store.database.execute_sql("SELECT coalesce(max(id), 0) + 1 FROM history").fetchone()[0])


@cache
def _snapshot(*, with_runs: bool = False, columns: tuple[str, ...] = ()) -> str:
    """The SQL expression of a deployment's snapshot; `d` and `f` are the deployment's and the flow's rows.

    Args:
        with_runs: add the runs that a deletion takes and undo must bring back.
        columns: those whose value is a parameter instead of what is kept, in the table's order.
    """
    schedules = (
        f"SELECT json_group_array({_object(DeploymentSchedule, 's')}) FROM deployment_schedule s"
        " WHERE s.deployment_id = d.id"
    )
    further = [
        "'flow_name', f.name",
        "'work_pool_name', (SELECT p.name FROM work_queue q JOIN work_pool p ON p.id = q.work_pool_id"
        " WHERE q.id = d.work_queue_id)",
        "'limit', (SELECT c.\"limit\" FROM concurrency_limit c WHERE c.id = d.concurrency_limit_id)",
        "'limit_name', (SELECT c.name FROM concurrency_limit c WHERE c.id = d.concurrency_limit_id)",
        f"'schedules', json(({schedules}))",
    ]
    if with_runs:
        further.append(
            f"'scheduled_runs', json((SELECT json_group_array({_object(FlowRun, 'r')}) FROM flow_run r"
            f" WHERE r.deployment_id = d.id AND r.state_type = '{schemas.StateType.SCHEDULED}'"
            " AND r.auto_scheduled = 0))"
        )
    return _object(Deployment, "d", further, columns)


def _columns(model: type[Row]) -> dict[str, Any]:
    """Column -> field of what a snapshot holds of a table, in the table's order."""
    fields = {field.column_name: field for field in model._meta.sorted_fields}
    return {name: field for name, field in fields.items() if name not in MOVING}


def _object(model: type[Row], alias: str, further: Sequence[str] = (), parameters: Sequence[str] = ()) -> str:
    """SQL for one row as a JSON object, every column as it is kept.

    SQLite's functions take at most 127 arguments, so a table may have 63 columns here.
    """
    pairs = [
        f"'{name}', ?" if name in parameters else _pair(field, alias)
        for name, field in _columns(model).items()
    ]
    return f"json_object({', '.join([*pairs, *further])})"


def _pair(field: Any, alias: str) -> str:
    column = f'{alias}."{field.column_name}"'
    kept = getattr(field, "rel_field", field)
    if isinstance(kept, IdField):
        return f"'{field.column_name}', CASE WHEN {column} IS NOT NULL THEN lower(hex({column})) END"
    if isinstance(kept, JSONField):
        return f"'{field.column_name}', json({column})"
    return f"'{field.column_name}', {column}"
