"""What changed between two snapshots of a deployment, as lines.

A snapshot is what the history keeps: the deployment's columns, times as microseconds, and its schedules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

from store.clock import from_micros
from tui.masking import MASK, is_secret, masked
from tui.times import exact

HIDDEN = frozenset(
    {
        "id", "created", "updated", "created_by", "updated_by", "flow_id", "work_queue_id", "last_polled",
        "status", "concurrency_limit_id", "limit_name", "planning_error", "scheduled_runs",
        "deployment_id", "anchor", "planned_until", "plan_again_at",
    }
)  # fmt: skip
"""Bookkeeping: it changes without anybody meaning it."""

_INSTANTS = frozenset({"pause_until"})
_FLAT = ("parameters", "job_variables", "labels", "rule")
"""JSON objects whose keys are compared one by one."""


class Change(NamedTuple):
    """One field that differs; null where it was or is not there."""

    field: str
    before: str | None
    after: str | None


def changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, zone: tzinfo | None
) -> list[Change]:
    """The fields that differ, in the order of the snapshots; secrets are compared, then masked."""
    old, new = _fields(before or {}, zone), _fields(after or {}, zone)
    found = []
    for field in dict.fromkeys([*old, *new]):
        was, now = old.get(field), new.get(field)
        if was != now:
            found.append(Change(field, _hide(field, was), _hide(field, now)))
    return found


def _hide(field: str, words: str | None) -> str | None:
    return MASK if words is not None and is_secret(field.rpartition(".")[2]) else words


def _fields(snapshot: Mapping[str, Any], zone: tzinfo | None) -> dict[str, str]:
    """Field path to words; what is not set is left out."""
    fields: dict[str, str] = {}
    for name, value in snapshot.items():
        if name == "schedules":
            for number, schedule in enumerate(value or [], 1):
                fields |= _schedule_fields(schedule, number, zone)
        elif name not in HIDDEN:
            fields |= _one(name, value, zone)
    return fields


def _schedule_fields(schedule: Mapping[str, Any], number: int, zone: tzinfo | None) -> dict[str, str]:
    name = f"schedule {schedule.get('slug') or number}"
    fields: dict[str, str] = {}
    for key, value in schedule.items():
        if key not in HIDDEN and key != "slug":
            fields |= {f"{name}: {field}": words for field, words in _one(key, value, zone).items()}
    return fields


def _one(name: str, value: Any, zone: tzinfo | None) -> dict[str, str]:
    if value is None or value in ([], {}):
        return {}
    if name in _FLAT and isinstance(value, dict):
        return {f"{name}.{key}": _words(masked(item)) for key, item in value.items() if item is not None}
    if name in _INSTANTS and isinstance(value, int):
        return {name: exact(from_micros(value), zone)}
    if name in ("paused", "active", "catchup", "enforce_parameter_schema"):
        return {name: "yes" if value else "no"}
    return {name: _words(masked(value))}


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
