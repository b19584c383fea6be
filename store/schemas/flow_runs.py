"""Flow runs and their logs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import Field

from store.schemas.common import CreatedBy, Instant, JsonObject, Schema, Sent, Tags
from store.schemas.constants import StateType
from store.schemas.states import State, StateCreate


class FlowRunOptions(Schema):
    """All that Sluice adds to a run, under the key `sluice`."""

    slot: Instant | None = None
    backfill_id: UUID | None = None
    rerun_of: UUID | None = None
    attempt: int = 1
    exit_code: int | None = None
    log_cut: bool = False


class DeploymentFlowRunCreate(Sent):
    """A run of a deployment, as sent to create_flow_run_from_deployment."""

    state: StateCreate | None = None
    name: str | None = None
    parameters: JsonObject = Field(default_factory=dict)
    enforce_parameter_schema: bool | None = None
    context: JsonObject = Field(default_factory=dict)
    infrastructure_document_id: UUID | None = None
    empirical_policy: JsonObject = Field(default_factory=dict)
    tags: Tags = Field(default_factory=list)
    idempotency_key: str | None = None
    labels: JsonObject = Field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    work_queue_name: str | None = None
    job_variables: JsonObject | None = None
    sluice: FlowRunOptions | None = None


class FlowRun(Schema):
    """A run as read."""

    id: UUID
    created: Instant
    updated: Instant
    name: str
    flow_id: UUID
    flow_name: str = Field(default="", exclude=True)
    deployment_id: UUID | None = None
    deployment_name: str | None = Field(default=None, exclude=True)
    deployment_version: str | None = None
    schedule_id: UUID | None = Field(default=None, exclude=True)
    flow_version: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None
    state_id: UUID | None = None
    state_type: StateType | None = None
    state_name: str | None = None
    state: State | None = None
    parameters: JsonObject = Field(default_factory=dict)
    idempotency_key: str | None = None
    context: JsonObject = Field(default_factory=dict)
    empirical_policy: JsonObject = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    labels: JsonObject = Field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    job_variables: JsonObject = Field(default_factory=dict)
    auto_scheduled: bool = False
    run_count: int = 0
    expected_start_time: Instant | None = None
    next_scheduled_start_time: Instant | None = None
    start_time: Instant | None = None
    end_time: Instant | None = None
    total_run_time: timedelta = timedelta(0)
    estimated_run_time: timedelta = timedelta(0)
    estimated_start_time_delta: timedelta = timedelta(0)
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    created_by: CreatedBy | None = None
    sluice: FlowRunOptions = Field(default_factory=FlowRunOptions)

    @property
    def full_deployment_name(self) -> str | None:
        """`flow/deployment`, also after the deployment is gone; null for a run without one."""
        return f"{self.flow_name}/{self.deployment_name}" if self.deployment_name else None


class LogLine(Schema):
    """One log line. `id` orders the lines of a run by arrival."""

    id: int
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    name: str
    level: int
    timestamp: Instant
    message: str


class LogCreate(Schema):
    """A log line as sent."""

    name: str
    level: int
    message: str
    timestamp: Instant
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None


class StateVerdict(Schema):
    """What became of a proposed state: {status ACCEPT|REJECT|ABORT|WAIT, state, details}."""

    status: str
    state: State | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    written: bool = Field(default=False, exclude=True)
    """Whether a state was written (HTTP 201) or not (200)."""
