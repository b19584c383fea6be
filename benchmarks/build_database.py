"""A big database for measuring: believable deployments, schedules, runs and states, inserted fast.

Run alone to keep one: `python -m benchmarks.build_database FILE DEPLOYMENTS RUNS`.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from store import statistics
from store.clock import to_micros
from store.database import Store
from store.ids import new_id
from store.schemas import DEFAULT_QUEUE, LOCAL_POOL

SECOND = 1_000_000
UPCOMING_SHARE = 0.3
"""How many of all runs are still to come."""

_FLOW_WORDS = (
    "orders",
    "invoices",
    "metrics",
    "backup",
    "mail",
    "search",
    "users",
    "billing",
    "audit",
    "geo",
)
_VERBS = ("load", "sync", "check", "clean", "report", "rotate", "export", "verify", "train", "archive")
_TAGS = ("prod", "staging", "etl", "nightly", "critical", "finance", "pii", "ml", "infra", "slow")
_CRONS = ("0 * * * *", "*/15 * * * *", "30 2 * * *", "0 9 * * 1-5", "5 4 1 * *")
_ENDS = (("COMPLETED", "Completed"),) * 17 + (("FAILED", "Failed"),) * 2 + (("CRASHED", "Crashed"),)
_BIG_TABLES = ("flow_run", "flow_run_state", "deployment")


def build(path: Path | str, deployments: int, runs: int, now: datetime | None = None) -> None:
    """Make a database at `path` (which must not exist) with so many deployments and runs.

    Args:
        path: the file to make.
        deployments: how many; one flow for each ten, a cron schedule for each.
        runs: how many over all deployments, 30 % of them upcoming, each with its present state.
        now: where the past ends; default the system's time. The rest is the same on every build.
    """
    chance = random.Random(7)
    at = now or datetime.now(UTC)
    store = Store.open(path)
    try:
        with _without_indexes(store):
            ids = _insert_deployments(store, deployments, to_micros(at), chance)
            _insert_runs(store, ids, runs, to_micros(at), chance)
        for start in range(0, len(ids), 1000):
            statistics.refresh(store, [UUID(bytes=key) for key, _ in ids[start : start + 1000]])
        store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        store.close()


@contextmanager
def _without_indexes(store: Store) -> Iterator[None]:
    """Insert first, index afterwards, sync at the end: several times faster for millions of rows."""
    run = store.database.execute_sql
    names = ", ".join(f"'{name}'" for name in _BIG_TABLES)
    indexes = run(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL AND tbl_name IN ({names})"
    ).fetchall()
    run("PRAGMA synchronous = OFF")
    run("PRAGMA foreign_keys = OFF")
    with store.write():
        for name, _ in indexes:
            run(f'DROP INDEX "{name}"')
        yield
        for _, sql in indexes:
            run(sql)
    run("PRAGMA foreign_keys = ON")
    run("PRAGMA synchronous = FULL")


def _insert(
    store: Store,
    table: str,
    columns: str,
    rows: Iterable[tuple[Any, ...]],
    constants: Mapping[str, str] | None = None,
) -> None:
    """Insert rows of these columns; `constants` are further columns with one SQL value for all rows."""
    more = constants or {}
    values = ", ".join(["?"] * len(columns.split(",")) + list(more.values()))
    names = ", ".join([columns, *more])
    store.database.connection().executemany(f"INSERT INTO {table} ({names}) VALUES ({values})", rows)


def _insert_pool(store: Store, now: int) -> bytes:
    """The queue that all deployments use, made when the store has not made it at birth."""
    sql = (
        "SELECT q.id FROM work_queue q JOIN work_pool p ON p.id = q.work_pool_id"
        " WHERE p.name = ? AND q.name = ?"
    )
    found = store.database.execute_sql(sql, (LOCAL_POOL, DEFAULT_QUEUE)).fetchone()
    if found:
        return bytes(found[0])
    pool, queue = new_id().bytes, new_id().bytes
    columns = "id, created, updated, name, type, base_job_template, is_paused, default_queue_id"
    _insert(store, "work_pool", columns, [(pool, now, now, LOCAL_POOL, "process", "{}", 0, queue)])
    columns = "id, created, updated, name, work_pool_id, is_paused, priority"
    _insert(store, "work_queue", columns, [(queue, now, now, DEFAULT_QUEUE, pool, 0, 1)])
    return queue


def _insert_deployments(
    store: Store, count: int, now: int, chance: random.Random
) -> list[tuple[bytes, bytes]]:
    queue = _insert_pool(store, now)
    flows = [new_id().bytes for _ in range(max(1, count // 10))]
    ids = [(new_id().bytes, flows[number % len(flows)]) for number in range(count)]
    _insert(
        store,
        "flow",
        "id, created, updated, name, tags, labels",
        ((key, now, now, f"{chance.choice(_FLOW_WORDS)}-{n:05}", "[]", "{}") for n, key in enumerate(flows)),
    )
    _insert(
        store,
        "deployment",
        "id, created, updated, name, flow_id, description, tags, labels, paused, parameters,"
        " parameter_openapi_schema, enforce_parameter_schema, job_variables, path, entrypoint,"
        " work_queue_id, work_queue_name, status",
        (_deployment(number, key, flow, queue, now, chance) for number, (key, flow) in enumerate(ids)),
    )
    _insert(
        store,
        "deployment_schedule",
        "id, created, updated, deployment_id, slug, active, rule, parameters, catchup, anchor,"
        " planned_until, plan_again_at",
        (_schedule(key, now, chance) for key, _ in ids),
    )
    return ids


def _deployment(
    number: int, key: bytes, flow: bytes, queue: bytes, now: int, chance: random.Random
) -> tuple[Any, ...]:
    verb = chance.choice(_VERBS)
    schema = {
        "title": "Parameters",
        "type": "object",
        "properties": {
            "day": {"title": "day", "type": "string"},
            "limit": {"title": "limit", "type": "integer"},
        },
    }
    created = now - chance.randrange(10**7) * SECOND
    return (
        key,
        created,
        created,
        f"{verb}-{number:06}",
        flow,
        f"Number {number}: {verb} what the team asked for, and say so when it fails",
        json.dumps(chance.sample(_TAGS, chance.randrange(4))),
        "{}",
        int(chance.random() < 0.1),
        json.dumps({"day": "2026-01-01", "limit": number}),
        json.dumps(schema),
        1,
        json.dumps({"env": {"REGION": "eu-west"}}),
        "/srv/flows",
        f"flows/{verb}.py:main",
        queue,
        DEFAULT_QUEUE,
        "NOT_READY",
    )


def _schedule(deployment: bytes, now: int, chance: random.Random) -> tuple[Any, ...]:
    rule = json.dumps({"cron": chance.choice(_CRONS), "timezone": "UTC", "day_or": True})
    horizon = now + 86400 * SECOND
    return (new_id().bytes, now, now, deployment, None, 1, rule, "{}", 0, now, horizon, horizon)


_CONSTANT_RUN_COLUMNS = {
    "auto_scheduled": "1",
    "attempt": "1",
    "parameters": "'{}'",
    "context": "'{}'",
    "empirical_policy": "'{}'",
    "tags": """'["auto-scheduled"]'""",
    "labels": "'{}'",
    "job_variables": "'{}'",
    "total_run_time": "0",
    "log_cut": "0",
    "claim_token": "0",
}
_RUN_COLUMNS = (
    "id, created, updated, name, flow_id, deployment_id, deployment_name, state_id, state_type, state_name,"
    " state_timestamp, run_count, expected_start_time, next_scheduled_start_time, start_time, end_time,"
    " idempotency_key"
)


def _insert_runs(
    store: Store, ids: list[tuple[bytes, bytes]], count: int, now: int, chance: random.Random
) -> None:
    names = dict(store.database.execute_sql("SELECT id, name FROM deployment").fetchall())
    states: list[tuple[Any, ...]] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            deployment, flow = ids[number % len(ids)]
            run, state = _run(number, deployment, flow, names[deployment], now, chance)
            states.append(state)
            yield run

    _insert(store, "flow_run", _RUN_COLUMNS, rows(), _CONSTANT_RUN_COLUMNS)
    _insert(store, "flow_run_state", "id, flow_run_id, type, name, timestamp, state_details", states)


def _run(
    number: int, deployment: bytes, flow: bytes, name: str, now: int, chance: random.Random
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    key, state = new_id().bytes, new_id().bytes
    upcoming = chance.random() < UPCOMING_SHARE
    due = now + (1 if upcoming else -1) * chance.randrange(1, 30 * 86400) * SECOND
    start = None if upcoming else due + chance.randrange(SECOND)
    end = None if start is None else start + int(chance.expovariate(1 / 90) * SECOND)
    kind, state_name = ("SCHEDULED", "Scheduled") if upcoming else chance.choice(_ENDS)
    at = end if end is not None else now
    label = f"{chance.choice(_VERBS)}-{number:07}"
    run = (key, now, at, label, flow, deployment, name, state, kind, state_name, at, int(not upcoming))
    run += (due, due if upcoming else None, start, end, f"bench {number}")
    return run, (state, key, kind, state_name, at, "{}")


def main() -> None:
    """Build one database and say how long it took."""
    file, deployments, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    started = time.perf_counter()
    build(file, deployments, runs)
    took = timedelta(seconds=round(time.perf_counter() - started))
    print(
        f"{file}: {deployments:,} deployments, {runs:,} runs, {file.stat().st_size / 1e6:,.0f} MB in {took}"
    )


if __name__ == "__main__":
    main()
