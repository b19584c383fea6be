"""Deployments: creating and updating them. Reading and pausing live beside, and are reached from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from store import deployment_columns, history, schedules, schemas, statistics
from store.chunks import chunked, keys_of
from store.database import Store
from store.deployment_reading import read, read_by_name
from store.errors import Conflict, Invalid, NotFound
from store.ids import new_id
from store.models import Deployment, DeploymentSchedule
from store.pausing import delete, deletion_preview, pause, resume, resume_due

__all__ = [
    "Proposed",
    "create",
    "delete",
    "deletion_preview",
    "mark_polled",
    "pause",
    "read",
    "read_by_name",
    "resume",
    "resume_due",
    "set_planning_error",
    "update",
    "upsert",
]

# Columns copied into each planned run: when one changes, what is planned is planned anew.
_COPIED_TO_RUNS = frozenset({"parameters", "tags", "version", "work_queue", "labels"})

# Null for tags and paused is refused by their shape already.
_NOT_NULL = {"schedules": Invalid, "enforce_parameter_schema": Invalid, "parameters": Conflict}


class Proposed(NamedTuple):
    """What a deployment would be after a change, for the check of its parameters."""

    parameters: dict[str, Any]
    schedule_parameters: list[dict[str, Any]]
    schema: dict[str, Any] | None
    enforced: bool


Check = Callable[[Proposed], None]


def create(
    store: Store, deployment: schemas.DeploymentCreate, who: str, *, check: Check | None = None
) -> tuple[schemas.Deployment, bool]:
    """`upsert`, and the deployment as it is read after it."""
    with store.write():
        key, created = upsert(store, deployment, who, check=check)
        return read(store, key), created


def upsert(
    store: Store,
    deployment: schemas.DeploymentCreate,
    who: str,
    *,
    check: Check | None = None,
    group_id: UUID | None = None,
) -> tuple[UUID, bool]:
    """Create a deployment, or update the one of the same flow and name (SEMANTICS, create_deployment).

    Args:
        who: user@host, `api:<token name>` or scheduler, for the history.
        check: called with what would be, before anything is written; what it raises stops the change.
        group_id: of the history entry, when several deployments change as one.

    Returns:
        The deployment's id, and whether it is new.

    Raises:
        Conflict: unknown flow, storage or infrastructure document.
        NotFound: unknown work pool or global concurrency limit.
        Invalid: schedules that contradict each other.
    """
    with store.write():
        flow = deployment_columns.flow_or_conflict(deployment.flow_id)
        row = Deployment.get_or_none(
            (Deployment.flow == deployment.flow_id) & (Deployment.name == deployment.name)
        )
        values = deployment_columns.columns(store, deployment, row, who)
        if row is None or "labels" in deployment.model_fields_set:
            values["labels"] = deployment_columns.labels(flow, deployment.labels)
        _run_check(check, deployment, values, row)
        if row is not None:
            _change(store, row, deployment, values, who, schedules.replace_all, group_id)
            return row.id, False
        key = _insert(store, deployment, values, who)
        history.record_creation(store, key, who=who, group_id=group_id)
        return key, True


def update(
    store: Store,
    deployment_id: UUID,
    change: schemas.DeploymentUpdate,
    who: str,
    *,
    check: Check | None = None,
) -> None:
    """Change only the fields that were sent (SEMANTICS, update_deployment).

    Raises:
        NotFound: unknown deployment, work pool or global concurrency limit.
        Invalid: null for tags, paused or schedules; schedules without slugs, or that contradict each other.
        Conflict: null for parameters; an unknown document.
    """
    _refuse_nulls(change)
    with store.write():
        row = Deployment.get_or_none(Deployment.id == deployment_id)
        if row is None:
            raise NotFound("Deployment", deployment_id, "Deployment not found.")
        values = deployment_columns.columns(store, change, row, who)
        _run_check(check, change, values, row)
        _change(store, row, change, values, who, schedules.patch_all, None)


def set_planning_error(store: Store, deployment_id: UUID, text: str | None) -> None:
    """Show on a deployment why it could not be planned, or null when it could again."""
    with store.write():
        Deployment.update(planning_error=text).where(Deployment.id == deployment_id).execute()


def mark_polled(store: Store, ids: Sequence[UUID], now: datetime) -> None:
    """A runner asked for the runs of these deployments: they are READY."""
    with store.write():
        for chunk in chunked(ids):
            polled = Deployment.update(status="READY", last_polled=now)
            polled.where(Deployment.id.in_(chunk)).execute()


def _insert(store: Store, deployment: schemas.DeploymentCreate, values: dict[str, Any], who: str) -> UUID:
    now = store.clock.now()
    by = history.author(who)
    row = Deployment.create(
        id=new_id(),
        created=now,
        updated=now,
        created_by=by,
        updated_by=by,
        name=deployment.name,
        flow=deployment.flow_id,
        **values,
    )
    deployment_columns.write_limit(store, deployment, row)
    for schedule in deployment.schedules or []:
        schedules.insert(store, row.id, schedule)
    statistics.refresh(store, [row.id])
    key: UUID = row.id
    return key


def _change(
    store: Store,
    row: Any,
    sent: schemas.DeploymentCreate | schemas.DeploymentUpdate,
    values: dict[str, Any],
    who: str,
    reconcile: Callable[[Store, UUID, Sequence[schemas.DeploymentScheduleCreate]], schedules.Changed],
    group_id: UUID | None,
) -> None:
    """Write what differs; when nothing does, nothing is recorded and nothing planned anew."""
    changes = {name: value for name, value in values.items() if _kept(row, name) != value}
    before = history.snapshot(store, row.id)
    changed = deployment_columns.write_limit(store, sent, row) or bool(changes)
    if sent.schedules is not None:
        changed |= reconcile(store, row.id, sent.schedules).anything
    if not changed:
        return
    key = row.id
    changes |= {"updated": store.clock.now(), "updated_by": history.author(who)}
    Deployment.update(**changes).where(Deployment.id == key).execute()
    _plan_what_changed(store, key, changes, bool(row.paused))
    statistics.refresh(store, [key])
    history.record(
        store,
        group_id=group_id or new_id(),
        who=who,
        action="update",
        deployment_id=key,
        deployment_name=f"{row.flow.name}/{row.name}",
        before=before,
        after=history.snapshot(store, key),
    )


def _plan_what_changed(store: Store, key: UUID, changes: dict[str, Any], was_paused: bool) -> None:
    """Pausing takes waiting auto-scheduled runs away; a change that planned runs carry plans them anew."""
    if changes.get("paused"):
        schedules.forget_waiting_runs(store, [key])
    resumed = was_paused and changes.get("paused") is False
    if resumed or _COPIED_TO_RUNS & changes.keys():
        owned = DeploymentSchedule.select(DeploymentSchedule.id).where(DeploymentSchedule.deployment == key)
        schedules.plan_anew(store, keys_of(owned))


def _run_check(
    check: Check | None,
    sent: schemas.DeploymentCreate | schemas.DeploymentUpdate,
    values: dict[str, Any],
    row: Any | None,
) -> None:
    if check is None:
        return

    def then(name: str, default: Any) -> Any:
        return values.get(name, default if row is None else getattr(row, name))

    kept = schedules.rows(row.id) if row is not None else []
    if sent.schedules is not None:
        kept = (
            schedules.unmentioned(kept, sent.schedules) if isinstance(sent, schemas.DeploymentUpdate) else []
        )
    check(
        Proposed(
            parameters=then("parameters", {}),
            schedule_parameters=[schedule.parameters for schedule in (*kept, *(sent.schedules or []))],
            schema=then("parameter_openapi_schema", None),
            enforced=then("enforce_parameter_schema", True),
        )
    )


def _refuse_nulls(change: schemas.DeploymentUpdate) -> None:
    for name, refusal in _NOT_NULL.items():
        if name in change.model_fields_set and getattr(change, name) is None:
            message = f"{name} cannot be null: leave it out to keep it, or send an empty value to clear it"
            if refusal is Invalid:
                raise Invalid(message, name)
            raise Conflict(f"Error updating deployment: {message}")


def _kept(row: Any, name: str) -> Any:
    return row.work_queue_id if name == "work_queue" else getattr(row, name)
