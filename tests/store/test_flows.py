"""Flows: made once, read by id and by name."""

from __future__ import annotations

from uuid import UUID

import pytest
from support.making import make_flow

from store import flows
from store.database import Store
from store.errors import NotFound
from store.schemas import FlowCreate

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
