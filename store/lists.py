"""Lists of deployments and runs: keys in order for all that match, light rows for those on screen.

Raw SQL, because these are the hot paths: Peewee's rows cost ten times what a cursor does at 100,000 keys.
No text of a caller enters the SQL: words travel as parameters, orders are picked from the tables below.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from store.chunks import chunked, marks
from store.clock import from_micros, to_micros
from store.database import Store
from store.ids import uuids
from store.schemas import (
    DeploymentQuery,
    DeploymentRow,
    DeploymentSort,
    FlowRunQuery,
    FlowRunRow,
    FlowRunSort,
    RecentRun,
    StateType,
)
from store.text_match import Haystack, where_text

READY_SECONDS = 60
"""A deployment that nobody polled for so long is NOT_READY again (as in Prefect)."""

# --- Deployments

_DEPLOYMENT_ORDERS: dict[DeploymentSort, tuple[str, ...]] = {
    "name": ("f.name", "d.name"),
    "next_run": ("s.next_run",),
    "last_run": ("s.last_start",),
    "state": (
        "CASE s.last_state_type WHEN 'CRASHED' THEN 0 WHEN 'FAILED' THEN 1 WHEN 'CANCELLED' THEN 2"
        " WHEN 'CANCELLING' THEN 3 WHEN 'RUNNING' THEN 4 WHEN 'PENDING' THEN 5 WHEN 'PAUSED' THEN 6"
        " WHEN 'SCHEDULED' THEN 7 WHEN 'COMPLETED' THEN 8 END",
    ),
    "duration": ("s.last_duration",),
    "pool": ("p.name",),
    "created": ("d.created",),
    "updated": ("d.updated",),
}
"""Sort -> what it orders by. A state sorts by how much it needs an operator, the worst first."""

_STATISTICS_SORTS = frozenset({"next_run", "last_run", "state", "duration"})

_JOINS = {
    "s.": " LEFT JOIN deployment_statistics s ON s.deployment_id = d.id",
    "p.": " LEFT JOIN work_queue q ON q.id = d.work_queue_id LEFT JOIN work_pool p ON p.id = q.work_pool_id",
}

# CROSS JOIN pins the flow as the outer loop: names come in order from two indexes, without a sort.
# INDEXED BY pins the indexes made for these lists: SQLite would take the narrower unique one, and then read
# every wide row, which takes three times as long.
_FLOW_AND_DEPLOYMENT = "flow f CROSS JOIN deployment d INDEXED BY {index} ON d.flow_id = f.id"

DEPLOYMENT_SORTS = tuple(_DEPLOYMENT_ORDERS)

_DEPLOYMENT_TEXT = Haystack(
    texts=("f.name", "d.name", "d.description"),
    slashed=("f.name || '/' || d.name",),
    tags="d.tags",
    neighbours=(
        (
            "d.work_queue_id IN (SELECT wq.id FROM work_queue wq"
            " JOIN work_pool wp ON wp.id = wq.work_pool_id WHERE {match})",
            "wp.name",
        ),
    ),
)

_DEPLOYMENT_ROWS = """
SELECT d.id, f.name, d.name, d.paused, d.pause_reason, d.pause_until, s.next_run, s.recent,
  s.last_state_type, s.last_state_name, s.last_run_id, s.last_start, s.last_duration, s.median_duration,
  s.running, s.late, d.tags, p.name, d.status, d.last_polled, d.planning_error
