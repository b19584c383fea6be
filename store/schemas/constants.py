"""Names that the code itself knows: of states, of strategies, of the pool and queue in every database.

Free of pydantic, like `lists`: the first picture on the screen needs these.
"""

from __future__ import annotations

from enum import StrEnum


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


class CollisionStrategy(StrEnum):
    """What happens to a due run when the deployment's concurrency limit is full."""

    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"
    ENQUEUE_ONE = "ENQUEUE_ONE"
    CANCEL_RUNNING = "CANCEL_RUNNING"


LOCAL_POOL = "local"
"""The pool that the built-in worker serves. It exists in every database."""

DEFAULT_QUEUE = "default"
"""The queue that each pool has."""
