"""Backfills: what is asked for, the plan that a dry run answers, and the object with its progress."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from store.schemas.common import CreatedBy, Instant, JsonObject, Schema, Sent

MAX_ACTIVE = 1000
"""More runs at once than this nobody means; they would all be let go in one transaction."""


class BackfillOrder(StrEnum):
    """Which slot runs first."""

    OLDEST = "oldest"
    NEWEST = "newest"


class Reprocess(StrEnum):
    """Which slots run again: none that ran, those whose last run did not complete, or all."""

    NONE = "none"
    FAILED = "failed"
    ALL = "all"


class BackfillState(StrEnum):
    """RUNNING lets its runs go, PAUSED does not, CANCELLING waits for those that still run."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class SlotReason(StrEnum):
    """Why a slot gets a run, or none."""

    NEW = "new"
    """Create: it never had a run."""
    MISSED = "missed"
    """Create: it was skipped or missed during a downtime."""
    RERUN = "rerun"
    """Create: it runs again, because its last run did not complete, or because all are to."""
    RAN = "ran"
    """Skip: it has a run that ended."""
    LIVE = "live"
    """Skip: it has a run that waits or is going on."""
    UNJUDGED = "unjudged"
    """Skip: the scheduler has not been there since, and will decide about it."""
    OVER_MAX = "over_max"
    """Skip: max_runs is reached."""


CREATES = frozenset({SlotReason.NEW, SlotReason.MISSED, SlotReason.RERUN})
"""The reasons for which a slot gets a run."""


class BackfillCreate(Sent):
    """What a backfill is to be.

    Args:
        range_start: first instant whose slot belongs to it.
        range_end: last one, included. Slots that are still to come are left to their schedules.
        schedules: ids of the deployment's schedules, active or not; null: its active ones.
        max_runs: at most so many runs are made, the first in `order`; null: no limit of its own.
        max_active: at most so many of its runs at once.
        parameters: laid over those of deployment and schedule.
        slot_parameter: name of the parameter that receives the slot, in ISO 8601 with its zone (UTC).
        reprocess: what happens to slots that have a run.
    """

    deployment_id: UUID
    range_start: Instant
    range_end: Instant
    schedules: list[UUID] | None = None
    order: BackfillOrder = BackfillOrder.OLDEST
    max_runs: Annotated[int, Field(ge=1)] | None = None
    max_active: Annotated[int, Field(ge=1, le=MAX_ACTIVE)] = 1
    parameters: JsonObject = Field(default_factory=dict)
    slot_parameter: Annotated[str, Field(min_length=1)] | None = None
    reprocess: Reprocess = Reprocess.NONE

    @model_validator(mode="after")
    def _range_is_forward(self) -> BackfillCreate:
        if self.range_start > self.range_end:
            raise ValueError(
                f"the range ends ({self.range_end.isoformat()}) before it starts"
                f" ({self.range_start.isoformat()})"
            )
        return self


class PlanSlot(Schema):
    """One slot of a plan: what becomes of it and why.

    `run_id`, `run_name` and `run_state` are those of the slot's last run, if it has one; `attempt` is the
    number that a created run gets.
    """

    schedule_id: UUID
    slot: Instant
    create: bool
    reason: SlotReason
    run_id: UUID | None = None
    run_name: str | None = None
    run_state: str | None = None
    attempt: int = 1


class PlanSchedule(Schema):
    """A schedule of a plan. `name` is its slug, else its rule's own text."""

    id: UUID
    name: str


class BackfillPlan(Schema):
    """A dry run. Its `request` (the range cut at the present, schedules named) and `digest` make it real.

    `slots` are in the order in which they would run.
    """

    request: BackfillCreate
    deployment_name: str
    schedules: list[PlanSchedule]
    slots: list[PlanSlot]
    creates: int
    counts: dict[SlotReason, int]
    digest: str


class BackfillProgress(Schema):
    """How far a backfill is, in runs.

    `queued` ones wait for their turn, `waiting` ones for a worker, a limit or their retry. `deleted` ones are
    gone since.
    """

    total: int = 0
    queued: int = 0
    waiting: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    crashed: int = 0
    cancelled: int = 0
    deleted: int = 0

    @property
    def ended(self) -> int:
        """How many of its runs are over."""
        return self.completed + self.failed + self.crashed + self.cancelled + self.deleted


class Backfill(Schema):
    """A backfill as read. `deployment_name` is `flow/deployment`, also after the deployment is gone."""

    id: UUID
    created: Instant
    updated: Instant
    created_by: CreatedBy | None = None
    deployment_id: UUID
    deployment_name: str
    range_start: Instant
    range_end: Instant
    schedules: list[UUID]
    order: BackfillOrder
    max_runs: int | None = None
    max_active: int
    parameters: JsonObject = Field(default_factory=dict)
    slot_parameter: str | None = None
    reprocess: Reprocess
    state: BackfillState
    message: str | None = None
    ended: Instant | None = None
    digest: str
    progress: BackfillProgress
