"""What the list shows of a deployment's runs is what its runs say."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.making import cron, make_deployment, make_planned_run, make_run

from store import deployments, flow_runs, lists, models, states, statistics
from store.clock import FrozenClock
from store.database import Store
from store.ids import new_id
from store.schemas import DeploymentRow, StateCreate, StateType


def row(store: Store, deployment_id: UUID) -> DeploymentRow:
    return lists.deployment_rows(store, [deployment_id])[deployment_id][0]


def move(store: Store, run_id: UUID, kind: StateType, name: str | None = None) -> None:
    states.write(store, run_id, StateCreate(type=kind, name=name))


def test_a_run_is_followed_from_plan_to_end(store: Store, clock: FrozenClock) -> None:
    deployment = make_deployment(store, schedules=[cron()])
    run = make_planned_run(store, deployment, minutes=5)
    due = clock.now() + timedelta(minutes=5)
    assert row(store, deployment.id).next_run == due
    assert row(store, deployment.id).recent == ()
    clock.advance(320)
    move(store, run.id, StateType.SCHEDULED, "Late")
    assert (row(store, deployment.id).late, row(store, deployment.id).last_run_id) == (1, None)
    move(store, run.id, StateType.PENDING)
    seen = row(store, deployment.id)
    assert (seen.late, seen.running, seen.next_run) == (0, 1, None)
    move(store, run.id, StateType.RUNNING)
    started = clock.now()
    seen = row(store, deployment.id)
    assert (seen.running, seen.last_run_id, seen.last_state_type) == (1, run.id, "RUNNING")
    assert (seen.recent, seen.last_duration) == ((("RUNNING", None),), None)
    clock.advance(30)
    move(store, run.id, StateType.COMPLETED)
    seen = row(store, deployment.id)
    assert (seen.running, seen.last_start, seen.last_duration, seen.median_duration) == (
        0,
        started,
        30.0,
        30.0,
    )
    assert (seen.last_state_name, seen.recent) == ("Completed", (("COMPLETED", 30.0),))
    flow_runs.delete(store, [run.id])
    assert row(store, deployment.id).recent == ()
    assert row(store, deployment.id).last_run_id is None


def test_last_duration_is_of_the_newest_run_that_ended(store: Store, clock: FrozenClock) -> None:
    deployment = make_deployment(store)
    for kind, seconds in ((StateType.COMPLETED, 10), (StateType.FAILED, 99), (StateType.RUNNING, 1)):
        run = make_run(store, deployment)
        move(store, run.id, StateType.RUNNING)
        clock.advance(seconds)
        if kind is not StateType.RUNNING:
            move(store, run.id, kind)
    seen = row(store, deployment.id)
    assert seen.last_state_type == "RUNNING"
    assert seen.last_duration == 99.0
    assert seen.median_duration == 10.0, "of completed runs only"
    assert [bar.state_type for bar in seen.recent] == ["RUNNING", "FAILED", "COMPLETED"]


def test_a_run_that_never_started_counts_when_it_failed_not_when_it_was_cancelled(
    store: Store, clock: FrozenClock
) -> None:
    deployment = make_deployment(store)
    for kind, name in (
        (StateType.CRASHED, None),
        (StateType.CANCELLED, "Skipped"),
        (StateType.CANCELLED, "Missed"),
        (StateType.FAILED, None),
    ):
        move(store, make_run(store, deployment).id, kind, name)
        clock.advance(1)
    assert row(store, deployment.id).recent == (("FAILED", None), ("CRASHED", None))


def test_at_most_twelve_bars(store: Store, clock: FrozenClock) -> None:
    deployment = make_deployment(store)
    for number in range(15):
        run = make_run(store, deployment)
        move(store, run.id, StateType.RUNNING)
        clock.advance(number)
        move(store, run.id, StateType.COMPLETED)
    assert [bar.duration for bar in row(store, deployment.id).recent] == [float(n) for n in range(14, 2, -1)]


def test_deployments_that_are_gone_are_passed_over(store: Store) -> None:
    deployment = make_deployment(store)
    deployments.delete(store, [deployment.id], "ann")
    statistics.refresh(store, [deployment.id, new_id()])
    assert store.database.execute_sql("SELECT count(*) FROM deployment_statistics").fetchone() == (0,)


RUN = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(list(StateType)),
        "name": st.sampled_from(["Scheduled", "Late"]),
        "due": st.integers(-5, 5),
        "start": st.none() | st.integers(-5, 0),
        "took": st.none() | st.integers(0, 5),
    }
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(RUN, max_size=40))
def test_statistics_are_the_plain_definition(store: Store, drawn: list[dict[str, Any]]) -> None:
    """Whatever runs there are, in whatever combination of columns."""
    deployment = make_deployment(store)
    now = store.clock.now()
    with store.write():
        store.database.execute_sql("DELETE FROM flow_run")
        runs = [_insert(deployment, now, values) for values in drawn]
        statistics.refresh(store, [deployment.id])
    seen = row(store, deployment.id)
    waiting = [run for run in runs if run.state_type == "SCHEDULED"]
    assert seen.next_run == min((run.next_scheduled_start_time for run in waiting), default=None)
    assert seen.late == sum(run.state_name == "Late" for run in runs)
    assert seen.running == sum(run.state_type in ("PENDING", "RUNNING", "CANCELLING") for run in runs)
    active = [
        run
        for run in runs
        if run.start_time or run.state_type in ("PENDING", "FAILED", "CRASHED", "COMPLETED")
    ]
    active.sort(key=lambda run: (run.start_time or run.state_timestamp, run.id), reverse=True)
    assert list(seen.recent) == [(run.state_type, _duration(run)) for run in active[:12]]
    assert seen.last_run_id == (active[0].id if active else None)
    completed = [_duration(run) for run in active[:25] if run.state_type == "COMPLETED"]
    lasted = [seconds for seconds in completed if seconds is not None]
    assert seen.median_duration == (median(lasted) if lasted else None)


def _insert(deployment: Any, now: Any, values: dict[str, Any]) -> Any:
    start = None if values["start"] is None else now + timedelta(seconds=values["start"])
    end = None if start is None or values["took"] is None else start + timedelta(seconds=values["took"])
    kind = values["kind"]
    return models.FlowRun.create(
        name="a-run",
        flow=deployment.flow_id,
        deployment_id=deployment.id,
        created=now,
        updated=now,
        state_type=kind,
        state_name=values["name"] if kind == StateType.SCHEDULED else kind.title(),
        state_timestamp=now,
        next_scheduled_start_time=now + timedelta(seconds=values["due"])
        if kind == StateType.SCHEDULED
        else None,
        start_time=start,
        end_time=end,
    )


def _duration(run: Any) -> float | None:
    return (run.end_time - run.start_time).total_seconds() if run.start_time and run.end_time else None
