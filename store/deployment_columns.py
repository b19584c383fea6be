"""What was sent of a deployment, as column values: pool, queue, limit, pause and the rest."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from store import schemas, work_pools
from store.database import Store
from store.errors import Conflict, NotFound
from store.models import ConcurrencyLimit, Flow, WorkPool, WorkQueue

# Sent and kept under the same name, null included.
_PLAIN = (
    "version",
    "version_info",
    "description",
    "tags",
    "parameters",
    "parameter_openapi_schema",
    "job_variables",
    "pull_steps",
    "path",
    "entrypoint",
)


def columns(
    store: Store, sent: schemas.DeploymentCreate | schemas.DeploymentUpdate, row: Any | None, who: str
) -> dict[str, Any]:
    """The values of the columns that the sent fields mean; makes a named queue that does not exist.

    Args:
        row: the deployment as it is, or None for a new one.

    Raises:
        NotFound: unknown work pool.
        Conflict: a storage or infrastructure document, of which there are none here.
    """
    fields = sent.model_fields_set
    _refuse_documents(sent)
    values = {name: getattr(sent, name) for name in _PLAIN if name in fields}
    if sent.enforce_parameter_schema is not None:
        values["enforce_parameter_schema"] = sent.enforce_parameter_schema
    if fields & {"work_pool_name", "work_queue_name"}:
        values |= _place(store, sent, row)
    if fields & {"paused", "sluice"}:
        values |= _pause(sent, row, who)
    values |= _concurrency(sent)
    values |= _own_options(sent)
    return values


def labels(flow: Any, sent: dict[str, Any]) -> dict[str, Any]:
    """A deployment's labels: the flow's, then `prefect.flow.id`, then the user's."""
    return {**(flow.labels or {}), "prefect.flow.id": str(flow.id), **sent}


def write_limit(store: Store, sent: schemas.DeploymentCreate | schemas.DeploymentUpdate, row: Any) -> bool:
    """Make, change or remove the deployment's limit as `concurrency_limit` or the global one's id says.

    Args:
        row: the deployment, saved.

    Returns:
        Whether anything changed.

    Raises:
        NotFound: the global limit does not exist.
    """
    fields = sent.model_fields_set
    if not fields & {"concurrency_limit", "global_concurrency_limit_id"}:
        return False
    if sent.global_concurrency_limit_id is not None:
        return _link_global(row, sent.global_concurrency_limit_id)
    if sent.concurrency_limit is not None:
        return _write_own(store, row, sent.concurrency_limit)
    return _clear_limit(row, fields)


def own_limit_name(deployment_id: UUID) -> str:
    """The name of the concurrency limit that belongs to one deployment (Prefect's form)."""
    return f"deployment:{deployment_id}"


def _clear_limit(row: Any, nulls: set[str]) -> bool:
    """Null clears its own kind only: Prefect's client sends a null `concurrency_limit` always."""
    own = ConcurrencyLimit.get_or_none(ConcurrencyLimit.name == own_limit_name(row.id))
    is_own = own is not None and row.concurrency_limit_id == own.id
    wanted = "concurrency_limit" if is_own else "global_concurrency_limit_id"
    if row.concurrency_limit_id is None or wanted not in nulls:
        return False
    _take_limit_off(row)
    return True


def _take_limit_off(row: Any) -> None:
    """The deployment's own limit goes, a global one is only unlinked."""
    _set_limit(row, None)
    ConcurrencyLimit.delete().where(ConcurrencyLimit.name == own_limit_name(row.id)).execute()


def _link_global(row: Any, limit_id: UUID) -> bool:
    if ConcurrencyLimit.get_or_none(ConcurrencyLimit.id == limit_id) is None:
        raise NotFound("Concurrency limit", limit_id)
    if row.concurrency_limit_id == limit_id:
        return False
    _take_limit_off(row)
    _set_limit(row, limit_id)
    return True


def _write_own(store: Store, row: Any, limit: int) -> bool:
    now = store.clock.now()
    own = ConcurrencyLimit.get_or_none(ConcurrencyLimit.name == own_limit_name(row.id))
    if own is None:
        own = ConcurrencyLimit.create(name=own_limit_name(row.id), limit=limit, created=now, updated=now)
    elif own.limit == limit and row.concurrency_limit_id == own.id:
        return False
    else:
        own.limit, own.updated = limit, now
        own.save()
    _set_limit(row, own.id)
    return True


