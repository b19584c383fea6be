"""States of runs: types, names and what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from store.schemas.common import Instant, Json, JsonObject, Schema, Sent


class StateType(StrEnum):
    """Prefect's state types."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CANCELLING = "CANCELLING"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"


TERMINAL_STATES = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED})
ACTIVE_STATES = frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})

STATE_NAMES: dict[StateType, tuple[str, ...]] = {
    StateType.SCHEDULED: ("Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Resuming"),
    StateType.PENDING: ("Pending", "Submitting"),
    StateType.RUNNING: ("Running", "Retrying"),
    StateType.COMPLETED: ("Completed",),
    StateType.FAILED: ("Failed", "TimedOut"),
    StateType.CANCELLED: ("Cancelled", "Skipped", "Missed"),
    StateType.CANCELLING: ("Cancelling",),
    StateType.CRASHED: ("Crashed",),
    StateType.PAUSED: ("Paused", "Suspended"),
}
"""The names of each type; the first is the default."""


class StateDetails(Schema):
    """What travels with a state."""

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    scheduled_time: Instant | None = None
    transition_id: UUID | None = None
    retriable: bool | None = None
    extra: JsonObject = Field(default_factory=dict)


class StateCreate(Sent):
    """A state as proposed."""

    type: StateType
    name: str | None = None
    message: str | None = None
    timestamp: Instant | None = None
    data: Json = None
    state_details: StateDetails = Field(default_factory=StateDetails)


class State(Schema):
    """A state as kept."""

    id: UUID
    type: StateType
    name: str
    timestamp: Instant
    message: str | None = None
    data: Any = None
    state_details: StateDetails = Field(default_factory=StateDetails)

    def is_terminal(self) -> bool:
        """Whether nothing follows this state on its own."""
        return self.type in TERMINAL_STATES
