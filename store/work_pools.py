"""Work pools and their queues."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from store import schemas
from store.database import Store
from store.errors import Conflict, NotFound
from store.ids import new_id
from store.models import WorkPool, WorkQueue

# Prefect's own description of the queue that each pool gets.
DEFAULT_QUEUE_DESCRIPTION = "The work pool's default queue."


def ensure_defaults(store: Store) -> None:
    """Make the pool `local` of type `process` with its queue `default`, when it does not exist."""
    if _has_local_pool():
        return
    with store.write():
        if not _has_local_pool():
            create(store, schemas.WorkPoolCreate(name=schemas.LOCAL_POOL, type="process"))


def _has_local_pool() -> bool:
    return bool(WorkPool.select().where(WorkPool.name == schemas.LOCAL_POOL).exists())


def create(store: Store, pool: schemas.WorkPoolCreate) -> schemas.WorkPool:
    """A new pool with its default queue.

    Raises:
        Conflict: the name is taken.
    """
    with store.write():
        if WorkPool.get_or_none(WorkPool.name == pool.name) is not None:
            raise Conflict("A work pool with this name already exists.")
        now = store.clock.now()
        row = WorkPool.create(**pool.model_dump(), created=now, updated=now)
        queue = _create_queue(row.id, schemas.DEFAULT_QUEUE, DEFAULT_QUEUE_DESCRIPTION, now)
        row.default_queue_id = queue.id
        row.save()
        return _schema(row)


def read_all(store: Store) -> list[schemas.WorkPool]:
    """All pools by name."""
    return [_schema(row) for row in WorkPool.select().order_by(WorkPool.name)]


def read(store: Store, name: str) -> schemas.WorkPool:
    """One pool.

    Raises:
        NotFound: there is none of this name.
    """
    return _schema(_pool(name))


def read_queues(store: Store, pool_name: str) -> list[schemas.WorkQueue]:
    """The queues of a pool by priority, then name.

    Raises:
        NotFound: there is no pool of this name.
    """
    pool = _pool(pool_name)
    rows = WorkQueue.select().where(WorkQueue.work_pool == pool.id)
    return [_queue_schema(row, pool.name) for row in rows.order_by(WorkQueue.priority, WorkQueue.name)]


def default_queue(store: Store, pool_name: str) -> schemas.WorkQueue:
    """The queue that a pool uses when none is named.

    Raises:
        NotFound: there is no pool of this name.
    """
    pool = _pool(pool_name)
    row = WorkQueue.get_or_none(WorkQueue.id == pool.default_queue_id)
    if row is None:
        return get_or_create_queue(store, pool_name, schemas.DEFAULT_QUEUE)
    return _queue_schema(row, pool.name)


def get_or_create_queue(store: Store, pool_name: str, queue_name: str) -> schemas.WorkQueue:
    """A queue of a pool, made when it does not exist.

    Raises:
        NotFound: there is no pool of this name.
    """
    pool = _pool(pool_name)
    is_it = (WorkQueue.work_pool == pool.id) & (WorkQueue.name == queue_name)
    row = WorkQueue.get_or_none(is_it)
    if row is not None:
        return _queue_schema(row, pool.name)
    with store.write():
        row = WorkQueue.get_or_none(is_it)
        if row is None:
            row = _create_queue(pool.id, queue_name, None, store.clock.now())
        return _queue_schema(row, pool.name)


def _pool(name: str) -> Any:
    row = WorkPool.get_or_none(WorkPool.name == name)
    if row is None:
        raise NotFound("Work pool", name, f'Work pool "{name}" not found.')
    return row


def _create_queue(pool_id: UUID, name: str, description: str | None, now: Any) -> Any:
    return WorkQueue.create(
        id=new_id(), name=name, work_pool=pool_id, description=description, created=now, updated=now
    )


def _schema(row: Any) -> schemas.WorkPool:
    return schemas.WorkPool(
        id=row.id,
        created=row.created,
        updated=row.updated,
        name=row.name,
        description=row.description,
        type=row.type,
        base_job_template=row.base_job_template,
        is_paused=row.is_paused,
        concurrency_limit=row.concurrency_limit,
        default_queue_id=row.default_queue_id,
        status="PAUSED" if row.is_paused else None,
    )


def _queue_schema(row: Any, pool_name: str) -> schemas.WorkQueue:
    return schemas.WorkQueue(
        id=row.id,
        created=row.created,
        updated=row.updated,
        name=row.name,
        description=row.description,
        is_paused=row.is_paused,
        concurrency_limit=row.concurrency_limit,
        priority=row.priority,
        work_pool_id=row.work_pool_id,
        work_pool_name=pool_name,
        last_polled=row.last_polled,
    )
