"""What applying deployments would change: field by field, against what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from backend.protocol import Backend
from sluice.exported import rule_as_written
from store.errors import NotFound
from store.schemas import (
    Deployment,
    DeploymentCreate,
    DeploymentSchedule,
    DeploymentScheduleCreate,
    ScheduleRule,
)
from tui.masking import MASK, is_secret, masked

NEW, CHANGED, UNCHANGED, PRUNED = "new", "changed", "unchanged", "pruned"

Facts = dict[str, Any]
"""Comparable values by the name a diff gives them (`job_variables.env.LANG`); null and empty are absent."""


class Change(NamedTuple):
    """One field and its two values, secrets masked."""

    field: str
    before: Any
    after: Any


class Outcome(NamedTuple):
    """What becomes of one deployment: NEW, CHANGED, UNCHANGED or PRUNED. `id` is null until it exists."""

    flow_name: str
    name: str
    action: str
    changes: list[Change]
    id: UUID | None

    @property
    def full_name(self) -> str:
        """`flow/deployment`."""
        return f"{self.flow_name}/{self.name}"


def find_existing(backend: Backend, flow_name: str, name: str) -> Deployment | None:
    """The deployment of these names, or None."""
    try:
        return backend.read_deployment_by_name(flow_name, name)
    except NotFound:
        return None


def compare(backend: Backend, wanted: Sequence[tuple[str, DeploymentCreate]]) -> list[Outcome]:
    """What applying `wanted` would do, in the same order. Reads only."""
    return [_compare_one(backend, flow_name, create) for flow_name, create in wanted]


def _compare_one(backend: Backend, flow_name: str, create: DeploymentCreate) -> Outcome:
    existing = find_existing(backend, flow_name, create.name)
    wanted = _wanted(backend, create, existing)
    present = _present(backend, existing) if existing else {}
    changes: list[Change] = []
    for group, after in wanted.items():
        before = present.get(group, {})
        if group == "sluice.pause":  # who paused, and until when, are not the file's unless it says so
            before = {field: value for field, value in before.items() if field in after}
        changes += _differences(before, after)
    action = NEW if existing is None else CHANGED if changes else UNCHANGED
    return Outcome(flow_name, create.name, action, changes, existing.id if existing else None)


def _differences(before: Facts, after: Facts) -> list[Change]:
    fields = dict.fromkeys((*after, *before))
    return [
        Change(field, _masked(field, before.get(field)), _masked(field, after.get(field)))
        for field in fields
        if before.get(field) != after.get(field)
    ]


def _masked(field: str, value: Any) -> Any:
    return MASK if value is not None and is_secret(field.rpartition(".")[2]) else masked(value)


def _wanted(backend: Backend, create: DeploymentCreate, existing: Deployment | None) -> dict[str, Facts]:
    """The facts of each field that is sent, by field."""
    sent = create.model_fields_set - {"name", "flow_id", "schedules", "sluice"}
    values = create.model_dump(mode="json", include=sent)
    own = create.sluice.model_dump(mode="json", exclude_unset=True) if create.sluice else {}
    groups = _groups(values, own)
    if create.schedules is not None:
        present = _labelled(backend, existing.schedules) if existing else {}
        facts: Facts = {}
        for label, schedule in _labelled(backend, create.schedules).items():
            was = present.get(label)
            keeps = was.active is not False if was else True
            active = keeps if schedule.active is None else schedule.active
            facts |= _schedule(backend, label, schedule, active)
        groups["schedules"] = facts
    return groups


def _present(backend: Backend, existing: Deployment) -> dict[str, Facts]:
    values = existing.model_dump(mode="json", exclude={"schedules", "sluice", "concurrency_limit"})
    limit = existing.global_concurrency_limit
    groups = _groups(
        {**values, "concurrency_limit": limit.limit if limit else None},
        existing.sluice.model_dump(mode="json"),
    )
    facts: Facts = {}
    for label, schedule in _labelled(backend, existing.schedules).items():
        facts |= _schedule(backend, label, schedule, schedule.active is not False)
    return {**groups, "schedules": facts}


def _groups(values: dict[str, Any], own: dict[str, Any]) -> dict[str, Facts]:
    """Facts by field. The exact collision strategy is `sluice.collision`, so Prefect's is left out."""
    if values.get("concurrency_options"):
        values["concurrency_options"].pop("collision_strategy", None)
    named = {**values, **{f"sluice.{name}": value for name, value in own.items()}}
    return {name: _flat(name, value) for name, value in named.items()}


def _flat(name: str, value: Any) -> Facts:
    """A value as facts, mappings key by key; schemas and steps whole. A schema without fields is none."""
    is_schema = name == "parameter_openapi_schema"
    if value in (None, [], {}, "") or (is_schema and not value.get("properties")):
        return {}
    if not isinstance(value, dict) or is_schema:
        return {name: value}
    facts: Facts = {}
    for key, inner in value.items():
        facts |= _flat(f"{name}.{key}", inner)
    return facts


Schedules = Sequence[DeploymentSchedule] | Sequence[DeploymentScheduleCreate]


def _labelled(
    backend: Backend, schedules: Schedules
) -> dict[str, DeploymentSchedule | DeploymentScheduleCreate]:
    """Schedules by slug, else by their rule in words; equal ones are numbered."""
    labels: dict[str, DeploymentSchedule | DeploymentScheduleCreate] = {}
    for schedule in schedules:
        base = schedule.slug or backend.describe_schedule(schedule.schedule)
        label, count = base, 1
        while label in labels:
            count += 1
            label = f"{base} #{count}"
        labels[label] = schedule
    return labels


def _schedule(
    backend: Backend, label: str, schedule: DeploymentSchedule | DeploymentScheduleCreate, active: bool
) -> Facts:
    name = f"schedule {label}"
    options = {
        "max_scheduled_runs": schedule.max_scheduled_runs,
        "max_active_runs": schedule.max_active_runs,
        "catchup": schedule.catchup or None,
        "parameters": schedule.parameters,
        **(schedule.sluice.model_dump() if schedule.sluice else {}),
    }
    rule = rule_text(backend, schedule.schedule)
    return {f"{name} rule": rule, f"{name} active": active, **_flat(name, options)}


def rule_text(backend: Backend, rule: ScheduleRule) -> str:
    """A rule in words and as it is written: two different rules may read the same in words."""
    exact = ", ".join(f"{key} {value}" for key, value in rule_as_written(rule).items())
    return f"{backend.describe_schedule(rule)} ({exact})"
