"""Flows, variables, work pools and names: the small nouns."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from support.making import make_flow

from store import flows, names, schemas, variables, work_pools
from store.database import Store
from store.errors import Conflict, Invalid, NotFound
from store.schemas import FlowCreate, WorkPoolCreate

NOBODY = UUID(int=1)


def test_creating_a_flow_twice_answers_the_first(store: Store) -> None:
    first, created = flows.get_or_create(store, FlowCreate(name="etl", tags=["a"], labels={"k": 1}))
    again, created_again = flows.get_or_create(store, FlowCreate(name="etl", tags=["b"]))
    assert (created, created_again) == (True, False)
    assert again == first
    assert (again.tags, again.labels) == (["a"], {"k": 1})


def test_a_flow_is_read_by_id_and_by_name(store: Store) -> None:
    flow = make_flow(store, "etl")
    assert flows.read(store, flow.id) == flows.read_by_name(store, "etl") == flow


def test_unknown_flows_are_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="Flow not found"):
        flows.read(store, NOBODY)
    with pytest.raises(NotFound, match="Flow not found"):
        flows.read_by_name(store, "nothing")


def test_the_local_pool_is_made_once(store: Store) -> None:
    pool = work_pools.ensure_defaults(store)
    assert (pool.name, pool.type) == ("local", "process")
    assert work_pools.ensure_defaults(store) == pool
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
    pool = work_pools.ensure_defaults(store)
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


@pytest.mark.parametrize("value", [1, "text", None, {"a": [1, 2]}, [True]])
def test_variables_hold_any_json(store: Store, value: object) -> None:
    variables.write(store, "v", value, ["t"])
    assert variables.read_all(store) == {"v": value}
    assert variables.read(store, "v").tags == ["t"]


def test_a_variable_written_again_keeps_its_id_and_tags(store: Store) -> None:
    first = variables.write(store, "v", 1, ["t"])
    again = variables.write(store, "v", 2)
    assert (again.id, again.value, again.tags) == (first.id, 2, ["t"])


@pytest.mark.parametrize("value", [object(), float("nan"), {"a": float("inf")}, b"bytes"])
def test_a_variable_must_be_json(store: Store, value: object) -> None:
    with pytest.raises(Invalid, match="variable 'v' cannot hold this value"):
        variables.write(store, "v", value)
    assert variables.read_all(store) == {}


def test_deleted_and_unknown_variables_are_not_found(store: Store) -> None:
    variables.write(store, "v", 1)
    variables.delete(store, "v")
    with pytest.raises(NotFound):
        variables.read(store, "v")
    with pytest.raises(NotFound):
        variables.delete(store, "v")


def test_names_come_from_two_lists_of_plain_words() -> None:
    for words in (names.ADJECTIVES, names.ANIMALS):
        assert len(words) == len(set(words)) >= 100
        assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    adjective, _, animal = names.new_run_name().partition("-")
    assert adjective in names.ADJECTIVES
    assert animal in names.ANIMALS
    assert json.dumps(names.new_run_name()).isascii()
