"""Work pools and their queues."""

from __future__ import annotations

import pytest

from store import schemas, work_pools
from store.database import Store
from store.errors import Conflict, NotFound
from store.schemas import WorkPoolCreate


def test_the_local_pool_is_made_once(store: Store) -> None:
    work_pools.ensure_defaults(store)
    pool = work_pools.read(store, "local")
    assert (pool.name, pool.type) == ("local", "process")
    work_pools.ensure_defaults(store)
    assert work_pools.read_all(store) == [pool]
    queue = work_pools.default_queue(store, "local")
    assert (queue.name, queue.id, queue.work_pool_name) == ("default", pool.default_queue_id, "local")


def test_pools_are_listed_by_name_and_names_are_taken_once(store: Store) -> None:
    for name in ("zoo", "farm"):
        work_pools.create(store, WorkPoolCreate(name=name, type="docker", concurrency_limit=3))
    work_pools.ensure_defaults(store)
    assert [pool.name for pool in work_pools.read_all(store)] == ["farm", "local", "zoo"]
    assert work_pools.read(store, "farm").concurrency_limit == 3
    with pytest.raises(Conflict, match="A work pool with this name already exists"):
        work_pools.create(store, WorkPoolCreate(name="zoo"))


def test_a_paused_pool_says_so(store: Store) -> None:
    assert work_pools.create(store, WorkPoolCreate(name="p", is_paused=True)).status == "PAUSED"


def test_queues_are_made_when_named_and_listed_by_priority_and_name(store: Store) -> None:
    work_pools.ensure_defaults(store)
    made = work_pools.get_or_create_queue(store, "local", "big")
    assert work_pools.get_or_create_queue(store, "local", "big") == made
    assert [queue.name for queue in work_pools.read_queues(store, "local")] == ["big", "default"]


def test_the_default_queue_comes_back_when_it_went(store: Store) -> None:
    work_pools.ensure_defaults(store)
    pool = work_pools.read(store, "local")
    assert pool.default_queue_id is not None
    with store.write():
        store.database.execute_sql("DELETE FROM work_queue")
    assert work_pools.default_queue(store, "local").name == schemas.DEFAULT_QUEUE


@pytest.mark.parametrize("read", [work_pools.read, work_pools.read_queues, work_pools.default_queue])
def test_unknown_pools_are_not_found(store: Store, read: object) -> None:
    with pytest.raises(NotFound, match='Work pool "mars" not found'):
        read(store, "mars")  # type: ignore[operator]
    with pytest.raises(NotFound, match='Work pool "mars" not found'):
        work_pools.get_or_create_queue(store, "mars", "q")
