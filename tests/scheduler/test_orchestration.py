"""Rules of state transitions, against what Prefect's server answered."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support.making import make_deployment, make_run, scheduled

from scheduler.orchestration import Facts, cancel, decide, set_state
from store import flow_runs, states
from store.clock import FrozenClock
from store.database import Store
from store.errors import NotFound
from store.ids import new_id
from store.schemas import (
    STATE_NAMES,
    CollisionStrategy,
    ConcurrencyOptions,
    State,
    StateCreate,
    StateDetails,
    StateType,
)

MATRIX = json.loads(Path(__file__).with_name("data").joinpath("set_state_matrix.json").read_text())


def state(kind: StateType, now: datetime, name: str | None = None, **details: Any) -> State:
    details = StateDetails(**details)
    return State(
        id=new_id(), type=kind, name=name or STATE_NAMES[kind][0], timestamp=now, state_details=details
    )


def test_the_matrix_has_every_transition() -> None:
    assert len({(case["from"], case["proposed"]) for case in MATRIX}) == 81


@pytest.mark.parametrize("case", MATRIX, ids=lambda case: f"{case['from']}-{case['proposed']}")
def test_each_transition_is_judged_as_recorded(case: dict[str, Any], clock: FrozenClock) -> None:
    current = state(StateType(case["from"]), clock.now())
    decision = decide(current, StateCreate(type=StateType(case["proposed"])), Facts(now=clock.now()))
    written = decision.write
    result = f"{written.type}/{written.name or STATE_NAMES[written.type][0]}" if written else None
    assert decision.status == case["status"]
    assert decision.reason == case["reason"]
    assert (result or f"{current.type}/{current.name}") == case["result"]
    assert (written is not None) == (case["http"] == 201)


def test_force_skips_the_rules(clock: FrozenClock) -> None:
    cancelling = state(StateType.CANCELLING, clock.now())
    proposed = StateCreate(type=StateType.RUNNING)
    assert decide(cancelling, proposed, Facts(now=clock.now()), force=True).write is proposed
    assert decide(None, proposed, Facts(now=clock.now())).write is proposed


def test_a_transition_is_made_once(clock: FrozenClock) -> None:
    key = UUID(int=5)
    pending = state(StateType.PENDING, clock.now(), transition_id=key)
    again = StateCreate(type=StateType.RUNNING, state_details=StateDetails(transition_id=key))
    decision = decide(pending, again, Facts(now=clock.now()))
    assert (decision.status, decision.write) == ("REJECT", None)


def test_pending_to_pending_with_another_name_is_accepted(clock: FrozenClock) -> None:
    pending = state(StateType.PENDING, clock.now())
    renamed = StateCreate(type=StateType.PENDING, name="Submitting")
    assert decide(pending, renamed, Facts(now=clock.now())).status == "ACCEPT"


def test_running_before_its_time_waits(clock: FrozenClock) -> None:
    due = clock.now() + timedelta(seconds=4.6)
    pending = state(StateType.PENDING, clock.now(), scheduled_time=due)
    decision = decide(pending, StateCreate(type=StateType.RUNNING), Facts(now=clock.now()))
    assert (decision.status, decision.delay_seconds, decision.write) == ("WAIT", 5, None)
    assert decide(pending, StateCreate(type=StateType.RUNNING), Facts(now=due)).status == "ACCEPT"


def test_a_suspended_run_is_cancelled_at_once(clock: FrozenClock) -> None:
    suspended = state(StateType.PAUSED, clock.now(), "Suspended")
    decision = decide(suspended, StateCreate(type=StateType.CANCELLING), Facts(now=clock.now()))
    assert decision.write is not None
    assert decision.write.type is StateType.CANCELLED


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        (None, "AwaitingConcurrencySlot"),
        (CollisionStrategy.ENQUEUE, "AwaitingConcurrencySlot"),
        (CollisionStrategy.CANCEL_NEW, None),
    ],
)
def test_a_full_limit(clock: FrozenClock, strategy: CollisionStrategy | None, name: str | None) -> None:
    due = clock.now() - timedelta(seconds=5)
    waiting = state(StateType.SCHEDULED, clock.now(), scheduled_time=due)
    facts = Facts(now=clock.now(), limit_full=True, strategy=strategy)
    decision = decide(waiting, StateCreate(type=StateType.PENDING), facts)
    assert decision.status == "REJECT"
    assert decision.reason == "Deployment concurrency limit reached."
    assert decision.write is not None
    assert decision.write.name == name
    if name:
        assert decision.write.state_details.scheduled_time == due
    else:
        assert decision.write.message == "Deployment concurrency limit reached."
    submitting = StateCreate(type=StateType.PENDING, name="Submitting")
    assert decide(state(StateType.PENDING, clock.now()), submitting, facts).status == "ACCEPT"


def test_retries(clock: FrozenClock) -> None:
    running = state(StateType.RUNNING, clock.now())
    facts = Facts(now=clock.now(), retries_left=True, retry_delay=timedelta(seconds=30))
    failed = StateCreate(type=StateType.FAILED, message="exit code 1")
    decision = decide(running, failed, facts)
    assert decision.write is not None
    assert (decision.status, decision.write.name) == ("REJECT", "AwaitingRetry")
    assert decision.write.message == "exit code 1"
    assert decision.write.state_details.scheduled_time == clock.now() + timedelta(seconds=30)
    assert decide(state(StateType.PENDING, clock.now()), failed, facts).status == "ACCEPT"
    crashed = StateCreate(type=StateType.CRASHED)
    assert decide(running, crashed, facts).write is crashed
    again = decide(running, crashed, facts._replace(retry_on_crash=True))
    assert again.write is not None
    assert again.write.name == "AwaitingRetry"


# --- In the store


def test_set_state_writes_and_tells(store: Store) -> None:
    run = make_run(store, make_deployment(store))
    verdict = set_state(store, run.id, StateCreate(type=StateType.PENDING))
    assert (verdict.status, verdict.written) == ("ACCEPT", True)
    assert verdict.details == {"type": "accept_details"}
    again = set_state(store, run.id, StateCreate(type=StateType.PENDING))
    assert (again.status, again.written) == ("ABORT", False)
    assert again.state == verdict.state
    assert again.details == {
        "type": "abort_details",
        "reason": "This run is in a PENDING state and cannot transition to a PENDING state.",
    }
    assert "written" not in again.model_dump()
    with pytest.raises(NotFound, match=f"Flow run with id {UUID(int=1)} not found"):
        set_state(store, UUID(int=1), StateCreate(type=StateType.PENDING))


def test_set_state_waits_for_the_scheduled_time_through_pending(store: Store, clock: FrozenClock) -> None:
    due = clock.now() + timedelta(seconds=3)
    run = make_run(store, make_deployment(store), state=scheduled(due))
    set_state(store, run.id, StateCreate(type=StateType.PENDING))
    verdict = set_state(store, run.id, StateCreate(type=StateType.RUNNING))
    assert (verdict.status, verdict.details["delay_seconds"]) == ("WAIT", 3)
    clock.advance(3)
    assert set_state(store, run.id, StateCreate(type=StateType.RUNNING)).status == "ACCEPT"


def test_set_state_retries_by_the_runs_own_policy(store: Store) -> None:
    policy = {"retries": 1, "retry_delay": 10}
    run = make_run(store, make_deployment(store), empirical_policy=policy)
    for expected in ("AwaitingRetry", "Failed"):
        set_state(store, run.id, StateCreate(type=StateType.RUNNING), force=True)
        verdict = set_state(store, run.id, StateCreate(type=StateType.FAILED))
        assert verdict.state is not None
        assert verdict.state.name == expected


def test_set_state_keeps_the_deployments_limit(store: Store) -> None:
    limited = make_deployment(store, "one", concurrency_limit=1)
    first, second = make_run(store, limited), make_run(store, limited)
    set_state(store, first.id, StateCreate(type=StateType.PENDING))
    verdict = set_state(store, second.id, StateCreate(type=StateType.PENDING))
    assert verdict.state is not None
    assert (verdict.status, verdict.state.name) == ("REJECT", "AwaitingConcurrencySlot")
    options = ConcurrencyOptions(collision_strategy=CollisionStrategy.CANCEL_NEW)
    strict = make_deployment(store, "strict", concurrency_limit=1, concurrency_options=options)
    first, second = make_run(store, strict), make_run(store, strict)
    set_state(store, first.id, StateCreate(type=StateType.PENDING))
    verdict = set_state(store, second.id, StateCreate(type=StateType.PENDING))
    assert verdict.state is not None
    assert verdict.state.type is StateType.CANCELLED


def test_cancel(store: Store) -> None:
    deployment = make_deployment(store)
    waiting, live, over = (make_run(store, deployment) for _ in range(3))
    states.write(store, live.id, StateCreate(type=StateType.RUNNING))
    states.write(store, over.id, StateCreate(type=StateType.COMPLETED))
    assert cancel(store, [waiting.id, live.id, over.id, UUID(int=9)]) == 2
    assert [flow_runs.read(store, run.id).state_type for run in (waiting, live, over)] == [
        StateType.CANCELLED,
        StateType.CANCELLING,
        StateType.COMPLETED,
    ]
    assert cancel(store, [waiting.id, live.id, over.id]) == 0
