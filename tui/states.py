"""How states look: each has a glyph, a word and a style, so that colour is never the only signal."""

from __future__ import annotations

from typing import NamedTuple

from store.schemas import DeploymentRow

STYLES = (
    "state-completed",
    "state-failed",
    "state-crashed",
    "state-cancelled",
    "state-running",
    "state-pending",
    "state-scheduled",
    "state-late",
    "state-paused",
    "state-error",
    "state-none",
)
"""Component classes that a widget drawing states declares; styles/states.tcss gives them their colours."""


class Look(NamedTuple):
    """One cell wide glyph, the word for it, and the component class that colours it."""

    glyph: str
    word: str
    style: str


COMPLETED = Look("✓", "Completed", "state-completed")
FAILED = Look("✗", "Failed", "state-failed")
CRASHED = Look("↯", "Crashed", "state-crashed")
CANCELLED = Look("⊘", "Cancelled", "state-cancelled")
CANCELLING = Look("⊖", "Cancelling", "state-cancelled")
RUNNING = Look("►", "Running", "state-running")
PENDING = Look("◌", "Pending", "state-pending")
SCHEDULED = Look("○", "Scheduled", "state-scheduled")
LATE = Look("◔", "Late", "state-late")
PAUSED = Look("‖", "Paused", "state-paused")
ERROR = Look("!", "Cannot be planned", "state-error")
NONE = Look("·", "Never ran", "state-none")

_BY_TYPE = {
    "COMPLETED": COMPLETED,
    "FAILED": FAILED,
    "CRASHED": CRASHED,
    "CANCELLED": CANCELLED,
    "CANCELLING": CANCELLING,
    "RUNNING": RUNNING,
    "PENDING": PENDING,
    "SCHEDULED": SCHEDULED,
    "PAUSED": PAUSED,
}
LEGEND = (
    COMPLETED,
    FAILED,
    CRASHED,
    CANCELLED,
    RUNNING,
    PENDING,
    SCHEDULED,
    LATE,
    PAUSED,
    ERROR,
    NONE,
)
"""What the help screen explains."""


def look_of(state_type: str | None, state_name: str | None = None) -> Look:
    """The look of a run's state. The name wins as the word: `TimedOut` looks failed and reads TimedOut."""
    if state_name == "Late":
        return LATE
    look = _BY_TYPE.get(state_type or "", NONE)
    return look._replace(word=state_name) if state_name else look


def look_of_deployment(row: DeploymentRow) -> Look:
    """The look of a deployment: what needs attention first, else its last run."""
    if row.error:
        return ERROR
    if row.running:
        return RUNNING
    if row.paused:
        return PAUSED
    if row.late:
        return LATE
    return look_of(row.last_state_type, row.last_state_name)
