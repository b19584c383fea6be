"""Flow runs: making, reading, finding and deleting them. Their states are `store.states`'s."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import JOIN

from store import backfill_queue, schemas, states, statistics
from store.chunks import chunked, keys_of, marks
from store.clock import to_micros
from store.database import Store
from store.errors import NotFound, Refused
from store.ids import new_id
from store.models import Deployment, Flow, FlowRun, FlowRunState, WorkPool, WorkQueue
from store.names import can_be_name, new_run_name

FIND_LIMIT = 20
MIN_ID_PREFIX = 4


def create(
    store: Store,
    *,
    flow_id: UUID,
    state: schemas.StateCreate,
    deployment_id: UUID | None = None,
    name: str | None = None,
    parameters: dict[str, Any] | None = None,
    tags: Sequence[str] = (),
    labels: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    empirical_policy: dict[str, Any] | None = None,
    job_variables: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    parent_task_run_id: UUID | None = None,
    work_queue_id: UUID | None = None,
    work_queue_name: str | None = None,
    deployment_name: str | None = None,
    deployment_version: str | None = None,
    flow_version: str | None = None,
    created_by: schemas.CreatedBy | None = None,
    expected_start_time: datetime | None = None,
    schedule_id: UUID | None = None,
    slot: datetime | None = None,
    auto_scheduled: bool = False,
    backfill_id: UUID | None = None,
    attempt: int = 1,
    rerun_of: UUID | None = None,
) -> tuple[schemas.FlowRun, bool]:
    """A new run in its first state; with an idempotency key that this flow has seen, the run of then.

    Args:
        state: the first state; SCHEDULED without a scheduled_time is due now.
        name: null: an adjective and an animal.
        work_queue_id: the queue it waits in; `work_queue_name` is kept beside it.
        expected_start_time: what lateness counts from; null: the state's scheduled time.

    Returns:
        The run, and whether it is new.

    Raises:
        NotFound: there is no such flow.
    """
    with store.write():
        existing = _by_key(flow_id, idempotency_key)
        if existing is not None:
            return read(store, existing), False
        if not Flow.select(Flow.id).where(Flow.id == flow_id).exists():
            raise NotFound("Flow", flow_id)
        now = store.clock.now()
        run = FlowRun.create(
            id=new_id(),
            created=now,
            updated=now,
            name=name or new_run_name(),
            flow=flow_id,
            flow_version=flow_version,
            deployment_id=deployment_id,
            deployment_name=deployment_name,
            deployment_version=deployment_version,
            work_queue=work_queue_id,
            work_queue_name=work_queue_name,
            schedule_id=schedule_id,
            slot=slot,
            auto_scheduled=auto_scheduled,
            backfill_id=backfill_id,
            attempt=attempt,
            rerun_of=rerun_of,
            parameters=parameters or {},
            idempotency_key=idempotency_key,
            context=context or {},
            empirical_policy=empirical_policy or {},
            tags=list(dict.fromkeys(tags)),
            labels=labels or {},
            parent_task_run_id=parent_task_run_id,
            job_variables=job_variables or {},
            expected_start_time=expected_start_time,
            created_by=created_by.model_dump(mode="json") if created_by else None,
        )
        states.write(store, run.id, state)
        return read(store, run.id), True


def read(store: Store, flow_run_id: UUID) -> schemas.FlowRun:
    """One run with its present state.

    Raises:
        NotFound: there is none with this id.
    """
    found = _read_many(store, [flow_run_id])
    if not found:
        raise NotFound("Flow run", flow_run_id)
    return found[0]


def find(store: Store, name_or_id: str) -> list[schemas.FlowRun]:
    """Runs of that name or id, or whose id starts with it (from 4 characters); newest first, at most 20."""
    text = name_or_id.strip()
    if not can_be_name(text):
        return []
    low, high = _id_range(text.lower())
    if low is not None and low == high and (whole := _read_many(store, [low])):
        return whole
    matches = FlowRun.name == text
    if low is not None:
        matches = matches | FlowRun.id.between(low, high)
    keys = FlowRun.select(FlowRun.id).where(matches).order_by(FlowRun.id.desc()).limit(FIND_LIMIT)
    return _read_many(store, keys_of(keys))


def delete(store: Store, ids: Sequence[UUID]) -> int:
    """Delete runs with their states and logs, all or none. A coming slot whose run went stays empty.

    Returns:
        How many there were.

    Raises:
        Refused: one of them is active; cancel it first.
    """
    deleted = 0
    with store.write():
        deployments: set[UUID] = set()
        backfills: set[UUID] = set()
        for chunk in chunked(ids):
            chosen = FlowRun.select().where(FlowRun.id.in_(chunk))
            for run in chosen:
                _refuse_active(run)
                deployments.update([run.deployment_id] if run.deployment_id else [])
                backfills.update([run.backfill_id] if run.backfill_id else [])
            _keep_slots_empty(store, chunk)
            deleted += delete_where(store, f"id IN ({marks(chunk)})", chunk)
        backfill_queue.advance_all(store, backfills)
        statistics.refresh(store, list(deployments))
    return deleted


def merged_job_variables(of_deployment: dict[str, Any], of_run: dict[str, Any] | None) -> dict[str, Any]:
    """A deployment's job variables overlaid by a run's; `env` name by name, as Prefect's workers do."""
    overlay = of_run or {}
    merged = {**of_deployment, **overlay}
    below, above = of_deployment.get("env"), overlay.get("env")
    if isinstance(below, dict) and isinstance(above, dict):
        merged["env"] = {**below, **above}
    return merged


