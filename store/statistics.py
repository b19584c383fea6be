"""What the list shows of a deployment's runs, kept in a row so that reading needs no aggregation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

from store.database import Store

RECENT_RUNS = 12
MEDIAN_RUNS = 25
_MICROSECONDS = 1_000_000

_EXISTS = "SELECT 1 FROM deployment WHERE id = ?"

_COUNTS = """
SELECT
  (SELECT min(next_scheduled_start_time) FROM flow_run
    WHERE deployment_id = :id AND state_type = 'SCHEDULED'),
  (SELECT count(*) FROM flow_run
    WHERE deployment_id = :id AND state_type IN ('PENDING', 'RUNNING', 'CANCELLING')),
  (SELECT count(*) FROM flow_run WHERE deployment_id = :id AND state_name = 'Late')
"""

# The condition and the order are those of the index flow_run_activity, letter by letter: SQLite takes a
# partial index only for a query that repeats its condition.
_ACTIVITY = """
SELECT id, state_type, state_name, start_time, end_time FROM flow_run
WHERE deployment_id = ?
  AND ("start_time" IS NOT NULL OR "state_type" IN ('PENDING', 'FAILED', 'CRASHED', 'COMPLETED'))
ORDER BY COALESCE("start_time", "state_timestamp") DESC, id DESC
LIMIT ?
"""

_WRITE = """
INSERT INTO deployment_statistics (deployment_id, next_run, running, late, last_run_id, last_state_type,
  last_state_name, last_start, last_duration, median_duration, recent)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (deployment_id) DO UPDATE SET next_run = excluded.next_run, running = excluded.running,
  late = excluded.late, last_run_id = excluded.last_run_id, last_state_type = excluded.last_state_type,
  last_state_name = excluded.last_state_name, last_start = excluded.last_start,
  last_duration = excluded.last_duration, median_duration = excluded.median_duration,
  recent = excluded.recent
"""


class _Run(NamedTuple):
    id: bytes
    state_type: str
    state_name: str
    start: int | None
    end: int | None

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; null while it runs, and for one that never ran."""
        if self.start is None or self.end is None:
            return None
        return (self.end - self.start) / _MICROSECONDS


def refresh(store: Store, deployment_ids: Iterable[UUID]) -> None:
    """Recompute the statistics of these deployments; ids that are gone are passed over.

    Every change of a run's state, due time or existence is followed by this, inside the same `store.write()`.
    A run that was cancelled, skipped or missed before it started is no activity: it says nothing about how
    the deployment's runs go.
    """
    with store.write():
        connection = store.database.connection()
        for deployment_id in dict.fromkeys(deployment_ids):
            key = deployment_id.bytes
            if connection.execute(_EXISTS, (key,)).fetchone():
                connection.execute(_WRITE, _compute(connection, key))


def _compute(connection: Any, key: bytes) -> tuple[Any, ...]:
    next_run, running, late = connection.execute(_COUNTS, {"id": key}).fetchone()
    runs = [_Run(*row) for row in connection.execute(_ACTIVITY, (key, MEDIAN_RUNS))]
    completed = [r.duration for r in runs if r.state_type == "COMPLETED" and r.duration is not None]
    last = runs[0] if runs else None
    return (
        key,
        next_run,
        running,
        late,
        last.id if last else None,
        last.state_type if last else None,
        last.state_name if last else None,
        last.start if last else None,
        next((r.duration for r in runs if r.duration is not None), None),
        median(completed) if completed else None,
        json.dumps([[r.state_type, r.duration] for r in runs[:RECENT_RUNS]]),
    )
