"""Pausing, resuming, deleting: one and many, what goes and what stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from support.making import WHO, cron, make_deployment, make_planned_run, make_run, run_names

from store import deployments, flow_runs, history, lists, states
from store.clock import FrozenClock
from store.database import Store
from store.errors import NotFound
from store.models import ConcurrencyLimit, DeploymentSchedule
from store.schemas import DeletionPreview, Deployment, DeploymentQuery, PauseInfo, StateCreate, StateType

NOBODY = UUID(int=1)
S = StateType


@pytest.fixture
def made(store: Store) -> Deployment:
    """A deployment with a run of each kind."""
    deployment = make_deployment(store, schedules=[cron()], concurrency_limit=2)
    make_planned_run(store, deployment, 0, 5, name="future")
    late = make_planned_run(store, deployment, 0, -1, name="late")
    states.write(store, late.id, StateCreate(type=S.SCHEDULED, name="Late"))
    queued = make_planned_run(store, deployment, 0, -4, name="queued")
    states.write(store, queued.id, StateCreate(type=S.SCHEDULED, name="AwaitingConcurrencySlot"))
    retry = make_planned_run(store, deployment, 0, -2, name="retry")
    states.write(store, retry.id, StateCreate(type=S.RUNNING))
    states.write(store, retry.id, StateCreate(type=S.SCHEDULED, name="AwaitingRetry"))
    running = make_planned_run(store, deployment, 0, -3, name="running")
    states.write(store, running.id, StateCreate(type=S.RUNNING))
    make_planned_run(store, deployment, 0, 6, name="backfill", auto_scheduled=False, backfill_id=NOBODY)
    make_run(store, deployment, name="manual")
    ended = make_run(store, deployment, name="ended")
    states.write(store, ended.id, StateCreate(type=S.COMPLETED))
    return deployment


def test_pausing_takes_only_auto_scheduled_runs_that_wait(store: Store, made: Deployment) -> None:
    assert deployments.pause(store, [made.id], WHO) == 1
    assert run_names(store, made) == {"queued", "retry", "running", "backfill", "manual", "ended"}
    assert deployments.read(store, made.id).paused
    assert deployments.read(store, made.id).schedules == made.schedules


def test_pausing_keeps_reason_who_and_until(store: Store, clock: FrozenClock, made: Deployment) -> None:
    until = clock.now() + timedelta(hours=2)
    deployments.pause(store, [made.id], WHO, "upgrade", until)
    assert deployments.read(store, made.id).sluice.pause == PauseInfo(reason="upgrade", by=WHO, until=until)


def test_pausing_again_counts_none_and_keeps_the_reason(store: Store, made: Deployment) -> None:
    deployments.pause(store, [made.id], WHO, "first")
    assert deployments.pause(store, [made.id], "bob@other") == 0
    assert deployments.read(store, made.id).sluice.pause == PauseInfo(reason="first", by=WHO)
    assert deployments.pause(store, [made.id], "bob@other", "second") == 0
    assert deployments.read(store, made.id).sluice.pause == PauseInfo(reason="second", by="bob@other")


def test_the_list_row_follows_a_pause(store: Store, clock: FrozenClock) -> None:
    made = make_deployment(store, schedules=[cron()])
    late = make_planned_run(store, made, 0, -1)
    states.write(store, late.id, StateCreate(type=S.SCHEDULED, name="Late"))
    row, _ = lists.deployment_rows(store, [made.id])[made.id]
    assert (row.late, row.next_run) == (1, late.expected_start_time)
    deployments.pause(store, [made.id], WHO)
    row, _ = lists.deployment_rows(store, [made.id])[made.id]
    assert (row.late, row.next_run, row.paused) == (0, None, True)


def test_resuming_plans_from_now_on_and_makes_up_nothing(
    store: Store, clock: FrozenClock, made: Deployment
) -> None:
    deployments.pause(store, [made.id], WHO, "x", clock.now() + timedelta(hours=1))
    DeploymentSchedule.update(plan_again_at=clock.now()).execute()
    clock.advance(7200)
    assert deployments.resume(store, [made.id], WHO) == 1
    row = DeploymentSchedule.get_by_id(made.schedules[0].id)
    assert (row.planned_until, row.plan_again_at.year) == (clock.now(), 1970)
    after = deployments.read(store, made.id)
    assert (after.paused, after.sluice.pause, after.updated) == (False, None, clock.now())
    assert deployments.resume(store, [made.id], WHO) == 0


def test_resuming_what_runs_leaves_its_plan_alone(store: Store, clock: FrozenClock, made: Deployment) -> None:
    clock.advance(60)
    deployments.resume(store, [made.id], WHO)
    assert DeploymentSchedule.get_by_id(made.schedules[0].id).planned_until < clock.now()
    assert "future" in run_names(store, made)


def test_a_pause_ends_by_itself(store: Store, clock: FrozenClock) -> None:
    short, long, forever = (make_deployment(store, name) for name in ("short", "long", "forever"))
    deployments.pause(store, [short.id], WHO, None, clock.now() + timedelta(minutes=1))
    deployments.pause(store, [long.id], WHO, None, clock.now() + timedelta(minutes=9))
    deployments.pause(store, [forever.id], WHO)
    assert deployments.resume_due(store, clock.now()) == 0
    clock.advance(60)
    assert deployments.resume_due(store, clock.now()) == 1
    assert not deployments.read(store, short.id).paused
    assert deployments.read(store, long.id).paused
    assert history.read(store)[0].who == "scheduler"


def test_deleting_keeps_what_ran_with_the_name(store: Store, made: Deployment) -> None:
    assert deployments.delete(store, [made.id], WHO) == 1
    assert run_names(store, made) == {"retry", "running", "ended"}
    with pytest.raises(NotFound):
        deployments.read(store, made.id)
    assert DeploymentSchedule.select().count() == ConcurrencyLimit.select().count() == 0
    (ended,) = flow_runs.find(store, "ended")
    assert (ended.deployment_id, ended.full_deployment_name) == (made.id, "etl/nightly")
    (retry,) = flow_runs.find(store, "retry")
    assert retry.state is not None
    assert (retry.state_type, retry.state.message) == (
        "CANCELLED",
        "The deployment was deleted while this run waited for its retry.",
    )


def test_a_run_keeps_the_name_its_deployment_had_at_the_end(store: Store) -> None:
    made = make_deployment(store)
    run = make_run(
        store, made, name="kept", deployment_name="an old name", state=StateCreate(type=S.COMPLETED)
    )
    assert flow_runs.read(store, run.id).deployment_name == "nightly"
    deployments.delete(store, [made.id], WHO)
    assert flow_runs.read(store, run.id).deployment_name == "nightly"


def test_deleting_leaves_a_global_limit(store: Store) -> None:
    now = store.clock.now()
    limit = ConcurrencyLimit.create(name="shared", limit=7, created=now, updated=now)
    made = make_deployment(store, global_concurrency_limit_id=limit.id)
    deployments.delete(store, [made.id], WHO)
    assert ConcurrencyLimit.select().count() == 1


def test_the_preview_says_what_deleting_does(store: Store, made: Deployment) -> None:
    other = make_deployment(store, "other", schedules=[cron(), cron("@hourly")])
    preview = deployments.deletion_preview(store, [made.id, other.id, NOBODY])
    assert preview == DeletionPreview(deployments=2, schedules=3, scheduled_runs=5, kept_runs=3, running=1)
    before = run_names(store, made)
    deployments.delete(store, [made.id, other.id], WHO)
    assert len(before) - len(run_names(store, made)) == preview.scheduled_runs
    assert len(run_names(store, made)) == preview.kept_runs


@pytest.mark.parametrize(
    "change",
    [
        lambda store, ids: deployments.pause(store, ids, WHO),
        lambda store, ids: deployments.resume(store, ids, WHO),
        lambda store, ids: deployments.delete(store, ids, WHO),
    ],
    ids=["pause", "resume", "delete"],
)
def test_one_unknown_is_not_found_and_among_many_passed_over(
    store: Store, made: Deployment, change: Callable[[Store, list[UUID]], int]
) -> None:
    with pytest.raises(NotFound, match="Deployment not found"):
        change(store, [NOBODY])
    deployments.pause(store, [make_deployment(store, "paused").id], WHO)
    ids = lists.deployment_keys(store, DeploymentQuery())
    assert change(store, [*ids, NOBODY, *ids]) in (1, 2)
    assert change(store, []) == 0


def test_a_thousand_are_paused_resumed_and_deleted_as_one_change_each(store: Store) -> None:
    with store.write():
        ids = [make_deployment(store, f"d{number}", schedules=[cron()]).id for number in range(1000)]
    for change, action in (
        (deployments.pause, "pause"),
        (deployments.resume, "resume"),
        (deployments.delete, "delete"),
    ):
        started = time.monotonic()
        assert change(store, ids, WHO) == 1000
        assert time.monotonic() - started < 2, "10,000 take less than 2 s: benchmarks/bulk.py"
        entries = history.read(store, limit=1000)
        assert {entry.action for entry in entries} == {action}
        assert len({entry.group_id for entry in entries}) == 1


def test_polling_makes_a_deployment_ready_for_a_minute(store: Store, clock: FrozenClock) -> None:
    made = make_deployment(store)
    deployments.mark_polled(store, [made.id], clock.now())
    polled = deployments.read(store, made.id)
    assert (polled.status, polled.last_polled) == ("READY", clock.now())
    clock.advance(60)
    assert deployments.read(store, made.id).status == "READY"
    clock.advance(1)
    assert deployments.read(store, made.id).status == "NOT_READY"


def test_what_stops_planning_is_shown_and_taken_back(store: Store) -> None:
    made = make_deployment(store)
    deployments.set_planning_error(store, made.id, "no such zone")
    assert deployments.read(store, made.id).planning_error == "no such zone"
    deployments.set_planning_error(store, made.id, None)
    assert deployments.read(store, made.id).planning_error is None
