"""Deployments as they are read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import JOIN

from store import schedules, schemas
from store.database import Store
from store.errors import NotFound
from store.lists import READY_SECONDS
from store.models import ConcurrencyLimit, Deployment, Flow, WorkPool, WorkQueue
from store.names import can_be_name
from store.schemas import CollisionStrategy

NOT_READY = "NOT_READY"

# Prefect knows two strategies: each of Sluice's two appears as the one it refines (SEMANTICS, section 4).
PREFECT_STRATEGY = {
    CollisionStrategy.ENQUEUE_ONE: CollisionStrategy.ENQUEUE,
    CollisionStrategy.CANCEL_RUNNING: CollisionStrategy.CANCEL_NEW,
}


def read(store: Store, deployment_id: UUID) -> schemas.Deployment:
    """One deployment with its schedules.

    Raises:
        NotFound: there is none with this id.
    """
    return _read(store, Deployment.id == deployment_id, deployment_id)


def read_by_name(store: Store, flow_name: str, deployment_name: str) -> schemas.Deployment:
    """One deployment by its two names.

    Raises:
        NotFound: there is no such flow, or it has no such deployment.
    """
    full_name = f"{flow_name}/{deployment_name}"
    if not can_be_name(full_name):
        raise NotFound("Deployment", full_name)
    return _read(store, (Flow.name == flow_name) & (Deployment.name == deployment_name), full_name)


def _read(store: Store, is_it: Any, key: object) -> schemas.Deployment:
    with store.read():
        row = (
            Deployment.select(Deployment, Flow, WorkQueue, WorkPool, ConcurrencyLimit)
            .join_from(Deployment, Flow)
            .join_from(Deployment, WorkQueue, JOIN.LEFT_OUTER)
            .join_from(WorkQueue, WorkPool, JOIN.LEFT_OUTER)
            .join_from(Deployment, ConcurrencyLimit, JOIN.LEFT_OUTER)
            .where(is_it)
            .get_or_none()
        )
        if row is None:
            raise NotFound("Deployment", key)
        return _schema(row, schedules.read_all(store, row.id), store.clock.now())


def _schema(row: Any, schedule_list: list[schemas.DeploymentSchedule], now: datetime) -> schemas.Deployment:
    queue = row.work_queue
    return schemas.Deployment(
        id=row.id,
        created=row.created,
        updated=row.updated,
        created_by=_created_by(row.created_by),
        updated_by=_created_by(row.updated_by),
        name=row.name,
        flow_id=row.flow_id,
        flow_name=row.flow.name,
        version=row.version,
        description=row.description,
        tags=row.tags,
        labels=row.labels,
        paused=row.paused,
        schedules=schedule_list,
        parameters=row.parameters,
        parameter_openapi_schema=row.parameter_openapi_schema,
        enforce_parameter_schema=row.enforce_parameter_schema,
        job_variables=row.job_variables,
        pull_steps=row.pull_steps,
        path=row.path,
        entrypoint=row.entrypoint,
        storage_document_id=row.storage_document_id,
        infrastructure_document_id=row.infrastructure_document_id,
        work_pool_name=queue.work_pool.name if queue is not None else None,
        work_queue_name=queue.name if queue is not None else row.work_queue_name,
        work_queue_id=queue.id if queue is not None else None,
        global_concurrency_limit=_limit(row.concurrency_limit),
        concurrency_options=_concurrency_options(row),
        last_polled=row.last_polled,
        status=row.status if _is_polled(row, now) else NOT_READY,
        planning_error=row.planning_error,
        sluice=_options(row),
    )


def _is_polled(row: Any, now: datetime) -> bool:
    return row.last_polled is not None and now - row.last_polled <= timedelta(seconds=READY_SECONDS)


def _created_by(value: dict[str, Any] | None) -> schemas.CreatedBy | None:
    return schemas.CreatedBy.model_validate(value) if value else None


def _limit(row: Any) -> schemas.GlobalConcurrencyLimit | None:
    if row is None:
        return None
    return schemas.GlobalConcurrencyLimit(
        id=row.id,
        created=row.created,
        updated=row.updated,
        name=row.name,
        limit=row.limit,
        active=row.active,
        active_slots=row.active_slots,
        slot_decay_per_second=row.slot_decay_per_second,
    )


def _concurrency_options(row: Any) -> schemas.ConcurrencyOptions | None:
    if row.collision_strategy is None and row.grace_period_seconds is None:
        return None
    exact = CollisionStrategy(row.collision_strategy or CollisionStrategy.ENQUEUE)
    return schemas.ConcurrencyOptions(
        collision_strategy=PREFECT_STRATEGY.get(exact, exact), grace_period_seconds=row.grace_period_seconds
    )


def _options(row: Any) -> schemas.DeploymentOptions:
    pause = None
    if row.paused and (row.pause_reason or row.pause_by or row.pause_until):
        pause = schemas.PauseInfo(reason=row.pause_reason, by=row.pause_by, until=row.pause_until)
    return schemas.DeploymentOptions(
        pause=pause,
        collision=row.collision_strategy,
        pause_after_failures=row.pause_after_failures,
        retention=schemas.Retention.model_validate(row.retention) if row.retention else None,
    )
