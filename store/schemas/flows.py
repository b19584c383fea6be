"""Flows, variables and history, as read and written."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from store.schemas.common import Instant, JsonObject, Name, Schema, Sent, Tags


class FlowCreate(Sent):
    """A flow as sent; creating one that exists answers it."""

    name: Name
    tags: Tags = Field(default_factory=list)
    labels: JsonObject = Field(default_factory=dict)


class Flow(Schema):
    """A flow as read."""

    id: UUID
    created: Instant
    updated: Instant
    name: str
    tags: list[str] = Field(default_factory=list)
    labels: JsonObject = Field(default_factory=dict)


class Variable(Schema):
    """A named JSON value."""

    id: UUID
    created: Instant
    updated: Instant
    name: str
    value: Any = None
    tags: list[str] = Field(default_factory=list)


class HistoryEntry(Schema):
    """One change of a deployment: who changed what, from what, to what."""

    id: int
    group_id: UUID
    at: Instant
    who: str
    action: str
    deployment_id: UUID
    deployment_name: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