FROM deployment d
JOIN flow f ON f.id = d.flow_id
LEFT JOIN deployment_statistics s ON s.deployment_id = d.id
LEFT JOIN work_queue q ON q.id = d.work_queue_id
LEFT JOIN work_pool p ON p.id = q.work_pool_id
WHERE d.id IN ({marks})
"""

_RULES = """
SELECT deployment_id, rule FROM deployment_schedule
WHERE active AND deployment_id IN ({marks}) ORDER BY deployment_id, id
"""


def deployment_keys(store: Store, query: DeploymentQuery) -> list[UUID]:
    """The ids of all deployments that match, in order; what has no value comes last in both directions."""
    terms = _DEPLOYMENT_ORDERS[query.sort]
    if not query.text.strip() and query.sort in _STATISTICS_SORTS and _all_have_statistics(store):
        order = _order((*terms, "s.deployment_id"), query.descending)
        sql = f"SELECT s.deployment_id FROM deployment_statistics s{order}"
        return store.known_ids.of([key for (key,) in store.database.execute_sql(sql)])
    conditions, parameters = where_text(query.text, _DEPLOYMENT_TEXT)
    source = "deployment d"
    if conditions or query.sort == "name":
        index = "deployment_search" if conditions else "deployment_by_name"
        source = _FLOW_AND_DEPLOYMENT.format(index=index)
    source += "".join(join for alias, join in _JOINS.items() if alias in terms[0])
    sql = f"SELECT d.id FROM {source}{_where(conditions)}{_order((*terms, 'd.id'), query.descending)}"
    return store.known_ids.of([key for (key,) in store.database.execute_sql(sql, parameters)])


def _all_have_statistics(store: Store) -> bool:
    """Whether the list can be ordered from the statistics alone, which is twice as fast as joining them."""
    deployments, statistics = store.database.execute_sql(
        "SELECT (SELECT count(*) FROM deployment), (SELECT count(*) FROM deployment_statistics)"
    ).fetchone()
    return bool(deployments == statistics)


def deployment_rows(
    store: Store, ids: Sequence[UUID]
) -> dict[UUID, tuple[DeploymentRow, list[dict[str, Any]]]]:
    """The rows of these deployments, `schedule` still empty, each with the rules of its active schedules.

    Words for rules are not the store's to find. Ids that are gone are absent.
    """
    polled_since = store.clock.now() - timedelta(seconds=READY_SECONDS)
    found: dict[UUID, tuple[DeploymentRow, list[dict[str, Any]]]] = {}
    with store.read():
        for keys in chunked(ids):
            for record in store.database.execute_sql(_DEPLOYMENT_ROWS.format(marks=marks(keys)), keys):
                row = _deployment_row(record, polled_since)
                found[row.id] = (row, [])
            for key, rule in store.database.execute_sql(_RULES.format(marks=marks(keys)), keys):
                found[UUID(bytes=key)][1].append(json.loads(rule))
    return found


def _deployment_row(record: tuple[Any, ...], polled_since: datetime) -> DeploymentRow:
    (key, flow, name, paused, reason, until, next_run, recent, state_type, state_name, run_id, start) = (
        record[:12]
    )
    (duration, median, running, late, tags, pool, status, polled, error) = record[12:]
    ready = status == "READY" and polled is not None and from_micros(polled) >= polled_since
    return DeploymentRow(
        id=UUID(bytes=key),
        flow_name=flow,
        name=name,
        paused=bool(paused),
        pause_reason=reason,
        pause_until=_instant(until),
        schedule="",
        next_run=_instant(next_run),
        recent=tuple(RecentRun(*bar) for bar in json.loads(recent or "[]")),
        last_state_type=state_type,
        last_state_name=state_name,
        last_run_id=UUID(bytes=run_id) if run_id else None,
        last_start=_instant(start),
        last_duration=duration,
        median_duration=median,
        running=running or 0,
        late=late or 0,
        tags=tuple(json.loads(tags)),
        work_pool_name=pool,
        status="READY" if ready else "NOT_READY",
        error=error,
    )


# --- Flow runs

_RUN_ORDERS: dict[FlowRunSort, tuple[str, ...]] = {
    "due": ("r.expected_start_time",),
    "start": ("r.start_time",),
    "end": ("r.end_time",),
    "state": ("r.state_name",),
    "duration": ("r.end_time - r.start_time",),
    "name": ("r.name",),
    "deployment": ("f.name", "r.deployment_name"),
}

FLOW_RUN_SORTS = tuple(_RUN_ORDERS)

_RUN_TEXT = Haystack(
    texts=("r.name", "r.state_name", "r.deployment_name"),
    slashed=(
        "(SELECT sf.name FROM flow sf WHERE sf.id = r.flow_id) || '/' || COALESCE(r.deployment_name, '')",
    ),
    tags="r.tags",
    neighbours=(("r.flow_id IN (SELECT sf.id FROM flow sf WHERE {match})", "sf.name"),),
)

_RUN_ROWS = """
SELECT r.id, r.name, f.name, r.deployment_id, r.deployment_name, r.state_type, r.state_name,
  r.expected_start_time, r.start_time, r.end_time, r.auto_scheduled, st.message, r.tags
