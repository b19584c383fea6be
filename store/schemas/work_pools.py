"""Work pools and work queues."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from store.schemas.common import MAX_COUNT, Instant, JsonObject, Name, Schema, Sent


class WorkPoolCreate(Sent):
    """A work pool as sent."""

    name: Name
    description: str | None = None
    type: str = "process"
    base_job_template: JsonObject = Field(default_factory=dict)
    is_paused: bool = False
    concurrency_limit: Annotated[int, Field(ge=0, le=MAX_COUNT)] | None = None


class WorkPool(Schema):
    """A work pool as read."""

    id: UUID
    created: Instant
    updated: Instant
    name: str
    description: str | None = None
    type: str
    base_job_template: JsonObject = Field(default_factory=dict)
    is_paused: bool = False
    concurrency_limit: int | None = None
    default_queue_id: UUID | None = None
    status: str | None = None


class WorkQueue(Schema):
    """A work queue as read."""

    id: UUID
    created: Instant
    updated: Instant
    name: str
    description: str | None = None
    is_paused: bool = False
    concurrency_limit: int | None = None
    priority: int = 1
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None
    last_polled: Instant | None = None
