"""From what is typed to the deployment or run meant."""

from __future__ import annotations

from uuid import uuid4

import pytest

from backend.local import LocalBackend
from sluice.names import find_deployment, find_deployments, find_flow_run, nearest
from store import work_pools
from store.database import Store
from store.errors import NotFound, Refused
from store.schemas import DeploymentCreate, DeploymentFlowRunCreate

NAMES = ["sales/nightly", "sales/hourly", "stock/nightly", "stock/audit deep"]


@pytest.fixture
def backend(store: Store) -> LocalBackend:
    work_pools.ensure_defaults(store)
    backend = LocalBackend(store, who="ana@test")
    pairs = [name.split("/") for name in NAMES]
    backend.apply_deployments(
        [
            (flow, DeploymentCreate(name=own, flow_id=uuid4(), work_pool_name="local", tags=["audit"]))
            for flow, own in pairs
        ]
    )
    return backend


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sales/nightly", "sales/nightly"),
        ("hourly", "sales/hourly"),
        ("audit deep", "stock/audit deep"),
        ("stock/audit deep", "stock/audit deep"),
    ],
)
def test_by_name(backend: LocalBackend, typed: str, meant: str) -> None:
    assert find_deployment(backend, typed).full_name == meant


def test_by_id_and_by_its_beginning(backend: LocalBackend) -> None:
    one = backend.read_deployment_by_name("sales", "hourly")
    assert find_deployment(backend, str(one.id)).id == one.id
    assert find_deployment(backend, one.id.hex).id == one.id
    assert find_deployment(backend, str(one.id)[:-2]).id == one.id


def test_an_ambiguous_name_lists_the_choices(backend: LocalBackend) -> None:
    with pytest.raises(Refused, match="sales/nightly, stock/nightly"):
        find_deployment(backend, "nightly")


def test_an_ambiguous_id_lists_the_choices(backend: LocalBackend) -> None:
    one = backend.read_deployment_by_name("sales", "hourly")
    with pytest.raises(Refused, match="4 deployments have an id that begins"):
        find_deployment(backend, one.id.hex[:6])


@pytest.mark.parametrize(
    ("typed", "near"),
    [("sales/nigthly", "sales/nightly"), ("hourli", "sales/hourly"), ("SALES/hourly", "sales/hourly")],
)
def test_an_unknown_name_gives_the_nearest(backend: LocalBackend, typed: str, near: str) -> None:
    with pytest.raises(NotFound, match=f"no deployment is called '{typed}'; the nearest: .*{near}"):
        find_deployment(backend, typed)


@pytest.mark.parametrize("typed", ["zzz", "ffff", "", "/", "a/b/c", "0000-0000"])
def test_an_unknown_name_far_from_all(backend: LocalBackend, typed: str) -> None:
    with pytest.raises(NotFound, match="no deployment is called"):
        find_deployment(backend, typed)


def test_an_empty_database_says_so(store: Store) -> None:
    with pytest.raises(NotFound, match="this database has none yet"):
        find_deployment(LocalBackend(store), "x")


def test_several_each_once(backend: LocalBackend) -> None:
    found = find_deployments(backend, ["hourly", "sales/hourly", "stock/nightly"])
    assert [one.full_name for one in found] == ["sales/hourly", "stock/nightly"]


def test_nearest_is_short() -> None:
    assert len(nearest("a", [f"flow/a{n}" for n in range(100)])) == 5


def test_runs_by_name_and_id(backend: LocalBackend) -> None:
    deployment = backend.read_deployment_by_name("sales", "hourly")
    sent = DeploymentFlowRunCreate(name="brave-otter")
    run = backend.create_flow_run_from_deployment(deployment.id, sent).flow_run
    assert find_flow_run(backend, "brave-otter").id == run.id
    assert find_flow_run(backend, str(run.id)).id == run.id
    backend.create_flow_run_from_deployment(deployment.id, sent)
    with pytest.raises(Refused, match="means 2 runs"):
        find_flow_run(backend, "brave-otter")
    with pytest.raises(NotFound, match="no run is called 'lazy-otter'"):
        find_flow_run(backend, "lazy-otter")
