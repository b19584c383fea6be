"""Flows: what deployments run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from store import schemas
from store.database import Store
from store.errors import NotFound
from store.models import Flow
from store.names import can_be_name


def get_or_create(store: Store, flow: schemas.FlowCreate) -> tuple[schemas.Flow, bool]:
    """The flow of that name, made when it does not exist; tags and labels of an existing one stay.

    Returns:
        The flow, and whether it is new.
    """
    with store.write():
        row = Flow.get_or_none(Flow.name == flow.name)
        if row is not None:
            return _schema(row), False
        now = store.clock.now()
        row = Flow.create(name=flow.name, tags=flow.tags, labels=flow.labels, created=now, updated=now)
        return _schema(row), True


def read(store: Store, flow_id: UUID) -> schemas.Flow:
    """One flow.

    Raises:
        NotFound: there is none with this id.
    """
    row = Flow.get_or_none(Flow.id == flow_id)
    if row is None:
        raise NotFound("Flow", flow_id)
    return _schema(row)


def read_by_name(store: Store, name: str) -> schemas.Flow:
    """One flow by its name.

    Raises:
        NotFound: there is none of this name.
    """
    row = Flow.get_or_none(Flow.name == name) if can_be_name(name) else None
    if row is None:
        raise NotFound("Flow", name)
    return _schema(row)


def _schema(row: Any) -> schemas.Flow:
    return schemas.Flow(
        id=row.id, created=row.created, updated=row.updated, name=row.name, tags=row.tags, labels=row.labels
    )