def _keep_slots_empty(store: Store, chunk: list[bytes]) -> None:
    """Remember the coming slots of these runs, so that planning their schedules anew does not fill them."""
    now = to_micros(store.clock.now())
    store.database.execute_sql("DELETE FROM deleted_slot WHERE slot <= ?", (now,))
    store.database.execute_sql(
        "INSERT OR IGNORE INTO deleted_slot (schedule_id, slot) SELECT schedule_id, slot FROM flow_run"
        f" WHERE id IN ({marks(chunk)}) AND auto_scheduled = 1 AND slot > ?"
        " AND schedule_id IN (SELECT id FROM deployment_schedule)",
        (*chunk, now),
    )


def delete_where(store: Store, where: str, values: Sequence[Any]) -> int:
    """Delete the runs of an SQL condition with their states and logs; call inside a write transaction.

    Args:
        where: a condition of ours on columns of flow_run, with `?` for each value; never a user's text.
    """
    store.database.execute_sql(
        f"DELETE FROM log WHERE flow_run_id IN (SELECT id FROM flow_run WHERE {where})", values
    )
    return int(store.database.execute_sql(f"DELETE FROM flow_run WHERE {where}", values).rowcount)


def _refuse_active(run: Any) -> None:
    if run.state_type in schemas.ACTIVE_STATES:
        raise Refused(f"run {run.name} is {run.state_name}: cancel it before deleting it")


def _by_key(flow_id: UUID, idempotency_key: str | None) -> UUID | None:
    if idempotency_key is None:
        return None
    run = FlowRun.get_or_none((FlowRun.flow == flow_id) & (FlowRun.idempotency_key == idempotency_key))
    return run.id if run is not None else None


