"""Backfills through the door: parameters checked, ceilings, read-only."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from support.backfilling import day, fates, old_deployment, past_slot, request
from support.making import cron

from backend.local import LocalBackend
from store.clock import FrozenClock
from store.database import Store
from store.errors import Invalid, NotFound, ParametersInvalid, PlanChanged, Refused
from store.schemas import BackfillState

SCHEMA = {
    "type": "object",
    "properties": {"day": {"type": "string"}, "rows": {"type": "integer"}},
    "required": ["day"],
}


@pytest.fixture
def backend(store: Store) -> LocalBackend:
    return LocalBackend(store, who="ann@desk")


def test_a_whole_life(store: Store, clock: FrozenClock, backend: LocalBackend) -> None:
    deployment = old_deployment(store, clock)
    plan = backend.plan_backfill(request(deployment))
    assert fates(plan) == ["1 new", "2 new", "3 new", "4 new", "5 new"]
    made = backend.create_backfill(plan.request, plan.digest)
    assert made == backend.read_backfill(made.id)
    assert made.created_by is not None
    assert made.created_by.display_value == "ann@desk"
    assert backend.pause_backfill(made.id).state is BackfillState.PAUSED
    assert backend.resume_backfill(made.id).state is BackfillState.RUNNING
    assert backend.cancel_backfill(made.id, cancel_running=False).state is BackfillState.CANCELLED
    assert [one.id for one in backend.read_backfills()] == [made.id]
    assert [one.id for one in backend.read_backfills(deployment.id)] == [made.id]
    assert backend.read_backfills(uuid4()) == []
    assert backend.read_backfills(open_only=True) == []


def test_a_digest_of_another_world_is_refused_with_the_plan_of_now(
    store: Store, clock: FrozenClock, backend: LocalBackend
) -> None:
    deployment = old_deployment(store, clock)
    plan = backend.plan_backfill(request(deployment))
    past_slot(store, deployment, day(1), "COMPLETED")
    with pytest.raises(PlanChanged) as caught:
        backend.create_backfill(plan.request, plan.digest)
    assert fates(caught.value.plan)[0] == "1 ran"
    backend.create_backfill(caught.value.plan.request, caught.value.plan.digest)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, r"Error creating backfill: Validation failed.*'day' is a required property"),
        ({"slot_parameter": "rows"}, r"Validation failed for field 'rows'.*is not valid under any"),
        ({"slot_parameter": "day", "parameters": {"rows": "x"}}, r"field 'rows'. Failure reason: 'x' is not"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_by_dry_run_and_create(
    store: Store, clock: FrozenClock, backend: LocalBackend, fields: dict[str, Any], message: str
) -> None:
    deployment = old_deployment(store, clock, parameter_openapi_schema=SCHEMA)
    with pytest.raises(ParametersInvalid, match=message):
        backend.plan_backfill(request(deployment, **fields))
    lenient = backend.plan_backfill(request(old_deployment(store, clock, "lenient"), **fields))
    asked = lenient.request.model_copy(update={"deployment_id": deployment.id, "schedules": None})
    with pytest.raises((ParametersInvalid, PlanChanged)):
        backend.create_backfill(asked, lenient.digest)
    assert backend.read_backfills() == []


def test_a_slot_parameter_that_no_schema_knows_is_refused(
    store: Store, clock: FrozenClock, backend: LocalBackend
) -> None:
    deployment = old_deployment(store, clock, parameter_openapi_schema=SCHEMA)
    with pytest.raises(
        Invalid, match="etl/nightly has no parameter 'dya' to receive the slot; it has day, rows"
    ):
        backend.plan_backfill(request(deployment, slot_parameter="dya"))


def test_nothing_is_checked_where_the_schema_is_not_enforced(
    store: Store, clock: FrozenClock, backend: LocalBackend
) -> None:
    deployment = old_deployment(store, clock, parameter_openapi_schema=SCHEMA, enforce_parameter_schema=False)
    plan = backend.plan_backfill(request(deployment, slot_parameter="anything"))
    assert backend.create_backfill(plan.request, plan.digest).progress.total == 5


def test_each_schedules_parameters_are_checked(
    store: Store, clock: FrozenClock, backend: LocalBackend
) -> None:
    schema = {"type": "object", "properties": {"rows": {"type": "integer"}}, "required": ["rows"]}
    schedules = [cron(slug="with", parameters={"rows": 1}), cron("0 7 * * *", slug="without")]
    deployment = old_deployment(store, clock, parameter_openapi_schema=schema, schedules=schedules)
    fine = request(deployment, schedules=[deployment.schedules[0].id])
    assert backend.plan_backfill(fine).creates == 5
    with pytest.raises(ParametersInvalid, match="'rows' is a required property"):
        backend.plan_backfill(request(deployment))


def test_the_ceiling_is_the_settings(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    backend = LocalBackend(store, backfill_max_runs=4)
    with pytest.raises(Invalid, match="would make 5 runs, and one backfill makes at most 4"):
        backend.plan_backfill(request(deployment))
    plan = backend.plan_backfill(request(deployment, max_runs=4))
    assert backend.create_backfill(plan.request, plan.digest).progress.total == 4


def test_unknown_deployments_are_not_found(store: Store, clock: FrozenClock, backend: LocalBackend) -> None:
    asked = request(old_deployment(store, clock)).model_copy(update={"deployment_id": uuid4()})
    with pytest.raises(NotFound, match="Deployment not found"):
        backend.plan_backfill(asked)
    with pytest.raises(NotFound, match="Deployment not found"):
        backend.create_backfill(asked, "x")


def test_read_only_plans_and_reads_but_changes_nothing(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    plan = LocalBackend(store).plan_backfill(request(deployment))
    made = LocalBackend(store).create_backfill(plan.request, plan.digest)
    store.close()
    reader = Store.open(store.path, read_only=True, clock=clock)
    backend = LocalBackend(reader)
    assert backend.plan_backfill(request(deployment)).creates == 0
    assert backend.read_backfill(made.id).progress.queued == 4
    with pytest.raises(Refused, match="open read-only"):
        backend.create_backfill(plan.request, plan.digest)
    for steer in (backend.pause_backfill, backend.resume_backfill):
        with pytest.raises(Refused, match="open read-only"):
            steer(made.id)
    with pytest.raises(Refused, match="open read-only"):
        backend.cancel_backfill(made.id, cancel_running=True)
    reader.close()
