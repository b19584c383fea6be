"""create_flow_run_from_deployment: what a run takes from its deployment and what the call overlays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from support.making import make_deployment, scheduled

from backend import CreatedRun, LocalBackend
from store import work_pools
from store.clock import FrozenClock
from store.database import Store
from store.errors import BadRequest, Conflict, NotFound, ParametersInvalid
from store.schemas import Deployment, DeploymentFlowRunCreate, FlowRunOptions

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
NOBODY = UUID(int=1)


@pytest.fixture
def backend(store: Store) -> LocalBackend:
    work_pools.ensure_defaults(store)
    return LocalBackend(store, who="ann@desk")


def run(backend: LocalBackend, deployment: Deployment, **fields: Any) -> CreatedRun:
    return backend.create_flow_run_from_deployment(deployment.id, DeploymentFlowRunCreate(**fields))


def test_a_run_takes_after_its_deployment(store: Store, backend: LocalBackend, clock: FrozenClock) -> None:
    made = make_deployment(
        store,
        version="3",
        tags=["b", "a"],
        parameters={"x": 1},
        labels={"team": "data"},
        work_pool_name="local",
        work_queue_name="big",
        job_variables={"command": "true", "env": {"A": "1"}},
    )
    new, created = run(backend, made)
    assert created
    assert (new.state_type, new.state_name) == ("SCHEDULED", "Scheduled")
    assert new.expected_start_time == new.next_scheduled_start_time == clock.now()
    assert (new.parameters, new.tags, new.deployment_version) == ({"x": 1}, ["b", "a"], "3")
    assert (new.work_pool_name, new.work_queue_name) == ("local", "big")
    assert new.job_variables == {"command": "true", "env": {"A": "1"}}
    assert new.labels == {**made.labels, "prefect.deployment.id": str(made.id)}
    assert (new.full_deployment_name, new.auto_scheduled) == ("etl/nightly", False)
    assert new.created_by is not None
    assert new.created_by.display_value == "ann@desk"


def test_the_call_overlays(store: Store, backend: LocalBackend, clock: FrozenClock) -> None:
    made = make_deployment(
        store,
        tags=["a"],
        parameters={"x": 1, "y": {"deep": 1}},
        job_variables={"command": "true", "env": {"A": "1", "B": "1"}},
    )
    due = clock.now() + timedelta(hours=1)
    new, _ = run(
        backend,
        made,
        name="by-hand",
        tags=["b", "a"],
        parameters={"y": {"other": 2}},
        labels={"l": 1},
        context={"c": 1},
        job_variables={"env": {"B": "2"}},
        state=scheduled(due),
        sluice=FlowRunOptions(rerun_of=NOBODY),
    )
    assert (new.name, new.tags, new.context) == ("by-hand", ["a", "b"], {"c": 1})
    assert new.parameters == {"x": 1, "y": {"other": 2}}
    assert new.job_variables == {"command": "true", "env": {"A": "1", "B": "2"}}
    assert (new.labels["l"], new.sluice.rerun_of) == (1, NOBODY)
    assert new.next_scheduled_start_time == new.expected_start_time == due


def test_an_idempotency_key_answers_the_same_run(store: Store, backend: LocalBackend) -> None:
    made = make_deployment(store)
    first, _ = run(backend, made, idempotency_key="k", parameters={"x": 3})
    again, created = run(backend, made, idempotency_key="k", parameters={"x": 4})
    assert (again, created) == (first, False)


def test_a_paused_deployment_may_be_run_by_hand(store: Store, backend: LocalBackend) -> None:
    made = make_deployment(store, paused=True)
    assert run(backend, made).created


def test_a_queue_may_be_named_for_one_run(store: Store, backend: LocalBackend) -> None:
    made = make_deployment(store, work_pool_name="local")
    assert run(backend, made, work_queue_name="fast").flow_run.work_queue_name == "fast"
    assert run(backend, made).flow_run.work_queue_name == "default"


def test_a_queue_needs_a_pool(store: Store, backend: LocalBackend) -> None:
    made = make_deployment(store)
    with pytest.raises(BadRequest) as refused:
        run(backend, made, work_queue_name="fast")
    assert str(refused.value) == (
        f"Cannot create flow run in work queue fast because deployment {made.id}"
        " is not associated with a work pool. Please remove work_pool_name and try again."
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"a": "x"}, "Validation failed for field 'a'. Failure reason: 'x' is not of type 'integer'"),
        ({}, "Validation failed. Failure reason: 'a' is a required property"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_whole(
    store: Store, backend: LocalBackend, parameters: dict[str, Any], message: str
) -> None:
    made = make_deployment(store, parameter_openapi_schema=SCHEMA)
    with pytest.raises(ParametersInvalid) as refused:
        run(backend, made, parameters=parameters, idempotency_key="k")
    assert str(refused.value) == f"Error creating flow run: {message}"
    assert len(refused.value.errors) == 1
    assert run(backend, made, parameters={"a": 1}, idempotency_key="k").created


@pytest.mark.parametrize(
    ("of_deployment", "of_call", "refused"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, True)],
)
def test_the_call_decides_whether_the_schema_counts(
    store: Store, backend: LocalBackend, of_deployment: bool, of_call: bool | None, refused: bool
) -> None:
    made = make_deployment(store, parameter_openapi_schema=SCHEMA, enforce_parameter_schema=of_deployment)
    if refused:
        with pytest.raises(ParametersInvalid):
            run(backend, made, enforce_parameter_schema=of_call)
    else:
        assert run(backend, made, enforce_parameter_schema=of_call).created


def test_unknown_deployment_and_document(store: Store, backend: LocalBackend) -> None:
    with pytest.raises(NotFound, match=r"^Deployment not found$"):
        backend.create_flow_run_from_deployment(NOBODY, DeploymentFlowRunCreate())
    with pytest.raises(Conflict, match="infrastructure_document"):
        run(backend, make_deployment(store), infrastructure_document_id=NOBODY)
