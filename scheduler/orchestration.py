"""Rules of state transitions: which state may follow which, and what is written instead when it may not.

The rules and their words are those of Prefect's orchestration (core and flow policies), checked against all
81 recorded transitions of its server. `decide` is pure; `set_state` and `cancel` apply it in one transaction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from store import slots, states
from store.database import Store
from store.errors import NotFound
from store.schemas import (
    TERMINAL_STATES,
    CollisionStrategy,
    State,
    StateCreate,
    StateDetails,
    StateType,
    StateVerdict,
)

LIMIT_REACHED = "Deployment concurrency limit reached."
SUPERSEDED = "Superseded by a newer run."
NOT_ITS_TURN = "The run waits for its turn in its backfill."
TURN_SECONDS = 30
"""After how long a runner may ask again for a run whose turn has not come."""

Status = Literal["ACCEPT", "REJECT", "ABORT", "WAIT"]


class Facts(NamedTuple):
    """What a decision depends on besides the two states.

    Args:
        now: the present instant.
        retries_left: whether the run's policy allows one more try.
        retry_delay: how long a retry waits.
        retry_on_crash: whether a crashed run is tried again like a failed one.
        limit_full: whether the deployment's concurrency limit has no slot left for this run.
        strategy: what then happens; null means ENQUEUE.
        queued: whether the run is a backfill's and its turn has not come.
    """

    now: datetime
    retries_left: bool = False
    retry_delay: timedelta = timedelta(0)
    retry_on_crash: bool = False
    limit_full: bool = False
    strategy: CollisionStrategy | None = None
    queued: bool = False


class Decision(NamedTuple):
    """What becomes of a proposed state.

    `write` is the state to write: the proposed one (ACCEPT), another one (REJECT), or none.
    """

    status: Status
    write: StateCreate | None = None
    reason: str | None = None
    delay_seconds: int | None = None


def decide(current: State | None, proposed: StateCreate, facts: Facts, *, force: bool = False) -> Decision:
    """Judge a proposed state. `force` skips every rule, as Prefect's `force: true` does."""
    if current is None or force:
        return Decision("ACCEPT", proposed)
    for rule in _RULES:
        decision = rule(current, proposed, facts)
        if decision is not None:
            return decision
    return Decision("ACCEPT", proposed)


def set_state(store: Store, flow_run_id: UUID, proposed: StateCreate, *, force: bool = False) -> StateVerdict:
    """Propose a state for a run and write what the rules make of it.

    Raises:
        NotFound: there is no such run.
    """
    with store.write():
        situation = slots.read_situation(store, flow_run_id)
        if situation is None:
            raise NotFound("Flow run", flow_run_id, f"Flow run with id {flow_run_id} not found")
        current = states.read(store, situation.state_id)
        collision = slots.Collision(False, situation.strategy)
        if proposed.type is StateType.PENDING:
            collision = slots.collision(store, flow_run_id, situation.strategy)
        facts = Facts(
            now=store.clock.now(),
            retries_left=situation.run_count <= situation.retries,
            retry_delay=timedelta(seconds=situation.retry_delay),
            limit_full=collision.full,
            strategy=collision.strategy,
            queued=situation.queued,
        )
        decision = decide(current, proposed, facts, force=force)
        written = states.write(store, flow_run_id, decision.write) if decision.write is not None else None
    return StateVerdict(
        status=decision.status, state=written or current, details=_details(decision), written=bool(written)
    )


def cancel(store: Store, ids: Sequence[UUID]) -> int:
    """Ask runs to end: those that never started are CANCELLED at once, live ones become CANCELLING.

    Returns:
        How many of them were not over, nor asked before.
    """
    asked = 0
    with store.write():
        for flow_run_id in ids:
            try:
                verdict = set_state(store, flow_run_id, StateCreate(type=StateType.CANCELLING))
            except NotFound:
                continue  # deleted meanwhile: there is nothing left to end
            asked += verdict.written
    return asked


def _details(decision: Decision) -> dict[str, object]:
    details: dict[str, object] = {"type": f"{decision.status.lower()}_details"}
    if decision.delay_seconds is not None:
        details["delay_seconds"] = decision.delay_seconds
    if decision.status != "ACCEPT":
        details["reason"] = decision.reason
    return details


# --- The rules, in the order in which they are asked. Each answers None when it has nothing to say.


