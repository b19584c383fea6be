"""Light rows for lists and the queries that select them.

Lists show 100,000 objects: they hold keys, and read these tuples only for the rows on screen. Free of
pydantic, because the first picture on the screen needs them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

DeploymentSort = Literal["name", "next_run", "last_run", "state", "duration", "pool", "created", "updated"]
FlowRunSort = Literal["due", "start", "end", "state", "duration", "name", "deployment"]


class DeploymentQuery(NamedTuple):
    """Which deployments a list shows, and in what order (ties broken by id)."""

    text: str = ""
    """Words that must all occur, without regard to case, in flow/name, a tag, the pool or the description."""
    sort: DeploymentSort = "name"
    descending: bool = False


class FlowRunQuery(NamedTuple):
    """Which runs a list shows, and in what order."""

    deployment_id: UUID | None = None
    text: str = ""
    state_types: tuple[str, ...] = ()
    upcoming: bool | None = None
    """True: only runs still to start; False: none of those; null: both."""
    due_before: datetime | None = None
    """An aware instant: only runs that were expected by then, and those never expected at a time."""
    sort: FlowRunSort = "due"
    descending: bool = True
    limit: int | None = None


class RecentRun(NamedTuple):
    """One bar of the activity bars: final or present state, and duration in seconds."""

    state_type: str
    duration: float | None


class DeploymentRow(NamedTuple):
    """One line of the deployments list. Durations in seconds."""

    id: UUID
    flow_name: str
    name: str
    paused: bool
    pause_reason: str | None
    pause_until: datetime | None
    schedule: str
    """The schedules in words, `+n more` for further ones, empty without any."""
    next_run: datetime | None
    recent: tuple[RecentRun, ...]
    """Newest first, at most 12."""
    last_state_type: str | None
    last_state_name: str | None
    last_run_id: UUID | None
    last_start: datetime | None
    last_duration: float | None
    median_duration: float | None
    running: int
    late: int
    tags: tuple[str, ...]
    work_pool_name: str | None
    status: str
    error: str | None

    @property
    def full_name(self) -> str:
        """`flow/deployment`."""
        return f"{self.flow_name}/{self.name}"


class FlowRunRow(NamedTuple):
    """One line of a list of runs."""

    id: UUID
    name: str
    flow_name: str
    deployment_id: UUID | None
    deployment_name: str | None
    state_type: str
    state_name: str
    expected_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    duration: float | None
    auto_scheduled: bool
    message: str | None
    tags: tuple[str, ...]


class DeletionPreview(NamedTuple):
    """What deleting deployments would do: how many go, and what goes or stays with them."""

    deployments: int
    schedules: int
    scheduled_runs: int
    kept_runs: int
    running: int


class Holder(NamedTuple):
    """Who holds a lock: process id, host, command and since when."""

    pid: int
    host: str
    command: str
    since: datetime
    is_self: bool


class Status(NamedTuple):
    """The state of the house, for the header and for `sluice` on the command line."""

    database: str
    read_only: bool
    scheduler: Holder | None
    worker: Holder | None
    deployments: int
    active_runs: int
    late_runs: int
    scheduler_error: str | None
    worker_error: str | None = None
