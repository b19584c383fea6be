"""Deployments, as sent and as read."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from store.schemas.common import (
    MAX_COUNT,
    MAX_PARAMETER_BYTES,
    CreatedBy,
    Instant,
    JsonDict,
    JsonObject,
    Name,
    Schema,
    Sent,
    Tags,
)
from store.schemas.constants import CollisionStrategy
from store.schemas.schedules import DeploymentSchedule, HasSchedules

MAX_DAYS = 36_500
"""Of retention: a century."""


class ConcurrencyOptions(Schema):
    """Prefect's concurrency options; Sluice's two further strategies travel in `sluice.collision`."""

    collision_strategy: CollisionStrategy = CollisionStrategy.ENQUEUE
    grace_period_seconds: Annotated[int, Field(ge=60, le=86400)] | None = None


class PauseInfo(Schema):
    """Why a deployment is paused, by whom, and when it resumes by itself."""

    reason: str | None = None
    by: str | None = None
    until: Instant | None = None


class Retention(Schema):
    """How long ended runs are kept; null: the setting's value."""

    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None = None
    runs: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None


class DeploymentOptions(Schema):
    """All that Sluice adds to a deployment, under the key `sluice`."""

    pause: PauseInfo | None = None
    collision: CollisionStrategy | None = None
    pause_after_failures: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None
    retention: Retention | None = None


class _DeploymentFields(HasSchedules, Sent):
    """Fields that create and update share. `model_fields_set` tells which were sent."""

    version: str | None = None
    version_info: JsonDict | None = None
    description: str | None = None
    tags: Tags = Field(default_factory=list)
    paused: bool = False
    parameters: JsonObject = Field(default_factory=dict)
    parameter_openapi_schema: JsonDict | None = None
    enforce_parameter_schema: bool | None = None
    job_variables: JsonObject = Field(default_factory=dict)
    pull_steps: list[JsonDict] | None = None
    path: str | None = None
    entrypoint: str | None = None
    storage_document_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    concurrency_limit: Annotated[int, Field(gt=0, le=MAX_COUNT)] | None = None
    global_concurrency_limit_id: UUID | None = None
    concurrency_options: ConcurrencyOptions | None = None
    sluice: DeploymentOptions | None = None

    @field_validator("parameters")
    @classmethod
    def _parameters_are_small(cls, value: dict[str, Any]) -> dict[str, Any]:
        size = len(json.dumps(value, default=str).encode())
        if size > MAX_PARAMETER_BYTES:
            raise ValueError(f"parameters take {size:,} bytes; at most {MAX_PARAMETER_BYTES:,} are kept")
        return value

    @model_validator(mode="after")
    def _one_kind_of_limit(self) -> _DeploymentFields:
        if self.concurrency_limit is not None and self.global_concurrency_limit_id is not None:
            raise ValueError("give concurrency_limit or global_concurrency_limit_id, not both")
        return self


class DeploymentCreate(_DeploymentFields):
    """A deployment as sent to create_deployment (an upsert on flow and name)."""

    name: Name
    flow_id: UUID
    labels: JsonObject = Field(default_factory=dict)


class DeploymentUpdate(_DeploymentFields):
    """A change of a deployment: only the fields that were sent change."""

    # Null is told from an empty object here, because null is refused (409, as Prefect does).
    parameters: JsonDict | None = Field(default_factory=dict)  # type: ignore[assignment]


class GlobalConcurrencyLimit(Schema):
    """A concurrency limit as a deployment shows it."""

    id: UUID
    created: Instant
    updated: Instant
    name: str
    limit: int
    active: bool = True
    active_slots: int = 0
    slot_decay_per_second: float = 0.0


class Deployment(Schema):
    """A deployment as read."""

    id: UUID
    created: Instant
    updated: Instant
    created_by: CreatedBy | None = None
    updated_by: CreatedBy | None = None
    name: str
    flow_id: UUID
    flow_name: str = Field(exclude=True)
    version: str | None = None
    description: str | None = None
    tags: list[str] = Field(default_factory=list)
    labels: JsonObject = Field(default_factory=dict)
    paused: bool = False
    schedules: list[DeploymentSchedule] = Field(default_factory=list)
    parameters: JsonObject = Field(default_factory=dict)
    parameter_openapi_schema: dict[str, Any] | None = None
    enforce_parameter_schema: bool = True
    job_variables: JsonObject = Field(default_factory=dict)
    pull_steps: list[dict[str, Any]] | None = None
    path: str | None = None
    entrypoint: str | None = None
    storage_document_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    work_queue_id: UUID | None = None
    concurrency_limit: None = None
    global_concurrency_limit: GlobalConcurrencyLimit | None = None
    concurrency_options: ConcurrencyOptions | None = None
    last_polled: Instant | None = None
    status: str = "NOT_READY"
    planning_error: str | None = Field(default=None, exclude=True)
    sluice: DeploymentOptions = Field(default_factory=DeploymentOptions)

    @property
    def full_name(self) -> str:
        """`flow/deployment`, the name that people and commands use."""
        return f"{self.flow_name}/{self.name}"
