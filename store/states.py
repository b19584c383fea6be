"""States of runs: the history, and what a run's own columns say of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import SQL

from store import backfill_queue, schemas, statistics
from store.database import Store
from store.errors import NotFound
from store.models import FlowRun, FlowRunState
from store.schemas import StateType

_MICROSECOND = timedelta(microseconds=1)


def write(
    store: Store,
    flow_run_id: UUID,
    state: schemas.StateCreate,
    *,
    expect_type: set[StateType] | None = None,
    expect_token: int | None = None,
) -> schemas.State | None:
    """Give a run its next state, keep it in the history, and bring the run's own columns in line.

    What follows from a state is Prefect's (its orchestration's global flow policy): `run_count` counts
    entries into RUNNING, `start_time` is the first of them, `end_time` is set by a terminal state and cleared
    when a run leaves one, `total_run_time` grows by the time in each RUNNING state that ends. Unlike there,
    `scheduled_time` survives PENDING (WIRE.md: runners claim up to 10 s early). No rule forbids a transition
    here: that is `scheduler.orchestration`'s.

    Args:
        state: as proposed; without a name it gets its type's first, without a timestamp it is now.
        expect_type: write only if the run's present state is of one of these types.
        expect_token: write only if the run's claim token is still this one (fencing).

    Returns:
        The state as kept, or None when an expectation does not hold; then nothing is written.

    Raises:
        NotFound: there is no such run.
    """
    with store.write():
        run = FlowRun.get_or_none(FlowRun.id == flow_run_id)
        if run is None:
            raise NotFound("Flow run", flow_run_id)
        if expect_token is not None and run.claim_token != expect_token:
            return None
        if expect_type is not None and run.state_type not in expect_type:
            return None
        row = _insert(store, run, state)
        _apply(run, row, store.clock.now())
        run.save()
        if run.backfill_id is not None and state.type in schemas.TERMINAL_STATES:
            backfill_queue.advance(store, run.backfill_id)
        if run.deployment_id is not None:
            statistics.refresh(store, [run.deployment_id])
        return to_schema(row)


def history(store: Store, flow_run_id: UUID) -> list[schemas.State]:
    """Every state of a run, oldest first; empty for an unknown run."""
    rows = FlowRunState.select().where(FlowRunState.flow_run == flow_run_id)
    # In order of writing. Ids and timestamps are the clock's, which another process may have had ahead.
    return [to_schema(row) for row in rows.order_by(SQL("rowid"))]


def read(store: Store, state_id: UUID | None) -> schemas.State | None:
    """One state by its id."""
    row = FlowRunState.get_or_none(FlowRunState.id == state_id) if state_id else None
    return to_schema(row) if row is not None else None


def to_schema(row: Any) -> schemas.State:
    """A state row as it is read."""
    return schemas.State(
        id=row.id,
        type=StateType(row.type),
        name=row.name,
        timestamp=row.timestamp,
        message=row.message,
        data=row.data,
        state_details=schemas.StateDetails.model_validate(row.state_details or {}),
    )


def _insert(store: Store, run: Any, state: schemas.StateCreate) -> Any:
    timestamp = state.timestamp or store.clock.now()
    details = state.state_details.model_copy(
        update={"flow_run_id": run.id, "scheduled_time": _scheduled_time(run, state, timestamp)}
    )
    return FlowRunState.create(
        flow_run=run.id,
        type=state.type.value,
        name=state.name or schemas.STATE_NAMES[state.type][0],
        timestamp=timestamp,
        message=state.message,
        state_details=details.model_dump(mode="json", exclude_none=True),
        data=state.data,
    )


def _scheduled_time(run: Any, state: schemas.StateCreate, timestamp: datetime) -> datetime | None:
    """When the state says the run is due: Late and PENDING keep the run's time, SCHEDULED defaults to now."""
    given = state.state_details.scheduled_time
    waits = run.state_type in (StateType.SCHEDULED, StateType.PENDING)
    kept: datetime | None = run.next_scheduled_start_time if waits else None
    if state.type is StateType.SCHEDULED:
        return given or (kept if run.state_type == StateType.SCHEDULED else None) or timestamp
    if state.type is StateType.PENDING:
        return given or kept
    return given


def _apply(run: Any, row: Any, now: datetime) -> None:
    """Set the run's columns from its new state `row`."""
    new = StateType(row.type)
    if run.state_type == StateType.RUNNING:
        spent: timedelta = row.timestamp - run.state_timestamp
        run.total_run_time += max(0, spent // _MICROSECOND)
    if new is StateType.RUNNING:
        # A suspended run that goes on is the same try (Prefect's IncrementFlowRunCount).
        run.run_count += 0 if run.empirical_policy.get("resuming") else 1
        run.start_time = run.start_time or row.timestamp
    run.end_time = row.timestamp if new in schemas.TERMINAL_STATES else None
    _apply_due_time(run, row, new)
    run.state_id = row.id
    run.state_type = new.value
    run.state_name = row.name
    run.state_timestamp = row.timestamp
    run.updated = now


def _apply_due_time(run: Any, row: Any, new: StateType) -> None:
    due = schemas.StateDetails.model_validate(row.state_details).scheduled_time
    if new is StateType.SCHEDULED or (new is StateType.PENDING and due is not None):
        run.next_scheduled_start_time = due
    elif new is not StateType.PENDING:
        run.next_scheduled_start_time = None
    if run.expected_start_time is None:
        run.expected_start_time = due or row.timestamp
