"""The life of a backfill: its queue, pause, resume, cancel, its end; limits beside live runs."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from support.backfilling import day, finish, let_go, make_backfill, old_deployment, past_slot, runs_of
from support.making import cron, make_run, patch, run_names, scheduled

from scheduler import backfill, orchestration, planner
from scheduler.admission import admit
from store import backfills, claims, deployments, flow_runs, history, slot_runs, states
from store.clock import FrozenClock
from store.database import Store
from store.errors import NotFound, PlanChanged, Refused
from store.schemas import (
    Backfill,
    BackfillOrder,
    BackfillState,
    CollisionStrategy,
    Deployment,
    DeploymentOptions,
    FlowRun,
    StateCreate,
    StateType,
)

RUNNING = StateCreate(type=StateType.RUNNING)
COMPLETED = StateCreate(type=StateType.COMPLETED)


def again(store: Store, made: Backfill) -> Backfill:
    return backfills.read(store, made.id)


def start(store: Store, room: int = 100) -> list[FlowRun]:
    """What a worker starts now."""
    launches = admit(store, "local", "me", store.clock.now(), room)
    return [flow_runs.read(store, launch.id) for launch in launches]


def days(runs: list[FlowRun]) -> list[int]:
    return [run.sluice.slot.day for run in runs if run.sluice.slot]


def live(store: Store, deployment: Deployment, seconds: float = 0, **fields: object) -> FlowRun:
    """A manual run due so many seconds from now, in the pool `local`."""
    due = store.clock.now() + timedelta(seconds=seconds)
    queue = {"work_queue_id": deployment.work_queue_id, "work_queue_name": "default"}
    return make_run(store, deployment, **{"state": scheduled(due), **queue, **fields})


def progress(store: Store, made: Backfill) -> dict[str, int]:
    """Its counts that are not 0."""
    return {name: number for name, number in again(store, made).progress if number}


# --- The queue


@pytest.mark.parametrize(("order", "expected"), [("oldest", [1, 2, 3, 4, 5]), ("newest", [5, 4, 3, 2, 1])])
def test_runs_start_one_after_the_other_in_order(
    store: Store, clock: FrozenClock, order: str, expected: list[int]
) -> None:
    deployment = old_deployment(store, clock)
    made = make_backfill(store, deployment, order=BackfillOrder(order))
    seen = []
    for _ in range(5):
        runs = start(store)
        assert len(runs) == 1
        seen += days(runs)
        assert start(store) == []
        finish(store, runs)
    assert seen == expected
    assert start(store) == []
    assert again(store, made).state is BackfillState.COMPLETED


def test_max_active_runs_at_once(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    made = make_backfill(store, deployment, max_active=2)
    assert let_go(store, made) == [1, 2]
    first, second = start(store)
    assert start(store) == []
    assert progress(store, made) == {"total": 5, "queued": 3, "running": 2}
    finish(store, [second])
    assert let_go(store, made) == [3]
    (third,) = start(store)
    states.write(store, first.id, RUNNING)
    states.write(store, first.id, StateCreate(type=StateType.CANCELLING))
    assert start(store) == [], "one that is being cancelled still counts"
    finish(store, [third])
    assert days(start(store)) == [4]


@pytest.mark.parametrize("kind", ["FAILED", "CRASHED", "CANCELLED"])
def test_the_next_goes_whatever_the_last_one_came_to(store: Store, clock: FrozenClock, kind: str) -> None:
    made = make_backfill(store, old_deployment(store, clock))
    finish(store, start(store), StateType(kind))
    assert days(start(store)) == [2]
    assert progress(store, made) == {"total": 5, "queued": 3, "running": 1, kind.lower(): 1}


def test_a_run_that_waits_for_its_retry_keeps_its_turn(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock))
    (first,) = start(store)
    states.write(store, first.id, RUNNING)
    states.write(store, first.id, scheduled(clock.now() + timedelta(minutes=5), "AwaitingRetry"))
    assert start(store) == []
    assert progress(store, made) == {"total": 5, "queued": 4, "waiting": 1}
    clock.advance(300)
    assert days(start(store)) == [1]


def test_queued_runs_are_never_late_and_no_scheduler_passes_them_over(
    store: Store, clock: FrozenClock
) -> None:
    deployment = old_deployment(store, clock)
    made = make_backfill(store, deployment)
    planner.plan(store, clock.now())
    clock.advance(3 * 86400)
    assert slot_runs.mark_late(store, clock.now()) == 0
    planner.plan(store, clock.now())
    assert {run.state_name for run in runs_of(store, made)} == {"AwaitingConcurrencySlot"}
    assert days(start(store)[-1:]) == [1]


def test_a_runner_is_not_shown_what_is_queued_and_must_wait_for_it(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), 1, 3)
    first, second, _ = runs_of(store, made)
    assert (first.next_scheduled_start_time, second.next_scheduled_start_time) == (clock.now(), None)
    pending = StateCreate(type=StateType.PENDING)
    verdict = orchestration.set_state(store, second.id, pending)
    assert (verdict.status, verdict.written) == ("WAIT", False)
    assert verdict.details["reason"] == "The run waits for its turn in its backfill."
    assert orchestration.set_state(store, second.id, RUNNING).status == "WAIT"
    assert orchestration.set_state(store, first.id, pending).status == "ACCEPT"
    orchestration.set_state(store, first.id, RUNNING)
    orchestration.set_state(store, first.id, COMPLETED)
    assert orchestration.set_state(store, second.id, pending).status == "ACCEPT"


def test_a_queued_run_that_is_cancelled_or_deleted_is_out_of_line(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock))
    first, second, third, *_ = runs_of(store, made)
    assert orchestration.cancel(store, [second.id]) == 1
    flow_runs.delete(store, [third.id])
    flow_runs.delete(store, [first.id])
    assert let_go(store, made) == [4]
    assert progress(store, made) == {"total": 5, "queued": 1, "waiting": 1, "cancelled": 1, "deleted": 2}


def test_a_backfill_all_of_whose_runs_are_deleted_is_over(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), 1, 3)
    flow_runs.delete(store, [run.id for run in runs_of(store, made)])
    ended = again(store, made)
    assert (ended.state, ended.ended) == (BackfillState.COMPLETED, clock.now())
    assert progress(store, made) == {"total": 3, "deleted": 3}


# --- The end


def test_it_is_completed_when_its_last_run_ends(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), 1, 2, max_active=2)
    first, second = start(store)
    finish(store, [first], StateType.FAILED)
    assert again(store, made).state is BackfillState.RUNNING
    clock.advance(7)
    finish(store, [second])
    ended = again(store, made)
    assert (ended.state, ended.ended, ended.message) == (BackfillState.COMPLETED, clock.now(), None)
    assert progress(store, made) == {"total": 2, "completed": 1, "failed": 1}


def test_its_counts_outlive_its_runs(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), 1, 2, max_active=2)
    runs = start(store)
    finish(store, runs)
    flow_runs.delete(store, [runs[0].id])
    assert progress(store, made) == {"total": 2, "completed": 2}


def test_a_run_of_one_that_is_over_may_run_again(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), 1, 1)
    (run,) = start(store)
    finish(store, [run], StateType.FAILED)
    orchestration.set_state(store, run.id, scheduled(clock.now()), force=True)
    assert [one.id for one in start(store)] == [run.id]
    finish(store, [run])
    assert progress(store, made) == {"total": 1, "completed": 1}
    assert again(store, made).state is BackfillState.COMPLETED


# --- Pause, resume, cancel


def test_pause_takes_back_what_has_not_started_and_resume_lets_it_go(
    store: Store, clock: FrozenClock
) -> None:
    deployment = old_deployment(store, clock, concurrency_limit=1)
    made = make_backfill(store, deployment, max_active=3)
    (first,) = start(store)
    assert let_go(store, made) == [2, 3]
    paused = backfills.pause(store, made.id)
    assert paused.state is BackfillState.PAUSED
    assert let_go(store, made) == []
    assert progress(store, made) == {"total": 5, "queued": 4, "running": 1}
    finish(store, [first])
    assert start(store) == []
    assert again(store, made).state is BackfillState.PAUSED
    assert backfills.resume(store, made.id).state is BackfillState.RUNNING
    assert days(start(store)) == [2]


def test_a_paused_one_whose_last_run_ends_is_completed(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), 1, 1)
    runs = start(store)
    backfills.pause(store, made.id)
    finish(store, runs)
    assert again(store, made).state is BackfillState.COMPLETED


def test_cancel_leaves_what_runs_and_is_over_when_that_ends(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), max_active=2)
    first, second = start(store)
    states.write(store, first.id, RUNNING)
    cancelled = backfill.cancel(store, made.id, cancel_running=False)
    assert cancelled.state is BackfillState.CANCELLING
    assert progress(store, made) == {"total": 5, "running": 2, "cancelled": 3}
    waiting = runs_of(store, made)[2]
    assert waiting.state is not None
    assert (waiting.state_type, waiting.state_name) == ("CANCELLED", "Cancelled")
    assert (waiting.state.message, waiting.state.type) == ("Cancelled with its backfill.", "CANCELLED")
    assert (waiting.end_time, waiting.next_scheduled_start_time) == (clock.now(), None)
    assert [state.name for state in states.history(store, waiting.id)] == [
        "AwaitingConcurrencySlot",
        "Cancelled",
    ]
    finish(store, [first])
    finish(store, [second], StateType.FAILED)
    assert again(store, made).state is BackfillState.CANCELLED
    assert progress(store, made) == {"total": 5, "completed": 1, "failed": 1, "cancelled": 3}


def test_cancel_ends_what_runs_when_asked_to(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock), max_active=2)
    first, second = start(store)
    states.write(store, first.id, RUNNING)
    backfill.cancel(store, made.id, cancel_running=True)
    now = [flow_runs.read(store, run.id).state_type for run in (first, second)]
    assert now == ["CANCELLING", "CANCELLING"]
    for run in (first, second):
        states.write(store, run.id, StateCreate(type=StateType.CANCELLED))
    assert again(store, made).state is BackfillState.CANCELLED
    assert progress(store, made) == {"total": 5, "cancelled": 5}


def test_cancel_may_be_repeated_to_end_what_runs_too(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock))
    (first,) = start(store)
    states.write(store, first.id, RUNNING)
    backfill.cancel(store, made.id, cancel_running=False)
    assert flow_runs.read(store, first.id).state_type == "RUNNING"
    assert backfill.cancel(store, made.id, cancel_running=True).state is BackfillState.CANCELLING
    assert flow_runs.read(store, first.id).state_type == "CANCELLING"


def test_cancel_with_nothing_running_is_over_at_once(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock))
    assert backfill.cancel(store, made.id, cancel_running=False).state is BackfillState.CANCELLED
    assert progress(store, made) == {"total": 5, "cancelled": 5}


def test_what_cannot_be_done_is_refused_in_words(store: Store, clock: FrozenClock) -> None:
    made = make_backfill(store, old_deployment(store, clock))
    with pytest.raises(Refused, match=rf"backfill {made.id} of etl/nightly is RUNNING: .* nothing to resume"):
        backfills.resume(store, made.id)
    backfills.pause(store, made.id)
    with pytest.raises(Refused, match="is PAUSED: there is nothing to pause"):
        backfills.pause(store, made.id)
    backfill.cancel(store, made.id, cancel_running=False)
    for steer in (backfills.pause, backfills.resume):
        with pytest.raises(Refused, match="is CANCELLED"):
            steer(store, made.id)
    with pytest.raises(Refused, match="is CANCELLED: there is nothing to cancel"):
        backfill.cancel(store, made.id, cancel_running=True)
    for steer in (backfills.read, backfills.pause, backfills.resume):
        with pytest.raises(NotFound, match="Backfill not found"):
            steer(store, uuid4())
    with pytest.raises(NotFound, match="Backfill not found"):
        backfill.cancel(store, uuid4(), cancel_running=True)


def test_backfills_are_listed_newest_first(store: Store, clock: FrozenClock) -> None:
    one, two = old_deployment(store, clock, "one"), old_deployment(store, clock, "two")
    made = [make_backfill(store, one, 1, 2), make_backfill(store, two, 1, 2), make_backfill(store, one, 3, 3)]
    backfill.cancel(store, made[0].id, cancel_running=False)
    first, second, third = (each.id for each in made)
    assert [one.id for one in backfills.read_all(store)] == [third, second, first]
    assert [one.id for one in backfills.read_all(store, one.id)] == [third, first]
    assert [one.id for one in backfills.read_all(store, limit=1)] == [third]
    assert [one.id for one in backfills.read_all(store, open_only=True)] == [third, second]


# --- The deployment around it


def test_a_pause_of_the_deployment_leaves_it_alone(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    made = make_backfill(store, deployment)
    deployments.pause(store, [deployment.id], "ann@desk")
    assert progress(store, made) == {"total": 5, "queued": 4, "waiting": 1}
    assert days(start(store)) == [1]


def test_an_edit_of_the_schedule_leaves_its_runs_alone(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    made = make_backfill(store, deployment)
    patch(store, deployment, schedules=[cron("0 9 * * *", slug="daily")])
    assert days(runs_of(store, made)) == [1, 2, 3, 4, 5]


def test_deleting_the_deployment_cancels_it(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    other = old_deployment(store, clock, "other")
    untouched = make_backfill(store, other)
    made = make_backfill(store, deployment, max_active=2)
    first, second = [run for run in start(store) if run.deployment_id == deployment.id]
    finish(store, [first])
    deployments.delete(store, [deployment.id], "ann@desk")
    ended = again(store, made)
    assert (ended.state, ended.ended) == (BackfillState.CANCELLED, clock.now())
    assert ended.message == "Its deployment was deleted."
    assert ended.deployment_name == "etl/nightly"
    assert run_names(store, deployment) == {first.name, second.name}
    assert progress(store, made) == {"total": 5, "running": 1, "completed": 1, "deleted": 3}
    states.write(store, second.id, COMPLETED)
    assert progress(store, made) == {"total": 5, "completed": 2, "deleted": 3}
    assert again(store, untouched).state is BackfillState.RUNNING
    (entry,) = [one for one in history.read(store, deployment.id) if one.action == "delete"]
    assert entry.before is not None
    assert entry.before["scheduled_runs"] == [], "undo brings back manual runs, not a backfill's"


# --- Beside live runs


def limited(
    store: Store, clock: FrozenClock, strategy: CollisionStrategy = CollisionStrategy.ENQUEUE, limit: int = 1
) -> Deployment:
    options = DeploymentOptions(collision=strategy)
    return old_deployment(store, clock, concurrency_limit=limit, sluice=options)


def test_its_runs_count_toward_the_deployments_limit(store: Store, clock: FrozenClock) -> None:
    deployment = limited(store, clock, limit=2)
    make_backfill(store, deployment, max_active=5)
    assert days(start(store)) == [1, 2]
    waits = live(store, deployment)
    assert start(store) == []
    assert flow_runs.read(store, waits.id).state_name == "AwaitingConcurrencySlot"


def test_live_runs_go_first(store: Store, clock: FrozenClock) -> None:
    deployment = limited(store, clock)
    made = make_backfill(store, deployment)
    clock.advance(30)
    runs = [live(store, deployment, name=name) for name in ("a", "b")]
    for run in runs:
        assert [one.id for one in start(store)] == [run.id]
        finish(store, [run])
    assert days(start(store)) == [1]
    assert progress(store, made)["running"] == 1


def test_after_a_minute_it_is_in_line_so_that_it_advances_under_full_load(
    store: Store, clock: FrozenClock
) -> None:
    """A live run every 20 seconds, each takes 25: there is never a moment without one that waits."""
    deployment = limited(store, clock)
    made = make_backfill(store, deployment)
    running: list[tuple[FlowRun, float]] = []
    started = []
    for second in range(0, 3600, 5):
        if second % 20 == 0:
            live(store, deployment)
        for run, until in list(running):
            if second >= until:
                finish(store, [run])
                running.remove((run, until))
        for run in start(store):
            running.append((run, second + 25))
            started.append((second, run.sluice.backfill_id is not None))
        clock.advance(5)
    first, second, *_ = [at for at, of_backfill in started if of_backfill]
    assert 60 <= first <= 180
    assert progress(store, made)["completed"] >= 4
    assert second > first + 60


def test_scarce_room_goes_to_live_runs_of_others_first_too(store: Store, clock: FrozenClock) -> None:
    busy = old_deployment(store, clock)
    made = make_backfill(store, busy, max_active=5)
    other = old_deployment(store, clock, "other")
    clock.advance(59)
    for name in "abc":
        live(store, other, name=name)
    assert [run.name for run in start(store, room=3)] == ["a", "b", "c"]
    for name in "de":
        live(store, other, name=name)
    clock.advance(1)
    assert days(start(store, room=5))[:5] == [1, 2, 3, 4, 5], "they have waited for a minute"
    assert progress(store, made)["running"] == 5


def test_a_crowd_of_backfill_runs_does_not_hide_a_live_one(
    store: Store, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.admission.CANDIDATES", 2)
    deployment = limited(store, clock)
    make_backfill(store, deployment, max_active=5)
    other = old_deployment(store, clock, "other")
    live(store, other, name="live")
    assert "live" in [run.name for run in start(store)]


@pytest.mark.parametrize("strategy", list(CollisionStrategy))
def test_it_never_costs_a_live_run_its_start_nor_its_own(
    store: Store, clock: FrozenClock, strategy: CollisionStrategy
) -> None:
    deployment = limited(store, clock, strategy)
    made = make_backfill(store, deployment, max_active=2)
    (own,) = start(store)
    states.write(store, own.id, RUNNING)
    run = live(store, deployment, name="live")
    assert start(store) == []
    assert flow_runs.read(store, run.id).state_name == "AwaitingConcurrencySlot"
    assert flow_runs.read(store, own.id).state_type == "RUNNING"
    assert progress(store, made) == {"total": 5, "queued": 3, "waiting": 1, "running": 1}
    finish(store, [own])
    assert [one.name for one in start(store)] == ["live"]


@pytest.mark.parametrize("strategy", [CollisionStrategy.CANCEL_NEW, CollisionStrategy.CANCEL_RUNNING])
def test_live_runs_among_themselves_still_collide(
    store: Store, clock: FrozenClock, strategy: CollisionStrategy
) -> None:
    deployment = limited(store, clock, strategy)
    first = live(store, deployment, name="first")
    assert [run.name for run in start(store)] == ["first"]
    made = make_backfill(store, deployment)
    second = live(store, deployment)
    assert start(store) == []
    ends = first if strategy is CollisionStrategy.CANCEL_RUNNING else second
    assert flow_runs.read(store, ends.id).state_type in ("CANCELLED", "CANCELLING")
    assert progress(store, made) == {"total": 5, "queued": 4, "waiting": 1}


@pytest.mark.parametrize("strategy", list(CollisionStrategy))
def test_the_same_holds_for_a_runner_that_asks(
    store: Store, clock: FrozenClock, strategy: CollisionStrategy
) -> None:
    deployment = limited(store, clock, strategy)
    made = make_backfill(store, deployment, max_active=2)
    own, other, *_ = runs_of(store, made)
    run = live(store, deployment)
    pending = StateCreate(type=StateType.PENDING)
    assert orchestration.set_state(store, own.id, pending).status == "ACCEPT"
    for waits in (run, other):
        verdict = orchestration.set_state(store, waits.id, pending)
        assert verdict.status == "REJECT"
        assert flow_runs.read(store, waits.id).state_name == "AwaitingConcurrencySlot"


def test_a_schedules_max_active_runs_holds_for_both(store: Store, clock: FrozenClock) -> None:
    schedules = [cron("0 6 * * *", slug="daily", max_active_runs=1)]
    deployment = old_deployment(store, clock, schedules=schedules)
    make_backfill(store, deployment, max_active=5)
    assert days(start(store)) == [1]
    assert start(store) == []


def test_next_due_does_not_wait_for_queued_runs(store: Store, clock: FrozenClock) -> None:
    make_backfill(store, old_deployment(store, clock))
    start(store)
    assert claims.next_due(store, "local") is None


# --- Many threads


def test_two_that_make_the_same_backfill_at_once_make_it_once(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock, schedules=[cron("0 * * * *")])
    plan = backfill.preview(store, backfill.BackfillCreate(
        deployment_id=deployment.id, range_start=day(1), range_end=day(20)
    ))  # fmt: skip
    barrier, outcomes = threading.Barrier(4), []

    def create() -> None:
        barrier.wait(10)
        try:
            backfill.create(store, plan.request, plan.digest, "ann@desk")
            outcomes.append("made")
        except PlanChanged:
            outcomes.append("changed")
        finally:
            store.database.close()

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["changed", "changed", "changed", "made"]
    assert store.database.execute_sql("SELECT count(*) FROM flow_run").fetchone() == (plan.creates,)


def test_what_an_operator_runs_meanwhile_counts_as_live(store: Store, clock: FrozenClock) -> None:
    deployment = old_deployment(store, clock)
    past_slot(store, deployment, day(2), "PENDING", auto_scheduled=False)
    assert days(runs_of(store, make_backfill(store, deployment))) == [1, 3, 4, 5]
