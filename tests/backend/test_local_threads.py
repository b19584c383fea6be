"""Many threads at one door: nothing is made twice, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from typing import TypeVar

import pytest
from support.making import cron, make_deployment, make_flow

from backend import LocalBackend
from store import work_pools
from store.database import Store
from store.errors import Conflict
from store.schemas import DeploymentCreate, DeploymentFlowRunCreate, DeploymentUpdate, WorkPoolCreate

THREADS = 4
T = TypeVar("T")


@pytest.fixture
def backend(store: Store) -> LocalBackend:
    work_pools.ensure_defaults(store)
    return LocalBackend(store, who="ann@desk")


def together(store: Store, act: Callable[[int], T]) -> list[T]:
    """What each of four threads answers that begin at the same moment."""
    barrier = Barrier(THREADS)

    def begin(number: int) -> T:
        with store.database.connection_context():
            barrier.wait()
            return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_one_deployment_is_made(store: Store, backend: LocalBackend) -> None:
    flow = make_flow(store)
    sent = DeploymentCreate(name="n", flow_id=flow.id, schedules=[cron(slug="a")], work_pool_name="local")
    answers = together(store, lambda _: backend.create_deployment(sent))
    assert sorted(answer.created for answer in answers) == [False, False, False, True]
    assert len({answer.deployment.id for answer in answers}) == 1
    assert len(backend.read_deployment_by_name("etl", "n").schedules) == 1


def test_one_run_is_made_for_an_idempotency_key(store: Store, backend: LocalBackend) -> None:
    made = make_deployment(store)
    run = DeploymentFlowRunCreate(idempotency_key="k")
    answers = together(store, lambda _: backend.create_flow_run_from_deployment(made.id, run))
    assert sorted(answer.created for answer in answers) == [False, False, False, True]
    assert len({answer.flow_run.id for answer in answers}) == 1


def test_no_update_is_lost(store: Store, backend: LocalBackend) -> None:
    made = make_deployment(store)
    fields = ("version", "description", "path", "entrypoint")

    def change(number: int) -> None:
        for turn in range(5):
            backend.update_deployment(made.id, DeploymentUpdate(**{fields[number]: f"{turn}"}))

    together(store, change)
    after = backend.read_deployment(made.id)
    assert [getattr(after, field) for field in fields] == ["4"] * THREADS
    entries = backend.read_history(made.id)
    assert len(entries) == 1 + 5 * THREADS
    for newer, older in pairwise(entries):
        assert newer.before == older.after


def test_one_pool_and_one_queue_are_made(store: Store, backend: LocalBackend) -> None:
    def make(_: int) -> bool:
        work_pools.ensure_defaults(store)
        work_pools.get_or_create_queue(store, "local", "big")
        try:
            backend.create_work_pool(WorkPoolCreate(name="farm"))
        except Conflict:
            return False
        return True

    assert sorted(together(store, make)) == [False, False, False, True]
    assert len(work_pools.read_queues(store, "local")) == 2
