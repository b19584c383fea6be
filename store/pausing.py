"""Pausing, resuming and deleting deployments: many at once, in few statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from store import backfill_queue, flow_runs, history, schedules, schemas, states
from store.chunks import chunked, keys_of, marks
from store.clock import to_micros
from store.database import Store
from store.errors import NotFound
from store.models import ConcurrencyLimit, Deployment, DeploymentSchedule, FlowRun
from store.schemas import ACTIVE_STATES, DeletionPreview, StateType

SCHEDULER = "scheduler"
DELETED = "The deployment was deleted while this run waited for its retry."


def pause(
    store: Store, ids: Sequence[UUID], who: str, reason: str | None = None, until: datetime | None = None
) -> int:
    """Pause deployments as one change; their waiting auto-scheduled runs go, manual and backfill runs stay.

    Args:
        reason: shown beside the deployment.
        until: when it resumes by itself; null: never.

    Returns:
        How many were not paused before.

    Raises:
        NotFound: a single id, and no such deployment.
    """
    with store.write():
        _refuse_unknown(ids)
        again = reason is not None or until is not None
        chosen = ids if again else _with_paused(ids, False)
        count = len(_with_paused(ids, False))
        _write(store, chosen, who, "pause", schemas.PauseInfo(reason=reason, by=who, until=until))
        schedules.forget_waiting_runs(store, ids)
    return count


def resume(store: Store, ids: Sequence[UUID], who: str) -> int:
    """Resume deployments as one change, planned from now on: a paused time is not made up.

    Returns:
        How many were paused.

    Raises:
        NotFound: a single id, and no such deployment.
    """
    with store.write():
        _refuse_unknown(ids)
        chosen = _with_paused(ids, True)
        _write(store, chosen, who, "resume", None)
        for chunk in chunked(chosen):
            anew = DeploymentSchedule.update(planned_until=store.clock.now(), plan_again_at=0)
            anew.where(DeploymentSchedule.deployment.in_(chunk)).execute()
    return len(chosen)


def resume_due(store: Store, now: datetime) -> int:
    """Resume the deployments whose pause ends at or before `now`; answers how many."""
    due = Deployment.select(Deployment.id).where(Deployment.paused & (Deployment.pause_until <= now))
    ids = keys_of(due)
    return resume(store, ids, SCHEDULER) if ids else 0


def delete(store: Store, ids: Sequence[UUID], who: str) -> int:
    """Delete deployments as one change, with schedules, own limits and every run that has not started.

    Runs that ran stay and keep the deployment's name; one that waits for a retry is Cancelled. Its backfills
    are cancelled before, so that undo, which brings back manual runs, does not bring back theirs.

    Returns:
        How many there were.

    Raises:
        NotFound: a single id, and no such deployment.
    """
    deleted = 0
    with store.write():
        _refuse_unknown(ids)
        backfill_queue.end_of_deployments(store, ids)
        with history.changing(store, ids, who=who, action="delete"):
            for chunk in chunked(ids):
                _cancel_retries(store, chunk)
                _keep_names(store, chunk)
                flow_runs.delete_where(store, f"deployment_id IN ({marks(chunk)}) AND {_WAITING}", chunk)
                limits = [f"deployment:{UUID(bytes=key)}" for key in chunk]
                deleted += Deployment.delete().where(Deployment.id.in_(chunk)).execute()
                ConcurrencyLimit.delete().where(ConcurrencyLimit.name.in_(limits)).execute()
    return deleted


def deletion_preview(store: Store, ids: Sequence[UUID]) -> DeletionPreview:
    """What `delete` would do to these: what goes, what stays, what is running."""
    totals = [0, 0, 0, 0, 0]
    active = ", ".join(f"'{name}'" for name in sorted(ACTIVE_STATES))
    with store.read():
        for chunk in chunked(ids):
            inside = marks(chunk)
            row = store.database.execute_sql(
                f"SELECT (SELECT count(*) FROM deployment WHERE id IN ({inside})),"
                f" (SELECT count(*) FROM deployment_schedule WHERE deployment_id IN ({inside})),"
                f" count(*) FILTER (WHERE {_WAITING}), count(*) FILTER (WHERE NOT ({_WAITING})),"
                f" count(*) FILTER (WHERE state_type IN ({active}))"
                f" FROM flow_run WHERE deployment_id IN ({inside})",
                chunk * 3,
            ).fetchone()
            totals = [total + part for total, part in zip(totals, row, strict=True)]
    return DeletionPreview(*totals)


# A run that has not started and goes with its deployment.
_WAITING = f"(coalesce(state_type, '') = '{StateType.SCHEDULED}' AND run_count = 0)"


def _write(store: Store, ids: Sequence[UUID], who: str, action: str, info: schemas.PauseInfo | None) -> None:
    """Write and record the pause of all these, or its end when there is no `info`."""
    then = {
        "paused": int(info is not None),
        "pause_reason": info.reason if info else None,
        "pause_by": info.by if info else None,
        "pause_until": to_micros(info.until) if info and info.until else None,
    }
    history.record_all(store, ids, who=who, action=action, then=then)
    moved = {"updated": to_micros(store.clock.now()), "updated_by": json.dumps(history.author(who))}
    columns = then | moved
    setting = ", ".join(f"{name} = ?" for name in columns)
    for chunk in chunked(ids):
        store.database.execute_sql(
            f"UPDATE deployment SET {setting} WHERE id IN ({marks(chunk)})", (*columns.values(), *chunk)
        )


def _with_paused(ids: Sequence[UUID], paused: bool) -> list[UUID]:
    chosen: list[UUID] = []
    for chunk in chunked(ids):
        rows = Deployment.select(Deployment.id).where(Deployment.id.in_(chunk), Deployment.paused == paused)
        chosen.extend(keys_of(rows))
    return chosen


def _refuse_unknown(ids: Sequence[UUID]) -> None:
    """One that is asked for alone must exist; of many, those that went meanwhile are passed over."""
    if len(ids) == 1 and Deployment.get_or_none(Deployment.id == ids[0]) is None:
        raise NotFound("Deployment", ids[0])


def _cancel_retries(store: Store, chunk: list[bytes]) -> None:
    waiting = FlowRun.select(FlowRun.id).where(
        FlowRun.deployment_id.in_(chunk), FlowRun.state_type == StateType.SCHEDULED, FlowRun.run_count > 0
    )
    for key in keys_of(waiting):
        states.write(store, key, schemas.StateCreate(type=StateType.CANCELLED, message=DELETED))


def _keep_names(store: Store, chunk: list[bytes]) -> None:
    store.database.execute_sql(
        "UPDATE flow_run SET deployment_name = (SELECT d.name FROM deployment d"
        " WHERE d.id = flow_run.deployment_id)"
        f" WHERE deployment_id IN ({marks(chunk)}) AND NOT {_WAITING}"
        " AND deployment_name IS NOT (SELECT d.name FROM deployment d WHERE d.id = flow_run.deployment_id)",
        chunk,
    )
