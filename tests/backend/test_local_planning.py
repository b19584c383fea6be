"""Operator's changes and the planner together: what is planned, forgotten, and stays gone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.making import cron, make_deployment

from backend import LocalBackend
from scheduler.planner import plan
from store.clock import FrozenClock
from store.database import Store
from store.schemas import Deployment, DeploymentFlowRunCreate, DeploymentUpdate, FlowRunQuery


@pytest.fixture
def backend(store: Store) -> LocalBackend:
    return LocalBackend(store, who="ann@desk")


@pytest.fixture
def made(store: Store) -> Deployment:
    """An hourly deployment with its first runs planned."""
    deployment = make_deployment(store, schedules=[cron("0 * * * *", slug="hourly")])
    plan(store, store.clock.now())
    return deployment


def waiting(backend: LocalBackend, deployment: Deployment) -> dict[datetime, str]:
    """Slot -> name of the runs that wait for it."""
    query = FlowRunQuery(deployment_id=deployment.id, state_types=("SCHEDULED",))
    runs = [backend.read_flow_run(key) for key in backend.flow_run_keys(query)]
    return {run.sluice.slot: run.name for run in runs if run.sluice.slot is not None}


def plan_on(store: Store, clock: FrozenClock) -> None:
    clock.advance(1)
    plan(store, clock.now())


def test_an_edit_replans_with_the_new_parameters(
    store: Store, clock: FrozenClock, backend: LocalBackend, made: Deployment
) -> None:
    before = waiting(backend, made)
    assert len(before) >= 3
    backend.update_deployment(made.id, DeploymentUpdate(parameters={"x": 1}))
    assert waiting(backend, made) == {}
    plan_on(store, clock)
    after = waiting(backend, made)
    assert list(after) == list(before)
    run = backend.find_flow_runs(next(iter(after.values())))[0]
    assert run.parameters == {"x": 1}


def test_a_pause_takes_the_plan_away_and_resuming_brings_it_back(
    store: Store, clock: FrozenClock, backend: LocalBackend, made: Deployment
) -> None:
    before = waiting(backend, made)
    manual = backend.create_flow_run_from_deployment(made.id, DeploymentFlowRunCreate()).flow_run
    backend.pause_deployments([made.id])
    plan_on(store, clock)
    assert waiting(backend, made) == {}
    assert backend.read_flow_run(manual.id).state_type == "SCHEDULED"
    backend.resume_deployments([made.id])
    plan_on(store, clock)
    assert list(waiting(backend, made)) == list(before)


@pytest.mark.parametrize("how", ["delete", "cancel", "cancel and delete"])
def test_a_slot_that_an_operator_took_away_stays_empty(
    store: Store, clock: FrozenClock, backend: LocalBackend, made: Deployment, how: str
) -> None:
    slots = sorted(waiting(backend, made))
    (run,) = backend.find_flow_runs(waiting(backend, made)[slots[1]])
    if "cancel" in how:
        backend.cancel_flow_runs([run.id])
    if "delete" in how:
        backend.delete_flow_runs([run.id])
    backend.pause_deployments([made.id])
    backend.resume_deployments([made.id])
    plan_on(store, clock)
    assert slots[1] not in waiting(backend, made)
    assert slots[0] in waiting(backend, made)


def test_a_time_that_was_paused_is_not_made_up(
    store: Store, clock: FrozenClock, backend: LocalBackend, made: Deployment
) -> None:
    backend.pause_deployments([made.id])
    clock.advance(5 * 3600 + 1)
    backend.resume_deployments([made.id])
    plan(store, clock.now())
    runs = waiting(backend, made)
    assert min(runs) > clock.now()
    assert min(runs) - clock.now() <= timedelta(hours=1)
