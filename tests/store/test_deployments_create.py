"""create_deployment: an upsert on flow and name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from support.making import (
    WHO,
    cron,
    make_deployment,
    make_flow,
    upsert,
)

from store import deployments, history, work_pools
from store.clock import FrozenClock
from store.database import Store
from store.errors import Conflict, Invalid, NotFound
from store.models import ConcurrencyLimit
from store.schemas import (
    CollisionStrategy,
    ConcurrencyOptions,
    DeploymentCreate,
    DeploymentOptions,
    PauseInfo,
    Retention,
    WorkPoolCreate,
)

NOBODY = UUID(int=1)
FULL: dict[str, Any] = {
    "version": "1.2",
    "description": "what it does",
    "tags": ["b", "a"],
    "parameters": {"x": [1, {"y": None}]},
    "parameter_openapi_schema": {"type": "object", "properties": {"x": {}}},
    "enforce_parameter_schema": False,
    "job_variables": {"env": {"A": "b"}},
    "pull_steps": [{"step": {"k": 1}}],
    "path": "/srv/flows",
    "entrypoint": "etl.py:main",
}


@pytest.fixture(autouse=True)
def _local_pool(store: Store) -> None:
    work_pools.ensure_defaults(store)


def test_every_field_sent_is_read_back(store: Store, clock: FrozenClock) -> None:
    deployment, created = upsert(store, **FULL)
    assert created
    assert deployment.model_dump(include=set(FULL)) == FULL
    assert (deployment.flow_name, deployment.full_name) == ("etl", "etl/nightly")
    assert deployment.created == deployment.updated == clock.now()
    assert deployment.created_by is not None
    assert deployment.created_by.display_value == WHO
    assert deployments.read(store, deployment.id) == deployment
    assert deployments.read_by_name(store, "etl", "nightly") == deployment


def test_what_is_not_sent_has_its_default(store: Store) -> None:
    deployment = make_deployment(store)
    assert deployment.model_dump(
        include={"paused", "enforce_parameter_schema", "status", "tags", "parameters", "schedules"}
    ) == {
        "paused": False,
        "enforce_parameter_schema": True,
        "status": "NOT_READY",
        "tags": [],
        "parameters": {},
        "schedules": [],
    }
    assert (deployment.work_pool_name, deployment.work_queue_name, deployment.version) == (None, None, None)
    assert (deployment.concurrency_limit, deployment.global_concurrency_limit) == (None, None)


@pytest.mark.parametrize("field", sorted(FULL))
def test_upsert_changes_one_field_and_keeps_the_others(store: Store, clock: FrozenClock, field: str) -> None:
    before = make_deployment(store, **FULL)
    other = {"pull_steps": [], "enforce_parameter_schema": True, "tags": ["z"]}
    new = other.get(field, {} if isinstance(FULL[field], dict) else "changed")
    clock.advance(60)
    after, created = upsert(store, **{field: new})
    assert not created
    assert getattr(after, field) == new
    changed = {field, "updated"}
    assert after.model_dump(exclude=changed) == before.model_dump(exclude=changed)
    assert after.updated == clock.now()


def test_upsert_never_changes_id_created_and_created_by(store: Store, clock: FrozenClock) -> None:
    before = make_deployment(store)
    clock.advance(60)
    sent = DeploymentCreate(name="nightly", flow_id=before.flow_id, description="new")
    after, _ = deployments.create(store, sent, "bob@other")
    assert (after.id, after.created, after.created_by) == (before.id, before.created, before.created_by)
    assert after.updated_by is not None
    assert after.updated_by.display_value == "bob@other"


def test_upsert_of_the_same_changes_and_records_nothing(store: Store, clock: FrozenClock) -> None:
    fields = {**FULL, "schedules": [cron(slug="a")], "work_pool_name": "local", "concurrency_limit": 2}
    before = make_deployment(store, **fields)
    clock.advance(60)
    assert upsert(store, **fields) == (before, False)
    assert [entry.action for entry in history.read(store)] == ["create"]


def test_the_same_name_in_another_flow_is_another_deployment(store: Store) -> None:
    first = make_deployment(store)
    second, created = upsert(store, flow_id=make_flow(store, "other").id)
    assert created
    assert second.id != first.id


def test_labels_are_the_flow_s_then_its_id_then_the_user_s(store: Store) -> None:
    flow = make_flow(store, "labelled", labels={"team": "data", "tier": "1"})
    deployment = make_deployment(store, flow_id=flow.id, labels={"tier": "2"})
    expected = {"team": "data", "prefect.flow.id": str(flow.id), "tier": "2"}
    assert deployment.labels == expected
    assert list(deployment.labels) == ["team", "tier", "prefect.flow.id"]
    kept, _ = upsert(store, flow_id=flow.id, version="2")
    assert kept.labels == expected


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"flow_id": NOBODY}, Conflict, f"Could not find flow with id: {NOBODY}"),
        ({"work_pool_name": "mars"}, NotFound, 'Work pool "mars" not found.'),
        ({"global_concurrency_limit_id": NOBODY}, NotFound, "Concurrency limit not found"),
        ({"storage_document_id": NOBODY}, Conflict, "Could not find storage_document with id"),
        ({"infrastructure_document_id": NOBODY}, Conflict, "Could not find infrastructure_document with id"),
        ({"schedules": [cron(slug="a", replaces="x"), cron(slug="x")]}, None, ""),
    ],
)
def test_refusals_leave_nothing_behind(
    store: Store, fields: dict[str, Any], error: type[Exception] | None, message: str
) -> None:
    if error is None:
        assert make_deployment(store, **fields)
        return
    with pytest.raises(error, match=message):
        upsert(store, **fields)
    with pytest.raises(NotFound, match="Deployment not found"):
        deployments.read_by_name(store, "etl", "nightly")


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": 1},
        {"tags": "text"},
        {"concurrency_limit": 0},
        {"concurrency_limit": -1},
        {"concurrency_limit": 1, "global_concurrency_limit_id": NOBODY},
        {"schedules": [cron(slug="a"), cron("@daily", slug="a")]},
        {"name": ""},
        {"name": " "},
        *({"name": f"a{character}b"} for character in "/%&<>"),
        {"parameters": {"x": "y" * (512 * 1024)}},
        {"concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": 59}},
        {"concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": 86401}},
        {"concurrency_options": {"collision_strategy": "NONE"}},
    ],
)
def test_shapes_that_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DeploymentCreate(**{"name": "nightly", "flow_id": NOBODY, **fields})


def test_what_the_check_raises_stops_everything(store: Store) -> None:
    seen: list[deployments.Proposed] = []

    def check(proposed: deployments.Proposed) -> None:
        seen.append(proposed)
        raise Invalid("no")

    schema = {"type": "object"}
    sent = DeploymentCreate(
        name="n",
        flow_id=make_flow(store).id,
        parameters={"a": 1},
        parameter_openapi_schema=schema,
        schedules=[cron(parameters={"b": 2})],
    )
    with pytest.raises(Invalid):
        deployments.create(store, sent, WHO, check=check)
    assert seen == [deployments.Proposed({"a": 1}, [{"b": 2}], schema, True)]
    with pytest.raises(NotFound):
        deployments.read_by_name(store, "etl", "n")


def test_the_check_of_an_upsert_sees_what_would_be(store: Store) -> None:
    made = make_deployment(
        store, parameters={"a": 1}, enforce_parameter_schema=False, schedules=[cron(parameters={"b": 2})]
    )
    seen: list[deployments.Proposed] = []
    sent = DeploymentCreate(name="nightly", flow_id=made.flow_id, parameter_openapi_schema={"type": "object"})
    deployments.create(store, sent, WHO, check=seen.append)
    assert seen == [deployments.Proposed({"a": 1}, [{"b": 2}], {"type": "object"}, False)]


# --- Pool and queue


@pytest.mark.parametrize(
    ("before", "sent", "after"),
    [
        ({}, {"work_pool_name": "local"}, ("local", "default")),
        ({}, {"work_pool_name": "local", "work_queue_name": None}, ("local", "default")),
        ({}, {"work_pool_name": "local", "work_queue_name": "big"}, ("local", "big")),
        ({}, {"work_queue_name": "big"}, (None, "big")),
        ({}, {"work_queue_name": None}, (None, None)),
        ({"work_pool_name": "local", "work_queue_name": "big"}, {"work_queue_name": None}, ("local", "big")),
        ({"work_pool_name": "local"}, {"work_queue_name": "big"}, ("local", "big")),
        (
            {"work_pool_name": "local", "work_queue_name": "big"},
            {"work_pool_name": "farm"},
            ("farm", "default"),
        ),
        ({"work_pool_name": "local"}, {"work_pool_name": None}, (None, None)),
        ({"work_pool_name": "local"}, {"version": "2"}, ("local", "default")),
    ],
)
def test_pool_and_queue(
    store: Store, before: dict[str, Any], sent: dict[str, Any], after: tuple[str | None, str | None]
) -> None:
    work_pools.create(store, WorkPoolCreate(name="farm"))
    upsert(store, **before)
    deployment, _ = upsert(store, **sent)
    assert (deployment.work_pool_name, deployment.work_queue_name) == after
    assert (deployment.work_queue_id is not None) is (after[0] is not None)


# --- Limits and options


def limits(store: Store) -> dict[str, int]:
    return dict(ConcurrencyLimit.select(ConcurrencyLimit.name, ConcurrencyLimit.limit).tuples())


def test_a_deployment_s_own_limit_is_made_changed_kept_and_removed(store: Store) -> None:
    deployment, _ = upsert(store, concurrency_limit=2)
    name = f"deployment:{deployment.id}"
    assert deployment.concurrency_limit is None
    assert deployment.global_concurrency_limit is not None
    assert (deployment.global_concurrency_limit.limit, limits(store)) == (2, {name: 2})
    upsert(store, concurrency_limit=5)
    assert limits(store) == {name: 5}
    upsert(store, version="2")
    assert limits(store) == {name: 5}
    upsert(store, concurrency_limit=None)
    assert limits(store) == {}
    assert deployments.read(store, deployment.id).global_concurrency_limit is None


def make_global_limit(store: Store) -> UUID:
    now = store.clock.now()
    key: UUID = ConcurrencyLimit.create(name="shared", limit=7, created=now, updated=now).id
    return key


def test_a_global_limit_is_linked_and_outlives_the_link(store: Store) -> None:
    key = make_global_limit(store)
    upsert(store, concurrency_limit=2)
    deployment, _ = upsert(store, global_concurrency_limit_id=key)
    assert deployment.global_concurrency_limit is not None
    assert (deployment.global_concurrency_limit.name, limits(store)) == ("shared", {"shared": 7})
    # Prefect's client sends this null with every deployment: it must not unlink a global limit.
    kept, _ = upsert(store, concurrency_limit=None)
    assert kept.global_concurrency_limit is not None
    unlinked, _ = upsert(store, global_concurrency_limit_id=None)
    assert (unlinked.global_concurrency_limit, limits(store)) == (None, {"shared": 7})


def test_an_own_limit_takes_a_global_one_s_place(store: Store) -> None:
    upsert(store, global_concurrency_limit_id=make_global_limit(store))
    deployment, _ = upsert(store, concurrency_limit=1)
    assert limits(store) == {"shared": 7, f"deployment:{deployment.id}": 1}
    assert deployment.global_concurrency_limit is not None
    assert deployment.global_concurrency_limit.limit == 1


@pytest.mark.parametrize(
    ("exact", "on_the_wire"),
    [
        ("ENQUEUE", "ENQUEUE"),
        ("CANCEL_NEW", "CANCEL_NEW"),
        ("ENQUEUE_ONE", "ENQUEUE"),
        ("CANCEL_RUNNING", "CANCEL_NEW"),
    ],
)
def test_prefect_sees_its_two_strategies_and_sluice_the_exact_one(
    store: Store, exact: str, on_the_wire: str
) -> None:
    deployment = make_deployment(store, sluice=DeploymentOptions(collision=CollisionStrategy(exact)))
    assert deployment.concurrency_options is not None
    assert deployment.concurrency_options.collision_strategy == on_the_wire
    assert deployment.sluice.collision == exact


def test_concurrency_options_are_kept_and_cleared(store: Store) -> None:
    options = ConcurrencyOptions(collision_strategy=CollisionStrategy.CANCEL_NEW, grace_period_seconds=60)
    assert make_deployment(store, concurrency_options=options).concurrency_options == options
    assert upsert(store, version="2")[0].concurrency_options == options
    assert upsert(store, concurrency_options=None)[0].concurrency_options is None


def test_what_sluice_adds_changes_field_by_field(store: Store, clock: FrozenClock) -> None:
    retention = Retention(days=3)
    made = make_deployment(store, sluice=DeploymentOptions(pause_after_failures=3, retention=retention))
    assert (made.sluice.pause_after_failures, made.sluice.retention) == (3, retention)
    kept, _ = upsert(store, sluice=DeploymentOptions(pause_after_failures=None))
    assert (kept.sluice.pause_after_failures, kept.sluice.retention) == (None, retention)


def test_creating_paused_keeps_reason_and_end(store: Store, clock: FrozenClock) -> None:
    pause = PauseInfo(reason="frozen", until=clock.now())
    made = make_deployment(store, paused=True, sluice=DeploymentOptions(pause=pause))
    assert made.sluice.pause == PauseInfo(reason="frozen", by=WHO, until=clock.now())
    resumed, _ = upsert(store, paused=False)
    assert (resumed.paused, resumed.sluice.pause) == (False, None)
