"""How the catalogue says what a demo deployment is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from scheduler import signature
from sluice.demo.history import Habit
from store.schemas import (
    LOCAL_POOL,
    CollisionStrategy,
    ConcurrencyOptions,
    CronSchedule,
    DeploymentCreate,
    DeploymentOptions,
    DeploymentScheduleCreate,
    IntervalSchedule,
    RRuleSchedule,
    ScheduleOptions,
)

NO_FLOW_YET = UUID(int=0)
"""apply_deployments replaces it by the id of the flow."""


class Pause(NamedTuple):
    """Why a deployment is paused, for how many days already, and in how many hours it resumes by itself."""

    reason: str
    days: float
    resumes_in_hours: float | None = None


class Entry(NamedTuple):
    """One demo deployment. `function` names a flow of the examples; without one, `command` runs.

    `days` is how far back its past reaches, and `by_hand` how many runs operators started in that time.
    """

    flow: str
    name: str
    habit: Habit
    schedules: tuple[DeploymentScheduleCreate, ...] = ()
    command: str | None = None
    parameters: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    description: str | None = None
    days: float = 14
    by_hand: int = 0
    pause: Pause | None = None
    limit: int | None = None
    collision: CollisionStrategy = CollisionStrategy.ENQUEUE
    pause_after_failures: int | None = None

    @property
    def function(self) -> str | None:
        """The function's and its file's name in the examples; null for a command."""
        return None if self.command else self.flow.replace("-", "_")

    def deployment(self, examples: Path, data: Path) -> DeploymentCreate:
        """As create_deployment takes it.

        Args:
            examples: the folder with the example flows.
            data: the only folder that its runs write in.
        """
        variables: dict[str, Any] = {"env": {"SLUICE_EXAMPLES_DIR": str(data)}}
        if self.command:
            variables |= {"command": self.command, "working_dir": str(data)}
        fields: dict[str, Any] = {
            "name": self.name,
            "flow_id": NO_FLOW_YET,
            "description": self.description,
            "version": "1",
            "tags": list(self.tags),
            "parameters": self.parameters,
            "schedules": list(self.schedules),
            "work_pool_name": LOCAL_POOL,
            "job_variables": variables,
            "path": str(examples),
            "entrypoint": f"flows/{self.function}.py:{self.function}" if self.function else None,
            "parameter_openapi_schema": self._schema(examples),
        }
        if self.limit is not None:
            fields["concurrency_limit"] = self.limit
            fields["concurrency_options"] = ConcurrencyOptions(collision_strategy=self.collision)
        if self.pause_after_failures is not None:
            fields["sluice"] = DeploymentOptions(pause_after_failures=self.pause_after_failures)
        return DeploymentCreate(**fields)

    def _schema(self, examples: Path) -> dict[str, Any] | None:
        """What the function takes, read from the text of its file; nothing is executed."""
        if self.function is None:
            return None
        reading = signature.read_text(str(examples / "flows" / f"{self.function}.py"), [self.function])
        schema: dict[str, Any] = reading["functions"][self.function]["schema"]
        return schema


def cron(
    rule: str,
    zone: str = "UTC",
    slug: str | None = None,
    jitter: int | None = None,
    **fields: Any,
) -> DeploymentScheduleCreate:
    """A cron schedule; jitter in seconds."""
    options = ScheduleOptions(jitter=jitter) if jitter else None
    return DeploymentScheduleCreate(
        schedule=CronSchedule(cron=rule, timezone=zone), slug=slug, sluice=options, **fields
    )


def every(zone: str = "UTC", **units: float) -> DeploymentScheduleCreate:
    """An interval schedule: `every(minutes=15)`."""
    rule = IntervalSchedule(
        interval=timedelta(**units), anchor_date="2026-01-01T00:00:00+00:00", timezone=zone
    )
    return DeploymentScheduleCreate(schedule=rule)


def rrule(rule: str, zone: str = "UTC") -> DeploymentScheduleCreate:
    """An RFC 5545 schedule."""
    return DeploymentScheduleCreate(schedule=RRuleSchedule(rrule=rule, timezone=zone))
