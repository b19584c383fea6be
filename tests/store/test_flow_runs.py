"""Flow runs: making, reading, finding, deleting."""

from __future__ import annotations

from uuid import UUID

import pytest
from support.making import make_deployment, make_flow, make_run

from store import flow_runs, lists, logs, schemas, states, work_pools
from store.database import Store
from store.errors import NotFound, Refused
from store.schemas import CreatedBy, LogCreate, StateCreate, StateType

SCHEDULED = StateCreate(type=StateType.SCHEDULED)


def test_every_field_given_is_read_back(store: Store) -> None:
    work_pools.ensure_defaults(store)
    deployment = make_deployment(store, work_pool_name="local", version="2")
    slot = store.clock.now()
    run, created = flow_runs.create(
        store,
        flow_id=deployment.flow_id,
        deployment_id=deployment.id,
        deployment_name=deployment.name,
        deployment_version="2",
        flow_version="f1",
        name="by-hand",
        state=SCHEDULED,
        parameters={"a": 1},
        tags=["x", "y", "x"],
        labels={"l": 1},
        context={"c": 2},
        empirical_policy={"retries": 3},
        job_variables={"env": {"A": "b"}},
        idempotency_key="k",
        parent_task_run_id=UUID(int=5),
        work_queue_id=deployment.work_queue_id,
        work_queue_name=deployment.work_queue_name,
        created_by=CreatedBy(type="BACKFILL", display_value="b"),
        schedule_id=UUID(int=6),
        slot=slot,
        backfill_id=UUID(int=7),
        attempt=2,
        rerun_of=UUID(int=8),
    )
    assert created
    assert run.model_dump(include={"name", "parameters", "tags", "labels", "context", "job_variables"}) == {
        "name": "by-hand",
        "parameters": {"a": 1},
        "tags": ["x", "y"],
        "labels": {"l": 1},
        "context": {"c": 2},
        "job_variables": {"env": {"A": "b"}},
    }
    assert (run.flow_name, run.deployment_name, run.full_deployment_name) == ("etl", "nightly", "etl/nightly")
    assert (run.work_pool_name, run.work_queue_name) == ("local", "default")
    assert (run.work_queue_id, run.deployment_version, run.flow_version) == (
        deployment.work_queue_id,
        "2",
        "f1",
    )
    assert (run.empirical_policy, run.parent_task_run_id) == ({"retries": 3}, UUID(int=5))
    assert run.created_by == CreatedBy(type="BACKFILL", display_value="b")
    assert run.schedule_id == UUID(int=6)
    options = {"slot": slot, "backfill_id": UUID(int=7), "attempt": 2, "rerun_of": UUID(int=8)}
    assert run.sluice == schemas.FlowRunOptions(**options)  # type: ignore[arg-type]


def test_a_run_without_a_name_gets_one(store: Store) -> None:
    assert "-" in make_run(store, make_deployment(store)).name


def test_a_run_needs_no_deployment(store: Store) -> None:
    run, _ = flow_runs.create(store, flow_id=make_flow(store).id, state=SCHEDULED)
    assert (run.deployment_id, run.full_deployment_name, run.work_pool_name) == (None, None, None)


def test_an_idempotency_key_answers_the_run_of_then_per_flow(store: Store) -> None:
    one, other = make_flow(store, "one"), make_flow(store, "other")
    first, _ = flow_runs.create(store, flow_id=one.id, state=SCHEDULED, idempotency_key="k", name="a")
    again, created = flow_runs.create(store, flow_id=one.id, state=SCHEDULED, idempotency_key="k", name="b")
    third, new = flow_runs.create(store, flow_id=other.id, state=SCHEDULED, idempotency_key="k", name="c")
    assert (again, created) == (first, False)
    assert (third.name, new) == ("c", True)


def test_unknown_flow_and_run_are_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="Flow not found"):
        flow_runs.create(store, flow_id=UUID(int=1), state=SCHEDULED)
    with pytest.raises(NotFound, match="Flow run not found"):
        flow_runs.read(store, UUID(int=1))


def test_runs_are_found_by_name_id_and_start_of_id_newest_first(store: Store) -> None:
    deployment = make_deployment(store)
    first, second = (make_run(store, deployment, name="swift-heron") for _ in range(2))
    make_run(store, deployment, name="other")
    assert [run.id for run in flow_runs.find(store, " swift-heron ")] == [second.id, first.id]
    assert [run.id for run in flow_runs.find(store, str(first.id))] == [first.id]
    assert [run.id for run in flow_runs.find(store, str(first.id).upper())] == [first.id]
    assert [run.id for run in flow_runs.find(store, first.id.hex)] == [first.id]
    assert first.id in [run.id for run in flow_runs.find(store, str(first.id)[:9])]
    named_like_an_id = make_run(store, deployment, name="0" * 32)
    assert [run.id for run in flow_runs.find(store, "0" * 32)] == [named_like_an_id.id]


@pytest.mark.parametrize("text", ["", "abc", "zzzz", "0" * 33, "%", "swift_heron"])
def test_what_is_no_name_and_no_id_finds_nothing(store: Store, text: str) -> None:
    make_run(store, make_deployment(store), name="swift-heron")
    assert flow_runs.find(store, text) == []


def test_at_most_twenty_are_found(store: Store) -> None:
    deployment = make_deployment(store)
    for _ in range(22):
        make_run(store, deployment, name="same")
    assert len(flow_runs.find(store, "same")) == 20


def test_a_deleted_run_takes_states_and_logs_with_it(store: Store) -> None:
    deployment = make_deployment(store)
    gone, stays = make_run(store, deployment), make_run(store, deployment)
    for run in (gone, stays):
        line = LogCreate(name="x", level=20, message="m", timestamp=store.clock.now(), flow_run_id=run.id)
        logs.write_logs(store, [line])
    assert flow_runs.delete(store, [gone.id, UUID(int=1)]) == 1
    assert (states.history(store, gone.id), logs.read_logs(store, gone.id)) == ([], [])
    assert len(states.history(store, stays.id)) == len(logs.read_logs(store, stays.id)) == 1
    flow_runs.delete(store, [stays.id])
    row, _ = lists.deployment_rows(store, [deployment.id])[deployment.id]
    assert row.next_run is None


@pytest.mark.parametrize("active", [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING])
def test_an_active_run_is_not_deleted_and_nothing_with_it(store: Store, active: StateType) -> None:
    deployment = make_deployment(store)
    waiting, busy = make_run(store, deployment), make_run(store, deployment, name="busy-bee")
    states.write(store, busy.id, StateCreate(type=active))
    with pytest.raises(Refused, match="cancel it before deleting it"):
        flow_runs.delete(store, [waiting.id, busy.id])
    assert flow_runs.read(store, waiting.id)


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ({"a": 1}, None, {"a": 1}),
        ({"a": 1, "b": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"env": {"A": "1", "B": "1"}}, {"env": {"B": "2"}}, {"env": {"A": "1", "B": "2"}}),
        ({}, {"env": {"B": "2"}}, {"env": {"B": "2"}}),
    ],
)
def test_job_variables_merge_env_by_name(
    below: dict[str, object], above: dict[str, object] | None, merged: dict[str, object]
) -> None:
    assert flow_runs.merged_job_variables(below, above) == merged
