"""States of runs, as proposed and as kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from store.schemas.common import Instant, Json, JsonObject, Schema, Sent
from store.schemas.constants import TERMINAL_STATES, StateType


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
