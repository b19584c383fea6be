"""One schedule of a deployment at a time: create, update and delete, each recorded in the history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from store import history, schedules, schemas, statistics
from store.database import Store
from store.deployments import Check, Proposed
from store.errors import Conflict, NotFound
from store.models import Deployment, DeploymentSchedule


def read_all(store: Store, deployment_id: UUID) -> list[schemas.DeploymentSchedule]:
    """A deployment's schedules in order of creation.

    Raises:
        NotFound: unknown deployment.
    """
    _deployment(deployment_id)
    return schedules.read_all(store, deployment_id)


def create(
    store: Store,
    deployment_id: UUID,
    sent: Sequence[schemas.DeploymentScheduleCreate],
    who: str,
    *,
    check: Check | None = None,
) -> list[schemas.DeploymentSchedule]:
    """Add schedules to a deployment, planned from now on.

    Raises:
        NotFound: unknown deployment.
        Conflict: a slug that is taken.
    """
    with _changing(store, deployment_id, who) as deployment:
        _refuse_taken(deployment_id, [schedule.slug for schedule in sent])
        _check(check, deployment, [schedule.parameters for schedule in sent])
        made = [schedules.insert(store, deployment_id, schedule) for schedule in sent]
        return [schedules.to_schema(DeploymentSchedule.get_by_id(row.id)) for row in made]


def update(
    store: Store,
    deployment_id: UUID,
    schedule_id: UUID,
    change: schemas.DeploymentScheduleUpdate,
    who: str,
    *,
    check: Check | None = None,
) -> None:
    """Change what was sent of one schedule; only its own future auto-scheduled runs are planned anew.

    Raises:
        NotFound: unknown deployment or schedule.
        Conflict: a slug that is taken.
    """
    with _changing(store, deployment_id, who) as deployment:
        row = _schedule(deployment_id, schedule_id)
        if change.slug and change.slug != row.slug:
            _refuse_taken(deployment_id, [change.slug])
        if change.parameters is not None:
            _check(check, deployment, [change.parameters])
        schedules.patch(store, row, change)


def delete(store: Store, deployment_id: UUID, schedule_id: UUID, who: str) -> None:
    """Remove one schedule with its future auto-scheduled runs; its Late and started ones stay.

    Raises:
        NotFound: unknown deployment or schedule.
    """
    with _changing(store, deployment_id, who):
        _schedule(deployment_id, schedule_id)
        schedules.remove(store, [schedule_id])


@contextmanager
def _changing(store: Store, deployment_id: UUID, who: str) -> Iterator[Any]:
    """A write transaction around a change of a deployment's schedules, with history and statistics."""
    with store.write():
        row = _deployment(deployment_id)
        with history.changing(store, [deployment_id], who=who, action="update") as group:
            yield row
            moved = Deployment.update(updated=store.clock.now(), updated_by=history.author(who))
            moved.where(Deployment.id == deployment_id).execute()
        history.forget_if_unchanged(store, group)
        statistics.refresh(store, [deployment_id])


def _deployment(deployment_id: UUID) -> Any:
    row = Deployment.get_or_none(Deployment.id == deployment_id)
    if row is None:
        raise NotFound("Deployment", deployment_id, "Deployment not found.")
    return row


def _schedule(deployment_id: UUID, schedule_id: UUID) -> Any:
    row = DeploymentSchedule.get_or_none(
        (DeploymentSchedule.id == schedule_id) & (DeploymentSchedule.deployment == deployment_id)
    )
    if row is None:
        raise NotFound("Schedule", schedule_id, "Schedule not found.")
    return row


def _refuse_taken(deployment_id: UUID, slugs: Sequence[str | None]) -> None:
    """Refuse slugs that the deployment's schedules have, or that are given twice."""
    taken = {row.slug for row in schedules.rows(deployment_id)}
    for slug in slugs:
        if slug and slug in taken:
            raise Conflict(f"the deployment has a schedule with the slug {slug!r} already: choose another")
        taken.add(slug)


def _check(check: Check | None, deployment: Any, of_schedules: list[dict[str, Any]]) -> None:
    if check is not None:
        check(
            Proposed(
                parameters=deployment.parameters,
                schedule_parameters=of_schedules,
                schema=deployment.parameter_openapi_schema,
                enforced=deployment.enforce_parameter_schema,
            )
        )
