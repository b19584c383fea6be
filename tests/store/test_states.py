"""What a run's columns say after each state: times, counts, due time, fencing."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from support.making import make_deployment, make_run, scheduled

from store import flow_runs, lists, states
from store.clock import FrozenClock
from store.database import Store
from store.errors import NotFound
from store.ids import new_id
from store.schemas import FlowRun, StateCreate, StateDetails, StateType

S = StateType


@pytest.fixture
def run(store: Store) -> FlowRun:
    return make_run(store, make_deployment(store))


def enter(store: Store, run: FlowRun, *types: StateType) -> FlowRun:
    for state_type in types:
        states.write(store, run.id, StateCreate(type=state_type))
    return flow_runs.read(store, run.id)


def test_a_first_state_is_due_now_and_expected_then(store: Store, clock: FrozenClock, run: FlowRun) -> None:
    assert (run.state_type, run.state_name) == ("SCHEDULED", "Scheduled")
    assert run.expected_start_time == run.next_scheduled_start_time == clock.now()
    assert run.state is not None
    assert run.state.state_details.scheduled_time == clock.now()
    assert run.state.state_details.flow_run_id == run.id
    assert (run.run_count, run.start_time, run.end_time) == (0, None, None)


def test_a_run_that_never_waited_is_expected_when_it_began(store: Store, clock: FrozenClock) -> None:
    run = make_run(store, make_deployment(store), state=StateCreate(type=S.RUNNING))
    assert (run.expected_start_time, run.next_scheduled_start_time) == (clock.now(), None)


def test_a_state_without_a_name_gets_its_type_s_first(store: Store, run: FlowRun) -> None:
    assert enter(store, run, S.PENDING).state_name == "Pending"
    named = states.write(store, run.id, StateCreate(type=S.FAILED, name="TimedOut", message="too long"))
    assert named is not None
    assert (named.name, named.message) == ("TimedOut", "too long")


@pytest.mark.parametrize("terminal", [S.COMPLETED, S.FAILED, S.CRASHED, S.CANCELLED])
def test_times_of_an_ordinary_life(
    store: Store, clock: FrozenClock, run: FlowRun, terminal: StateType
) -> None:
    enter(store, run, S.PENDING)
    clock.advance(2)
    started = clock.now()
    enter(store, run, S.RUNNING)
    clock.advance(7.25)
    ended = enter(store, run, terminal)
    assert (ended.start_time, ended.end_time) == (started, clock.now())
    assert ended.total_run_time == ended.estimated_run_time == timedelta(seconds=7.25)
    assert ended.estimated_start_time_delta == timedelta(seconds=2)
    assert (ended.run_count, ended.next_scheduled_start_time) == (1, None)


def test_a_retry_counts_again_adds_its_time_and_keeps_the_first_start(
    store: Store, clock: FrozenClock, run: FlowRun
) -> None:
    first = clock.now()
    enter(store, run, S.RUNNING)
    clock.advance(3)
    assert enter(store, run, S.FAILED).end_time == clock.now()
    due = clock.now() + timedelta(seconds=60)
    states.write(store, run.id, scheduled(due, "AwaitingRetry"))
    waiting = flow_runs.read(store, run.id)
    assert (waiting.end_time, waiting.next_scheduled_start_time) == (None, due)
    clock.advance(60)
    states.write(store, run.id, StateCreate(type=S.RUNNING, name="Retrying"))
    clock.advance(4)
    ended = enter(store, run, S.COMPLETED)
    assert (ended.run_count, ended.start_time) == (2, first)
    assert ended.total_run_time == timedelta(seconds=7)
    assert ended.expected_start_time == first


def test_a_suspended_run_that_resumes_is_the_same_try(store: Store) -> None:
    run = make_run(store, make_deployment(store), empirical_policy={"resuming": True})
    assert enter(store, run, S.RUNNING).run_count == 0


def test_a_running_run_s_time_so_far_grows(store: Store, clock: FrozenClock, run: FlowRun) -> None:
    enter(store, run, S.RUNNING)
    clock.advance(5)
    now = flow_runs.read(store, run.id)
    assert (now.total_run_time, now.estimated_run_time) == (timedelta(0), timedelta(seconds=5))


def test_a_clock_set_back_while_running_takes_nothing_away(
    store: Store, clock: FrozenClock, run: FlowRun
) -> None:
    enter(store, run, S.RUNNING)
    clock.set(clock.now() - timedelta(hours=1))
    assert enter(store, run, S.COMPLETED).total_run_time == timedelta(0)


def test_the_due_time_survives_pending_and_late(store: Store, clock: FrozenClock) -> None:
    due = clock.now() + timedelta(seconds=10)
    run = make_run(store, make_deployment(store), state=scheduled(due))
    late = states.write(store, run.id, StateCreate(type=S.SCHEDULED, name="Late"))
    pending = states.write(store, run.id, StateCreate(type=S.PENDING))
    submitting = states.write(store, run.id, StateCreate(type=S.PENDING, name="Submitting"))
    for state in (late, pending, submitting):
        assert state is not None
        assert state.state_details.scheduled_time == due
    assert flow_runs.read(store, run.id).next_scheduled_start_time == due
    enter(store, run, S.RUNNING)
    assert flow_runs.read(store, run.id).next_scheduled_start_time is None
    assert flow_runs.read(store, run.id).expected_start_time == due


def test_what_travels_with_a_state_is_kept(store: Store, run: FlowRun) -> None:
    details = StateDetails(transition_id=UUID(int=7), retriable=True, extra={"lease": "x"})
    states.write(store, run.id, StateCreate(type=S.COMPLETED, data={"r": 1}, state_details=details))
    state = flow_runs.read(store, run.id).state
    assert state is not None
    assert (state.data, state.is_terminal()) == ({"r": 1}, True)
    kept = state.state_details
    assert (kept.transition_id, kept.retriable, kept.extra) == (UUID(int=7), True, {"lease": "x"})


def test_the_history_is_in_order_of_arrival(store: Store, clock: FrozenClock, run: FlowRun) -> None:
    enter(store, run, S.PENDING, S.RUNNING)
    early = StateCreate(type=S.COMPLETED, timestamp=clock.now() - timedelta(seconds=9))
    states.write(store, run.id, early)
    assert [state.type for state in states.history(store, run.id)] == [
        S.SCHEDULED,
        S.PENDING,
        S.RUNNING,
        S.COMPLETED,
    ]
    last = states.history(store, run.id)[-1]
    assert states.read(store, last.id) == last
    assert states.read(store, None) is None


@pytest.mark.parametrize(
    ("expectation", "written"),
    [
        ({"expect_type": {S.SCHEDULED}}, True),
        ({"expect_type": {S.PENDING, S.RUNNING}}, False),
        ({"expect_token": 0}, True),
        ({"expect_token": 1}, False),
        ({"expect_type": {S.SCHEDULED}, "expect_token": 1}, False),
    ],
)
def test_an_expectation_that_fails_writes_nothing(
    store: Store, run: FlowRun, expectation: dict[str, object], written: bool
) -> None:
    answer = states.write(store, run.id, StateCreate(type=S.PENDING), **expectation)  # type: ignore[arg-type]
    assert (answer is not None) is written
    assert len(states.history(store, run.id)) == 1 + written
    assert flow_runs.read(store, run.id).state_type == (S.PENDING if written else S.SCHEDULED)


def test_an_unknown_run_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="Flow run not found"):
        states.write(store, UUID(int=1), StateCreate(type=S.PENDING))


def test_the_deployment_s_list_row_follows(store: Store, clock: FrozenClock, run: FlowRun) -> None:
    assert run.deployment_id is not None
    key = run.deployment_id
    enter(store, run, S.RUNNING)
    row, _ = lists.deployment_rows(store, [key])[key]
    assert (row.running, row.last_state_type) == (1, "RUNNING")
    clock.advance(2)
    enter(store, run, S.COMPLETED)
    row, _ = lists.deployment_rows(store, [key])[key]
    assert (row.running, row.last_state_type, row.last_duration) == (0, "COMPLETED", 2.0)


def test_the_history_is_in_order_of_writing_although_a_clock_was_ahead(store: Store, run: FlowRun) -> None:
    enter(store, run, S.PENDING)
    hour_ahead = UUID(int=new_id().int + (3_600_000 << 80))
    store.database.execute_sql("UPDATE flow_run_state SET id = ? WHERE type = 'PENDING'", (hour_ahead.bytes,))
    enter(store, run, S.RUNNING)
    assert [state.name for state in states.history(store, run.id)] == ["Scheduled", "Pending", "Running"]
