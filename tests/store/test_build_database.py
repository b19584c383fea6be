"""The big database of the benchmarks is one that Sluice could have made itself."""

from __future__ import annotations

from pathlib import Path

from benchmarks.build_database import build
from store import deployments, flow_runs, lists
from store.clock import FrozenClock
from store.database import Store
from store.schemas import LOCAL_POOL, DeploymentQuery, FlowRunQuery


def test_what_is_built_is_sound_and_can_be_read(tmp_path: Path, clock: FrozenClock) -> None:
    path = tmp_path / "big.db"
    build(path, deployments=30, runs=300, now=clock.now())
    store = Store.open(path, clock=clock)
    assert store.database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert store.database.execute_sql("PRAGMA foreign_key_check").fetchall() == []
    keys = lists.deployment_keys(store, DeploymentQuery())
    rows = lists.deployment_rows(store, keys)
    assert len(rows) == 30
    assert all(row.recent and row.next_run and len(rules) == 1 for row, rules in rows.values())
    assert all(deployments.read(store, key).work_pool_name == LOCAL_POOL for key in keys)
    runs = lists.flow_run_keys(store, FlowRunQuery())
    assert len(runs) == 300
    assert all(flow_runs.read(store, key).state is not None for key in runs[:20])
    store.close()


def test_indexes_are_all_back(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "big.db"
    build(path, deployments=2, runs=2)
    built = Store.open(path)
    names = "SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name"
    assert built.database.execute_sql(names).fetchall() == store.database.execute_sql(names).fetchall()
    built.close()