FROM flow_run r
JOIN flow f ON f.id = r.flow_id
LEFT JOIN flow_run_state st ON st.id = r.state_id
WHERE r.id IN ({marks})
"""


def flow_run_keys(store: Store, query: FlowRunQuery) -> list[UUID]:
    """The ids of the runs that match, in order, at most `query.limit`; what has no value comes last.

    Text is looked for in the run's name, its flow/deployment, its state's name and its tags.
    """
    terms = _RUN_ORDERS[query.sort]
    conditions, parameters = where_text(query.text, _RUN_TEXT)
    if conditions:
        # The plus keeps SQLite from walking an index, a wide row after each step: what few runs match is
        # found ten times faster by reading the table from end to end.
        terms = tuple(f"+{term}" for term in terms)
    if query.deployment_id is not None:
        conditions.append("r.deployment_id = ?")
        parameters.append(query.deployment_id.bytes)
    types = _wanted_types(query)
    if types is not None:
        conditions.append(f"r.state_type IN ({marks(types)})")
        parameters += types
    if query.due_before is not None:
        conditions.append("(r.expected_start_time <= ? OR r.expected_start_time IS NULL)")
        parameters.append(to_micros(query.due_before))
    sql = "SELECT r.id FROM flow_run r"
    if query.sort == "deployment":
        sql += " JOIN flow f ON f.id = r.flow_id"
    sql += _where(conditions) + _order((*terms, "r.id"), query.descending)
    if query.limit is not None:
        sql += " LIMIT ?"
        parameters.append(query.limit)
    return uuids([key for (key,) in store.database.execute_sql(sql, parameters)])


def flow_run_rows(store: Store, ids: Sequence[UUID]) -> dict[UUID, FlowRunRow]:
    """The rows of these runs; ids that are gone are absent. `message` is that of the present state."""
    found: dict[UUID, FlowRunRow] = {}
    with store.read():
        for keys in chunked(ids):
            for record in store.database.execute_sql(_RUN_ROWS.format(marks=marks(keys)), keys):
                row = _flow_run_row(record)
                found[row.id] = row
    return found


def _wanted_types(query: FlowRunQuery) -> list[str] | None:
    """The state types a query allows; null: all of them, and runs without a state too."""
    if not query.state_types and query.upcoming is None:
        return None
    types = list(query.state_types) or [str(t) for t in StateType]
    if query.upcoming is not None:
        types = [t for t in types if (t == StateType.SCHEDULED) == query.upcoming]
    return types


def _flow_run_row(record: tuple[Any, ...]) -> FlowRunRow:
    key, name, flow, deployment_id, deployment, state_type, state_name = record[:7]
    due, start, end, auto_scheduled, message, tags = record[7:]
    return FlowRunRow(
        id=UUID(bytes=key),
        name=name,
        flow_name=flow,
        deployment_id=UUID(bytes=deployment_id) if deployment_id else None,
        deployment_name=deployment,
        state_type=state_type or "",
        state_name=state_name or "",
        expected_start_time=_instant(due),
        start_time=_instant(start),
        end_time=_instant(end),
        duration=(end - start) / 1_000_000 if start is not None and end is not None else None,
        auto_scheduled=bool(auto_scheduled),
        message=message,
        tags=tuple(json.loads(tags)),
    )


# --- Both


class Counts(NamedTuple):
    """How much there is: all deployments, the runs being executed, those late."""

    deployments: int
    active_runs: int
    late_runs: int


def counts(store: Store) -> Counts:
    """What the header shows, from indexes alone."""
    row = store.database.execute_sql(
        "SELECT (SELECT count(*) FROM deployment),"
        " (SELECT count(*) FROM flow_run WHERE state_type IN ('PENDING', 'RUNNING', 'CANCELLING')),"
        " (SELECT count(*) FROM flow_run WHERE state_name = 'Late')"
    ).fetchone()
    return Counts(*row)


_NEVER_NULL = frozenset(
    {"d.id", "d.name", "d.created", "d.updated", "f.name", "s.deployment_id", "r.id", "r.name"}
)


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _order(terms: Sequence[str], descending: bool) -> str:
    """What is null comes last both ways. Descending it does so by itself; asking costs SQLite an index."""
    if descending:
        return " ORDER BY " + ", ".join(f"{term} DESC" for term in terms)
    return " ORDER BY " + ", ".join(
        t if t.removeprefix("+") in _NEVER_NULL else f"{t} NULLS LAST" for t in terms
    )


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