def _same_transition_once(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    transition = proposed.state_details.transition_id
    if transition is not None and transition == current.state_details.transition_id:
        return Decision("REJECT", reason="This run has already made this state transition.")
    return None


def _cancelling_ends_cancelled(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    if current.type is StateType.CANCELLING and proposed.type is not StateType.CANCELLED:
        reason = "Cannot transition flows that are cancelling to a state other than Cancelled."
        return Decision("REJECT", reason=reason)
    return None


def _nothing_to_terminate(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    suspended = current.type is StateType.PAUSED and current.name == "Suspended"
    if proposed.type is not StateType.CANCELLING or not (current.type is StateType.SCHEDULED or suspended):
        return None
    kind = "Suspended" if suspended else "Scheduled"
    cancelled = StateCreate(type=StateType.CANCELLED, message=proposed.message)
    return Decision("REJECT", cancelled, f"{kind} flow run has no infrastructure to terminate.")


def _terminal_stays(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    ends = (StateType.CANCELLING, StateType.CRASHED, StateType.PAUSED)
    if current.type in TERMINAL_STATES and proposed.type in ends:
        return Decision("ABORT", reason=f"Run is already in terminal state {current.type}.")
    return None


def _pending_once(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    if proposed.type is not StateType.PENDING:
        return None
    if current.type is StateType.PAUSED:
        reason = "This run cannot transition to the StateType.PENDING state from the StateType.PAUSED state."
        return Decision("REJECT", reason=reason)
    renamed = current.type is StateType.PENDING and (proposed.name or "Pending") != current.name
    if current.type in (StateType.PENDING, StateType.RUNNING, StateType.CANCELLED) and not renamed:
        reason = f"This run is in a {current.type} state and cannot transition to a PENDING state."
        return Decision("ABORT", reason=reason)
    return None


def _only_running_pauses(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    if proposed.type is StateType.PAUSED and current.type is not StateType.RUNNING:
        return Decision("REJECT", reason="Cannot pause flows that are not currently running.")
    return None


def _not_before_its_time(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    due = current.state_details.scheduled_time
    waits = current.type in (StateType.SCHEDULED, StateType.PENDING)
    if proposed.type is StateType.RUNNING and waits and due is not None and due > facts.now:
        delay = math.ceil((due - facts.now).total_seconds())
        return Decision("WAIT", reason="Scheduled time is in the future", delay_seconds=delay)
    return None


def _not_before_its_turn(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    if facts.queued and proposed.type in (StateType.PENDING, StateType.RUNNING):
        return Decision("WAIT", reason=NOT_ITS_TURN, delay_seconds=TURN_SECONDS)
    return None


def _deployment_limit(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    if not facts.limit_full or proposed.type is not StateType.PENDING or current.type is StateType.PENDING:
        return None
    if facts.strategy is CollisionStrategy.CANCEL_NEW:
        cancelled = StateCreate(type=StateType.CANCELLED, message=LIMIT_REACHED)
        return Decision("REJECT", cancelled, LIMIT_REACHED)
    return Decision("REJECT", awaiting_slot(current.state_details.scheduled_time), LIMIT_REACHED)


def _retry(current: State, proposed: StateCreate, facts: Facts) -> Decision | None:
    crashed = proposed.type is StateType.CRASHED and facts.retry_on_crash
    failed = proposed.type is StateType.FAILED or crashed
    if not failed or current.type is not StateType.RUNNING or not facts.retries_left:
        return None
    waits = StateCreate(
        type=StateType.SCHEDULED,
        name="AwaitingRetry",
        message=proposed.message,
        state_details=StateDetails(scheduled_time=facts.now + facts.retry_delay),
    )
    return Decision("REJECT", waits, "Retrying")


def awaiting_slot(due: datetime | None, message: str = LIMIT_REACHED) -> StateCreate:
    """The state of a run that waits for a concurrency slot; it stays due since `due`."""
    return StateCreate(
        type=StateType.SCHEDULED,
        name="AwaitingConcurrencySlot",
        message=message,
        state_details=StateDetails(scheduled_time=due),
    )


_RULES = (
    _same_transition_once,
    _cancelling_ends_cancelled,
    _nothing_to_terminate,
    _terminal_stays,
    _pending_once,
    _only_running_pauses,
    _not_before_its_time,
    _not_before_its_turn,
    _deployment_limit,
    _retry,
)
