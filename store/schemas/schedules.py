"""Schedules: rules of time and what belongs to one. Shapes only; scheduler.timetable knows what is valid."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from store.schemas.common import MAX_COUNT, Instant, JsonObject, Schema, Sent


class IntervalSchedule(Schema):
    """Every `interval` seconds from `anchor_date`.

    `anchor_date` keeps the text's own zone: a naive one belongs to `timezone` (SEMANTICS: interval).
    """

    interval: timedelta
    anchor_date: Any = None
    timezone: str | None = None


class CronSchedule(Schema):
    """A cron rule in five fields (six: seconds last), or `@daily` and its like."""

    cron: str
    timezone: str | None = None
    day_or: bool = True


class RRuleSchedule(Schema):
    """An RFC 5545 recurrence rule, with optional DTSTART, EXDATE and RDATE lines."""

    rrule: str
    timezone: str | None = None


ScheduleRule = IntervalSchedule | CronSchedule | RRuleSchedule


class ScheduleOptions(Schema):
    """What Sluice adds to a schedule: seconds each; null means the default (window 24 h, jitter 0)."""

    catchup_window: Annotated[int, Field(ge=0, le=MAX_COUNT)] | None = None
    jitter: Annotated[int, Field(ge=0, le=MAX_COUNT)] | None = None


class DeploymentScheduleCreate(Sent):
    """A schedule as sent when a deployment is created or updated.

    `active` not sent means true for a new schedule, unchanged for one that exists.
    """

    schedule: ScheduleRule
    active: bool | None = None
    slug: str | None = None
    replaces: str | None = None
    parameters: JsonObject = Field(default_factory=dict)
    max_scheduled_runs: Annotated[int, Field(ge=1, le=50)] | None = None
    max_active_runs: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None
    catchup: bool = False
    sluice: ScheduleOptions | None = None


class DeploymentScheduleUpdate(Sent):
    """A change of one schedule: only what is sent (`model_fields_set`) changes."""

    schedule: ScheduleRule | None = None
    active: bool | None = None
    slug: str | None = None
    replaces: str | None = None
    parameters: JsonObject | None = None
    max_scheduled_runs: Annotated[int, Field(ge=1, le=50)] | None = None
    max_active_runs: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None
    catchup: bool | None = None
    sluice: ScheduleOptions | None = None


class DeploymentSchedule(Schema):
    """A schedule as read."""

    id: UUID
    created: Instant
    updated: Instant
    deployment_id: UUID
    slug: str | None = None
    schedule: ScheduleRule
    active: bool = True
    parameters: JsonObject = Field(default_factory=dict)
    max_scheduled_runs: int | None = None
    max_active_runs: int | None = None
    catchup: bool = False
    sluice: ScheduleOptions = Field(default_factory=ScheduleOptions)


def check_slugs(schedules: list[DeploymentScheduleCreate]) -> list[DeploymentScheduleCreate]:
    """Refuse two schedules with one slug (raises ValueError)."""
    slugs = [s.slug for s in schedules if s.slug]
    double = sorted({s for s in slugs if slugs.count(s) > 1})
    if double:
        raise ValueError(f"duplicate schedule slugs: {', '.join(double)}")
    return schedules


class HasSchedules(Schema):
    """Mixin: `schedules`, with unique slugs."""

    schedules: list[DeploymentScheduleCreate] | None = None

    @model_validator(mode="after")
    def _slugs_are_unique(self) -> HasSchedules:
        if self.schedules:
            check_slugs(self.schedules)
        return self
