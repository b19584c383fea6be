"""Log lines of runs: written in batches, read back in order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from store import schemas
from store.clock import from_micros, to_micros
from store.database import Store

_INSERT = (
    "INSERT INTO log (flow_run_id, task_run_id, name, level, timestamp, message) VALUES (?, ?, ?, ?, ?, ?)"
)
_SELECT = "SELECT id, flow_run_id, task_run_id, name, level, timestamp, message FROM log"


def write_logs(store: Store, lines: Sequence[schemas.LogCreate]) -> None:
    """Append these lines in one transaction."""
    if not lines:
        return
    with store.write():
        store.database.connection().executemany(_INSERT, [_to_row(line) for line in lines])


def read_logs(
    store: Store, flow_run_id: UUID, after_id: int = 0, limit: int = 2000, min_level: int = 0
) -> list[schemas.LogLine]:
    """Lines of a run with an id above `after_id` and at least this level, in order of arrival."""
    rows = store.database.execute_sql(
        f"{_SELECT} WHERE flow_run_id = ? AND id > ? AND level >= ? ORDER BY id LIMIT ?",
        (flow_run_id.bytes, after_id, min_level, limit),
    )
    return [_to_line(row) for row in rows]


def read_last_logs(store: Store, flow_run_id: UUID, limit: int = 2000) -> list[schemas.LogLine]:
    """The last `limit` lines of a run, in order of arrival."""
    rows = store.database.execute_sql(
        f"{_SELECT} WHERE flow_run_id = ? ORDER BY id DESC LIMIT ?", (flow_run_id.bytes, limit)
    ).fetchall()
    return [_to_line(row) for row in reversed(rows)]


def _to_row(line: schemas.LogCreate) -> tuple[Any, ...]:
    return (
        line.flow_run_id.bytes if line.flow_run_id else None,
        line.task_run_id.bytes if line.task_run_id else None,
        line.name,
        line.level,
        to_micros(line.timestamp),
        line.message,
    )


def _to_line(row: tuple[Any, ...]) -> schemas.LogLine:
    key, flow_run_id, task_run_id, name, level, timestamp, message = row
    # model_construct: these values passed validation when they came in, and a log view reads thousands.
    return schemas.LogLine.model_construct(
        id=key,
        flow_run_id=UUID(bytes=flow_run_id) if flow_run_id else None,
        task_run_id=UUID(bytes=task_run_id) if task_run_id else None,
        name=name,
        level=level,
        timestamp=from_micros(timestamp),
        message=message,
    )