def _set_limit(row: Any, limit_id: UUID | None) -> None:
    row.concurrency_limit = limit_id
    row.save(only=[type(row).concurrency_limit])


def _refuse_documents(sent: schemas.DeploymentCreate | schemas.DeploymentUpdate) -> None:
    for name in ("storage_document_id", "infrastructure_document_id"):
        document = getattr(sent, name)
        if document is not None:
            kind = name.removesuffix("_document_id")
            doing = "creating" if isinstance(sent, schemas.DeploymentCreate) else "updating"
            raise Conflict(
                f"Error {doing} deployment. Could not find {kind}_document with id: {document}."
                " This usually occurs when applying a deployment specification that was built against a"
                " different Prefect database / workspace."
            )


def _place(
    store: Store, sent: schemas.DeploymentCreate | schemas.DeploymentUpdate, row: Any | None
) -> dict[str, Any]:
    """Pool and queue. A null queue alone changes nothing (the client always sends it); a null pool clears."""
    fields = sent.model_fields_set
    pool_name = sent.work_pool_name if "work_pool_name" in fields else _present_pool(row)
    if pool_name is None:
        if "work_pool_name" not in fields and sent.work_queue_name is None:
            return {}
        return {"work_queue": None, "work_queue_name": sent.work_queue_name}
    if "work_pool_name" not in fields and sent.work_queue_name is None:
        return {}
    if sent.work_queue_name is not None:
        queue = work_pools.get_or_create_queue(store, pool_name, sent.work_queue_name)
    else:
        queue = work_pools.default_queue(store, pool_name)
    return {"work_queue": queue.id, "work_queue_name": queue.name}


def _present_pool(row: Any | None) -> str | None:
    if row is None or row.work_queue_id is None:
        return None
    queue = (
        WorkQueue.select(WorkQueue, WorkPool).join(WorkPool).where(WorkQueue.id == row.work_queue_id).get()
    )
    return str(queue.work_pool.name)


def _pause(
    sent: schemas.DeploymentCreate | schemas.DeploymentUpdate, row: Any | None, who: str
) -> dict[str, Any]:
    was = bool(row is not None and row.paused)
    paused = sent.paused if "paused" in sent.model_fields_set else was
    if not paused:
        return {"paused": False, "pause_reason": None, "pause_by": None, "pause_until": None}
    values: dict[str, Any] = {"paused": True}
    if not was:
        values |= {"pause_reason": None, "pause_by": who, "pause_until": None}
    info = sent.sluice.pause if sent.sluice is not None else None
    if info is not None:
        given = {"reason": "pause_reason", "by": "pause_by", "until": "pause_until"}
        values |= {
            column: getattr(info, name) for name, column in given.items() if name in info.model_fields_set
        }
    return values


def _concurrency(sent: schemas.DeploymentCreate | schemas.DeploymentUpdate) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "concurrency_options" in sent.model_fields_set:
        options = sent.concurrency_options
        values["collision_strategy"] = options.collision_strategy.value if options else None
        values["grace_period_seconds"] = options.grace_period_seconds if options else None
    if sent.sluice is not None and "collision" in sent.sluice.model_fields_set:
        values["collision_strategy"] = sent.sluice.collision.value if sent.sluice.collision else None
    return values


def _own_options(sent: schemas.DeploymentCreate | schemas.DeploymentUpdate) -> dict[str, Any]:
    values: dict[str, Any] = {}
    options = sent.sluice
    if options is None:
        return values
    if "pause_after_failures" in options.model_fields_set:
        values["pause_after_failures"] = options.pause_after_failures
    if "retention" in options.model_fields_set:
        values["retention"] = options.retention.model_dump() if options.retention else None
    return values


def flow_or_conflict(flow_id: UUID) -> Any:
    """The flow's row.

    Raises:
        Conflict: there is none (Prefect answers 409 here, not 404).
    """
    flow = Flow.get_or_none(Flow.id == flow_id)
    if flow is None:
        raise Conflict(f"Error creating deployment. Could not find flow with id: {flow_id}.")
    return flow