def _id_range(text: str) -> tuple[UUID | None, UUID | None]:
    """The first and last id that begin with these digits, dashes or not; nothing when it is no id's start."""
    digits = text.replace("-", "")
    if not MIN_ID_PREFIX <= len(digits) <= 32 or any(c not in "0123456789abcdef" for c in digits):
        return None, None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def _read_many(store: Store, ids: list[UUID]) -> list[schemas.FlowRun]:
    """These runs in the order asked, each with flow, deployment, pool and state; gone ones left out."""
    query = (
        FlowRun.select(
            FlowRun,
            FlowRunState,
            Flow.id,
            Flow.name,
            Deployment.id,
            Deployment.name,
            WorkQueue.id,
            WorkQueue.name,
            WorkPool.id,
            WorkPool.name,
        )
        .join_from(FlowRun, Flow)
        .join_from(
            FlowRun, FlowRunState, JOIN.LEFT_OUTER, on=(FlowRun.state_id == FlowRunState.id), attr="state"
        )
        .join_from(
            FlowRun,
            Deployment,
            JOIN.LEFT_OUTER,
            on=(FlowRun.deployment_id == Deployment.id),
            attr="deployment",
        )
        .join_from(FlowRun, WorkQueue, JOIN.LEFT_OUTER)
        .join_from(WorkQueue, WorkPool, JOIN.LEFT_OUTER)
        .where(FlowRun.id.in_(ids))
    )
    found = {row.id: _schema(row, store.clock.now()) for row in query}
    return [found[key] for key in ids if key in found]


def _schema(row: Any, now: datetime) -> schemas.FlowRun:
    state = getattr(row, "state", None)
    deployment = getattr(row, "deployment", None)
    queue = row.work_queue
    pool = queue.work_pool if queue is not None else None
    return schemas.FlowRun(
        id=row.id,
        created=row.created,
        updated=row.updated,
        name=row.name,
        flow_id=row.flow_id,
        flow_name=row.flow.name,
        deployment_id=row.deployment_id,
        deployment_name=deployment.name if deployment is not None else row.deployment_name,
        deployment_version=row.deployment_version,
        schedule_id=row.schedule_id,
        flow_version=row.flow_version,
        work_queue_id=row.work_queue_id,
        work_queue_name=queue.name if queue is not None else row.work_queue_name,
        work_pool_id=pool.id if pool is not None else None,
        work_pool_name=pool.name if pool is not None else None,
        state_id=row.state_id,
        state_type=row.state_type,
        state_name=row.state_name,
        state=states.to_schema(state) if state is not None else None,
        parameters=row.parameters,
        idempotency_key=row.idempotency_key,
        context=row.context,
        empirical_policy=row.empirical_policy,
        tags=row.tags,
        labels=row.labels,
        parent_task_run_id=row.parent_task_run_id,
        job_variables=row.job_variables,
        auto_scheduled=row.auto_scheduled,
        run_count=row.run_count,
        expected_start_time=row.expected_start_time,
        next_scheduled_start_time=row.next_scheduled_start_time,
        start_time=row.start_time,
        end_time=row.end_time,
        total_run_time=timedelta(microseconds=row.total_run_time),
        estimated_run_time=_estimated_run_time(row, now),
        estimated_start_time_delta=_start_delay(row, now),
        infrastructure_pid=row.infrastructure_pid,
        created_by=schemas.CreatedBy.model_validate(row.created_by) if row.created_by else None,
        sluice=schemas.FlowRunOptions(
            slot=row.slot,
            backfill_id=row.backfill_id,
            rerun_of=row.rerun_of,
            attempt=row.attempt,
            exit_code=row.exit_code,
            log_cut=row.log_cut,
        ),
    )


def _estimated_run_time(row: Any, now: datetime) -> timedelta:
    """Run time so far: that of ended RUNNING states, plus the present one's (as Prefect's field)."""
    ended: timedelta = timedelta(microseconds=row.total_run_time)
    if row.state_type == schemas.StateType.RUNNING:
        present: timedelta = now - row.state_timestamp
        return ended + max(timedelta(0), present)
    return ended


def _start_delay(row: Any, now: datetime) -> timedelta:
    """How much later than due it started, or is by now (as Prefect's estimated_start_time_delta)."""
    due = row.expected_start_time
    if due is None or (row.start_time is None and row.state_type in schemas.TERMINAL_STATES):
        return timedelta(0)
    delay: timedelta = (row.start_time or now) - due
    return max(timedelta(0), delay)
